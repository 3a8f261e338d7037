/** Bytes to rows and records, by format. Pure: nothing here keeps state beyond the life of a body. */
import type { Batch, Format, Framer } from '../core/batch.ts';
import { asRowSet, type RowSet } from '../core/row-set.ts';
import { frameArrow } from './arrow-ipc.ts';
import { isBareRecord } from './bare-record.ts';
import { type Codec, isRowFrame, NO_BYTES, SpanFrame, type Wrapping } from './codec.ts';
import { csv } from './csv.ts';
import { csvTokenizer } from './csv-tokenizer.ts';
import { json } from './json.ts';
import { countJsonPath, frameJsonPath, JSON_PATH_ATTRIBUTE } from './json-path.ts';
import { jsonTokenizer } from './json-tokenizer.ts';
import { lineProtocol } from './line-protocol.ts';
import { lineProtocolTokenizer } from './line-protocol-tokenizer.ts';
import { ndjson } from './ndjson.ts';
import { recordTokenizer } from './record-tokenizer.ts';
import type { Tokenizer } from './tokens.ts';
import { wholeBody } from './whole-body.ts';

export { JSON_PATH_ATTRIBUTE } from './json-path.ts';
export { JsonScanner } from './json-scanner.ts';

const CODECS: Readonly<Record<Format, Codec>> = {
  ndjson,
  json,
  csv,
  'line-protocol': lineProtocol,
  'arrow-ipc': wholeBody,
  opaque: wholeBody,
};

type Attributes = Readonly<Record<string, string>>;

/** Where in a JSON body its rows are; undefined when they are the body. */
function pathOf(format: Format, attributes: Attributes | undefined): string | undefined {
  return (format === 'json' && attributes?.[JSON_PATH_ATTRIBUTE]) || undefined;
}

/** Framing for every format; of JSON, by the attribute `json-path`. Never throws, whatever the bytes. */
export const framer: Framer = {
  count(body, format, attributes) {
    if (format === 'arrow-ipc') return frameArrow(body).rowCount;
    const path = pathOf(format, attributes);
    if (path !== undefined) return countJsonPath(body, path);
    let rows = 0;
    CODECS[format].scan(body, () => {
      rows += 1;
    });
    return rows;
  },
  frame(body, format, attributes) {
    if (format === 'arrow-ipc') return frameArrow(body);
    const path = pathOf(format, attributes);
    return path === undefined ? new SpanFrame(CODECS[format], body) : frameJsonPath(body, path);
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

/** What surrounds these rows of a batch, at least one, in a body of their own. */
export function wrappingOf({ format, body }: Batch, rows: readonly Uint8Array[]): Wrapping {
  return CODECS[format].wrap(body, rows[0] ?? NO_BYTES, rows);
}

/**
 * A body of the same format that holds just these rows, each byte for byte (of Arrow IPC, value for value); the untouched
 * body (not a copy) when all rows are meant. Framing the result under the attributes of the batch gives back exactly these
 * rows.
 */
export function extractRows(batch: Batch, rows: RowSet): Uint8Array {
  const wanted = rows === 'all' ? rows : asRowSet(rows, batch.rowCount);
  if (wanted === 'all') return batch.body;
  if (wanted.length === 0) return NO_BYTES;
  if (isRowFrame(batch.frame)) return batch.frame.extract(wanted);
  const parts = wanted.map((row) => batch.frame.row(row));
  const { head, separator, tail } = wrappingOf(batch, parts);
  return concat([head, ...parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part])), tail]);
}

/**
 * The value of one row: whatever JSON holds, a record for csv and line protocol, `{ value: bytes }` for the others.
 * Integers outside ±(2^53 - 1) are bigint.
 * @throws InputError ROW_UNDECODABLE or ROW_NOT_UTF8, naming row and byte offset
 */
export function decodeRow(batch: Batch, row: number): unknown {
  const { body, frame } = batch;
  // Frames of spans, the usual ones, are told by one look instead of two searches.
  if (frame.spans === undefined && isRowFrame(frame)) return frame.decode(row);
  const bytes = frame.row(row);
  return CODECS[batch.format].decode(bytes, { row, offset: bytes.byteOffset - body.byteOffset }, body);
}

/**
 * The row as a record that inherits nothing, so that any field name is data; what is no object becomes `{ value }`.
 * @throws InputError like `decodeRow`
 */
export function decodeRecord(batch: Batch, row: number): Readonly<Record<string, unknown>> {
  const value = decodeRow(batch, row);
  if (typeof value === 'object' && value !== null && isBareRecord(value)) return value;
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
