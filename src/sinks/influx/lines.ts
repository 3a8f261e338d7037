/** Rows of line protocol as they were received: sent as they are, looked at only for what must not be sent. */
import { SinkError } from '../../core/errors.ts';
import { rowIndices } from '../../core/row-set.ts';
import type { WriteRequest } from '../sink.ts';

const CR = 13;
const SPACE = 32;
const MINUS = 45;
const BOM = 0xef;
const ZERO = 48;

/** @throws SinkError when the batch is not line protocol */
export function linesOf({ batch, rows }: WriteRequest, sink: string): readonly Uint8Array[] {
  if (batch.format !== 'line-protocol') {
    throw new SinkError(
      'undecodable',
      `${sink}: the batch is ${batch.format}, and its bytes are sent as they are`,
      {
        hint: 'Give the sink a `point` that makes points of records, or submit line protocol.',
        retryable: false,
      },
    );
  }
  return rowIndices(rows, batch.rowCount).map((row) => batch.frame.row(row));
}

/** The whole body, if it can be sent as one; a mark or line ends of another system would be taken for data. */
export function wholeBody({ batch, rows }: WriteRequest): Uint8Array | undefined {
  if (rows !== 'all') return undefined;
  return batch.body[0] === BOM || batch.body.includes(CR) ? undefined : batch.body;
}

/** Whether a point ends with a time: digits behind a space, which no other end of a well-formed point is. */
export function hasTime(line: Uint8Array): boolean {
  let at = line.length - 1;
  while (at >= 0 && (line[at] === SPACE || line[at] === CR)) at -= 1;
  const end = at;
  while (at >= 0 && ((line[at] ?? 0) - ZERO) >>> 0 < 10) at -= 1;
  if (at === end) return false;
  if (line[at] === MINUS) at -= 1;
  return line[at] === SPACE;
}
