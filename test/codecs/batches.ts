import { framer } from '../../src/codecs/codecs.ts';
import { Batch, type Format } from '../../src/core/batch.ts';

export function batchOf(body: Uint8Array | string, format: Format): Batch {
  return new Batch({ body, format }, 'test', framer, 0);
}

/** The rows of a body as text. */
export function rowsOf(body: Uint8Array | string, format: Format): string[] {
  const { frame } = batchOf(body, format);
  return Array.from({ length: frame.rowCount }, (_, row) => Buffer.from(frame.row(row)).toString());
}
