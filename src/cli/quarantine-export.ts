/**
 * Quarantined rows as bytes for a file: with all that is known of them, or as a body of their own format that can be
 * mended and submitted again.
 */
import { framer } from '../codecs/codecs.ts';
import { Batch } from '../core/batch.ts';
import { ConfigError } from '../core/errors.ts';
import type { QuarantinedRow } from '../reconcile/quarantine.ts';

export const EXPORT_FORMATS = ['facts', 'own'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** @throws ConfigError for rows that cannot be put into one body of their own */
export function exportRows(
  rows: AsyncIterable<QuarantinedRow>,
  format: ExportFormat,
): AsyncIterable<Uint8Array> {
  return format === 'facts' ? linesOfFacts(rows) : ownBody(rows);
}

/** A line of JSON per row; `body` is base64 of the row alone, as a body of its format. */
async function* linesOfFacts(rows: AsyncIterable<QuarantinedRow>): AsyncGenerator<Uint8Array> {
  for await (const { body, ...facts } of rows) {
    yield Buffer.from(`${JSON.stringify({ ...facts, body: Buffer.from(body).toString('base64') })}\n`);
  }
}

/** Rows byte for byte, with what stands round them in their format. */
async function* ownBody(rows: AsyncIterable<QuarantinedRow>): AsyncGenerator<Uint8Array> {
  let first: QuarantinedRow | undefined;
  let firstHead: Uint8Array | undefined;
  for await (const row of rows) {
    if (first && row.format !== first.format) throw mixed(`${first.format} and ${row.format}`);
    if (row.format === 'opaque' || row.format === 'arrow-ipc') throw mixed(row.format);
    const { head, bytes } = partsOf(row);
    if (row.format === 'json') yield Buffer.from(first ? ',\n' : '[');
    if (row.format === 'csv') {
      if (firstHead && Buffer.compare(head, firstHead) !== 0) throw mixed('csv under different headers');
      if (!firstHead) yield head;
      firstHead ??= head;
    }
    yield bytes;
    if (row.format !== 'json') yield LINE_END;
    first ??= row;
  }
  if (first?.format === 'json') yield Buffer.from(']\n');
}

const LINE_END = Buffer.from('\n');

/** The row without what its format puts round it, and what stands before it. */
function partsOf({ body, format, attributes, receivedAtMs }: QuarantinedRow): {
  readonly head: Uint8Array;
  readonly bytes: Uint8Array;
} {
  const batch = new Batch({ body, format, attributes }, 'export', framer, receivedAtMs);
  const bytes = batch.rowCount === 1 ? batch.frame.row(0) : body;
  return { head: body.subarray(0, Math.max(0, bytes.byteOffset - body.byteOffset)), bytes };
}

function mixed(what: string): ConfigError {
  return new ConfigError(
    '--format own',
    `found ${what}, which make no one body`,
    'Choose rows of one format, for example with --ref or --reason, or use --format facts.',
  );
}
