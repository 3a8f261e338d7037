/** What a format has to provide; one file per format implements it. Internal to this folder. */
import type { Frame, Spans } from '../core/batch.ts';
import { InputError } from '../core/errors.ts';

/** Told the half-open byte range of each row, in order. */
export type Visit = (start: number, end: number) => void;

/** Where a row is, for messages. */
export interface Place {
  readonly row: number;
  /** Byte offset of the row in the body. */
  readonly offset: number;
}

/** What surrounds rows when some of them are cut out into a body of their own. */
export interface Wrapping {
  readonly head: Uint8Array;
  readonly separator: Uint8Array;
  readonly tail: Uint8Array;
}

export interface Codec {
  /** Visits every row; allocates nothing per row. Never throws, whatever the bytes. */
  scan(body: Uint8Array, visit: Visit): void;
  /** @throws InputError ROW_UNDECODABLE or ROW_NOT_UTF8 */
  decode(bytes: Uint8Array, place: Place, body: Uint8Array): unknown;
  /** @param rows at least the first one, in their order */
  wrap(body: Uint8Array, firstRow: Uint8Array, rows: readonly Uint8Array[]): Wrapping;
}

/** A frame of a format whose rows are not simply parts of the body: it decodes and cuts out rows itself. */
export interface RowFrame extends Frame {
  /** @throws InputError ROW_UNDECODABLE or ROW_NOT_UTF8 */
  decode(row: number): unknown;
  /** A body of the same format, under the same attributes, of just these rows, which ascend. */
  extract(rows: readonly number[]): Uint8Array;
}

export function isRowFrame(frame: Frame): frame is RowFrame {
  return 'decode' in frame && 'extract' in frame;
}

export const NO_BYTES = new Uint8Array(0);
export const NEWLINE = Uint8Array.of(10);
export const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);

/** 3 when the bytes start with a UTF-8 byte order mark, else 0. */
export function bomLength(bytes: Uint8Array): number {
  return bytes[0] === BOM[0] && bytes[1] === BOM[1] && bytes[2] === BOM[2] ? BOM.length : 0;
}

/** A mark that belongs to a row would be dropped at the start of a body; a second one before it keeps it. */
export function guardBom(first: Uint8Array): Uint8Array {
  return bomLength(first) > 0 ? BOM : NO_BYTES;
}

/** `end` without the run of CR before it. */
export function trimReturns(body: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && body[at - 1] === 13) at -= 1;
  return at;
}

const QUOTE_MAX = 80;

/** An error that names row and byte offset and quotes at most 80 characters of what was found. */
export function rowError(place: Place, why: string, code = 'ROW_UNDECODABLE'): InputError {
  const words = why.length > QUOTE_MAX ? `${why.slice(0, QUOTE_MAX - 1)}…` : why;
  return new InputError(code, `row ${place.row} (byte ${place.offset}): ${words}`, {
    offset: place.offset,
    hint:
      code === 'ROW_NOT_UTF8'
        ? 'Convert the source to UTF-8; the row is kept byte for byte.'
        : 'Look at the row at that byte; it is kept byte for byte.',
  });
}

// A mark inside the text is data, so the decoder must not swallow it.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws InputError ROW_NOT_UTF8 */
export function decodeText(bytes: Uint8Array, place: Place): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw rowError(place, 'the bytes are not valid UTF-8', 'ROW_NOT_UTF8');
  }
}

const ROWS_FIRST = 64;

function doubled(from: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(from.length * 2);
  larger.set(from);
  return larger;
}

/** A frame made of offsets. */
export class SpanFrame implements Frame {
  readonly rowCount: number;
  readonly spans: Spans;
  readonly #body: Uint8Array;

  constructor(codec: Codec, body: Uint8Array) {
    this.#body = body;
    let rows = 0;
    let starts = new Int32Array(ROWS_FIRST);
    let ends = new Int32Array(ROWS_FIRST);
    codec.scan(body, (start, end) => {
      if (rows === starts.length) {
        starts = doubled(starts);
        ends = doubled(ends);
      }
      starts[rows] = start;
      ends[rows] = end;
      rows += 1;
    });
    this.rowCount = rows;
    this.spans = { starts, ends };
  }

  row(index: number): Uint8Array {
    if (!(index >= 0 && index < this.rowCount))
      throw new RangeError(`row ${index} is outside 0..${this.rowCount - 1}`);
    return this.#body.subarray(this.spans.starts[index], this.spans.ends[index]);
  }
}
