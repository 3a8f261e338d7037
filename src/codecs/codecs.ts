/** Bytes to rows and records, by format. Pure: nothing here keeps state beyond the life of a body. */
import type { Batch, Format, Framer } from '../core/batch.ts';
import { asRowSet, type RowSet } from '../core/row-set.ts';
import { type Codec, NO_BYTES, SpanFrame } from './codec.ts';
import { csv } from './csv.ts';
import { csvTokenizer } from './csv-tokenizer.ts';
import { json } from './json.ts';
import { jsonTokenizer } from './json-tokenizer.ts';
import { lineProtocol } from './line-protocol.ts';
import { lineProtocolTokenizer } from './line-protocol-tokenizer.ts';
import { ndjson } from './ndjson.ts';
import { recordTokenizer } from './record-tokenizer.ts';
import type { Tokenizer } from './tokens.ts';
import { wholeBody } from './whole-body.ts';

export { JsonScanner } from './json-scanner.ts';

const CODECS: Readonly<Record<Format, Codec>> = {
  ndjson,
  json,
  csv,
  'line-protocol': lineProtocol,
  'arrow-ipc': wholeBody,
  opaque: wholeBody,
};

/** Framing for every format. Never throws, whatever the bytes. */
export const framer: Framer = {
  count(body, format) {
    let rows = 0;
    CODECS[format].scan(body, () => {
      rows += 1;
    });
    return rows;
  },
  frame(body, format) {
    return new SpanFrame(CODECS[format], body);
  },
};

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * A body of the same format that holds just these rows, each byte for byte; the untouched body (not a copy) when
 * all rows are meant. Framing the result gives back exactly these rows.
 */
export function extractRows(batch: Batch, rows: RowSet): Uint8Array {
  const wanted = rows === 'all' ? rows : asRowSet(rows, batch.rowCount);
  if (wanted === 'all') return batch.body;
  const parts = wanted.map((row) => batch.frame.row(row));
  const first = parts[0];
  if (!first) return NO_BYTES;
  const { head, separator, tail } = CODECS[batch.format].wrap(batch.body, first);
  return concat([head, ...parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part])), tail]);
}

/**
 * The value of one row: whatever JSON holds, a record for csv and line protocol, `{ value: bytes }` for the others.
 * Integers outside ±(2^53 - 1) are bigint.
 * @throws InputError ROW_UNDECODABLE or ROW_NOT_UTF8, naming row and byte offset
 */
export function decodeRow(batch: Batch, row: number): unknown {
  const { body } = batch;
  const bytes = batch.frame.row(row);
  return CODECS[batch.format].decode(bytes, { row, offset: bytes.byteOffset - body.byteOffset }, body);
}

/**
 * The row as a record without prototype, so that any field name is data; what is no object becomes `{ value }`.
 * @throws InputError like `decodeRow`
 */
export function decodeRecord(batch: Batch, row: number): Readonly<Record<string, unknown>> {
  const value = decodeRow(batch, row);
  const record: Record<string, unknown> = Object.create(null);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    record['value'] = value;
    return record;
  }
  for (const [name, cell] of Object.entries(value)) record[name] = cell;
  return record;
}

/** Formats whose values can be found where they stand, and how. */
const TOKENIZERS: Partial<Readonly<Record<Format, (body: Uint8Array) => Tokenizer>>> = {
  ndjson: jsonTokenizer,
  json: jsonTokenizer,
  csv: csvTokenizer,
  'line-protocol': lineProtocolTokenizer,
};

/** Whether rows are told to `tokenizerOf` by their offsets rather than by their index. */
export function hasOffsets(batch: Batch): boolean {
  return TOKENIZERS[batch.format] !== undefined && batch.frame.spans !== undefined;
}

export function tokenizerOf(batch: Batch): Tokenizer {
  const make = hasOffsets(batch) ? TOKENIZERS[batch.format] : undefined;
  return make ? make(batch.body) : recordTokenizer(batch, decodeRecord);
}
