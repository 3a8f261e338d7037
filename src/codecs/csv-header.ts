/**
 * The header of a CSV body, which decides how the rest is read: the delimiter, the line end and the names.
 *
 * H1 all of it comes from the header alone, so that a body made of the header and any of the rows is read the same way.
 * H2 the delimiter is the one of `TAB | ; ,` that occurs most often outside quotes, the first of them when it is a tie: commas
 * are the likeliest to belong to a name. H3 records end at LF or
 * CRLF; when the header ends at a CR alone, as on an old Macintosh, so do they, and LF alone is data.
 */
import { isUtf8 } from 'node:buffer';
import { asKey } from './bare-record.ts';
import { bomLength, type Place, rowError } from './codec.ts';
import { type CellText, splitCells } from './csv-cells.ts';
import { distinctNames } from './distinct-names.ts';
import { RowText } from './row-text.ts';

export const LF = 10;
export const CR = 13;
export const QUOTE = 34;
const COMMA = 44;
/** In the order of preference when counts are equal. */
const DELIMITERS: readonly number[] = [9, 124, 59, COMMA];

export interface HeaderSpan {
  readonly start: number;
  readonly end: number;
  /** Where the first row may start. */
  readonly next: number;
  readonly delimiter: number;
  /** The byte that ends a record: LF, or CR where no LF follows the header. */
  readonly lineEnd: typeof LF | typeof CR;
  /** False when a quote is never closed. */
  readonly isClosed: boolean;
}

/** Whether the bytes start with the mark of UTF-16, which none of these formats is written in. */
export function isUtf16(body: Uint8Array): boolean {
  return (body[0] === 0xff && body[1] === 0xfe) || (body[0] === 0xfe && body[1] === 0xff);
}

/** Above this many bytes the native search is faster than a loop. */
const LOOP_BYTES = 64;

/** Offset after the closing quote of the cell that opens at `open`; -1 when it is never closed. */
export function closeQuote(body: Uint8Array, open: number): number {
  let at = open + 1;
  for (let stop = Math.min(body.length, open + LOOP_BYTES); ; stop = Math.min(body.length, at + LOOP_BYTES)) {
    while (at < stop && body[at] !== QUOTE) at += 1;
    if (at === stop) {
      at = body.indexOf(QUOTE, at);
      if (at < 0) return -1;
    }
    if (body[at + 1] !== QUOTE) return at + 1;
    at += 2;
  }
}

/** Offset of the first byte that is no line end. */
export function skipLineEnds(body: Uint8Array, from: number): number {
  let at = from;
  while (body[at] === LF || body[at] === CR) at += 1;
  return at;
}

/** Finds the header in a body that starts with it. */
export function findHeader(body: Uint8Array): HeaderSpan {
  const start = skipLineEnds(body, bomLength(body));
  const counts = DELIMITERS.map(() => 0);
  let atCellStart = true;
  let at = start;
  while (at < body.length) {
    const byte = body[at] as number;
    if (byte === LF || byte === CR) {
      const next = skipReturns(body, at);
      const isAlone = next < body.length && body[next] !== LF;
      return spanOf(start, at, isAlone ? next : next + 1, counts, isAlone ? CR : LF);
    }
    if (byte === QUOTE && atCellStart) {
      at = closeQuote(body, at);
      if (at < 0) return { ...spanOf(start, body.length, body.length, counts, LF), isClosed: false };
      atCellStart = false;
      continue;
    }
    const index = DELIMITERS.indexOf(byte);
    atCellStart = index >= 0;
    if (atCellStart) counts[index] = (counts[index] ?? 0) + 1;
    at += 1;
  }
  return spanOf(start, at, at, counts, LF);
}

function skipReturns(body: Uint8Array, from: number): number {
  let at = from;
  while (body[at] === CR) at += 1;
  return at;
}

function spanOf(
  start: number,
  end: number,
  next: number,
  counts: readonly number[],
  lineEnd: HeaderSpan['lineEnd'],
): HeaderSpan {
  const most = Math.max(...counts);
  const delimiter = most === 0 ? COMMA : (DELIMITERS[counts.indexOf(most)] ?? COMMA);
  return { start, end, next, delimiter, lineEnd, isClosed: true };
}

/** What the cells of a row are called. */
export interface Header {
  readonly names: readonly string[];
  readonly delimiter: number;
  /** The delimiter as text. */
  readonly separator: string;
  readonly rows: RowText;
  /** For the cells of one row at a time. */
  readonly cells: CellText[];
}

// A body is immutable and shared by all of its rows: its header is read once and goes away with it.
const headers = new WeakMap<Uint8Array, Header>();

/**
 * The header of a body, with names that are made distinct.
 * @throws InputError ROW_UNDECODABLE, ROW_NOT_UTF8: no row of the body can be read
 */
export function readHeader(body: Uint8Array, place: Place): Header {
  const known = headers.get(body);
  if (known) return known;
  if (isUtf16(body))
    throw rowError(place, 'the body starts with the byte order mark of UTF-16', 'ROW_NOT_UTF8');
  const span = findHeader(body);
  if (!span.isClosed) throw rowError(place, 'the header opens a quote that is never closed');
  const bytes = body.subarray(span.start, span.end);
  if (!isUtf8(bytes)) throw rowError(place, 'the header is not valid UTF-8', 'ROW_NOT_UTF8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const cells: CellText[] = [];
  const separator = String.fromCharCode(span.delimiter);
  splitCells(text, separator, cells, place, 'the header: ');
  const names = cells.map((name) => name ?? '');
  const header = {
    names: distinctNames(names).map(asKey),
    delimiter: span.delimiter,
    separator,
    rows: new RowText(body),
    cells: [],
  };
  headers.set(body, header);
  return header;
}
