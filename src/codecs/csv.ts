/**
 * RFC 4180: a header record, then one row per record. The delimiter is found in the header.
 *
 * V1 a quote opens a quoted cell only at the start of a cell; inside, `""` is one quote and newlines are data.
 * V2 a quoted cell that is never closed takes the rest of the body: cutting it at a newline could turn the
 * remainder of a text into rows that look right. V3 a body whose header cannot be read is one row, so that
 * its bytes are not lost.
 */
import {
  bomLength,
  type Codec,
  decodeText,
  guardBom,
  NEWLINE,
  NO_BYTES,
  type Place,
  rowError,
  trimReturns,
  type Visit,
} from './codec.ts';

const LF = 10;
const QUOTE = 34;
const COMMA = 44;
/** `, ; TAB |`, in the order of preference when counts are equal. */
const DELIMITERS = [COMMA, 59, 9, 124];

/** Offset after the closing quote of the cell that opens at `open`; -1 when it is never closed. */
function closeQuote(body: Uint8Array, open: number): number {
  let at = body.indexOf(QUOTE, open + 1);
  while (at >= 0 && body[at + 1] === QUOTE) at = body.indexOf(QUOTE, at + 2);
  return at < 0 ? -1 : at + 1;
}

/** Offset of the newline that ends the record at `start` (or the end of the body); -1 inside an open quote. */
function findRecordEnd(body: Uint8Array, start: number, delimiter: number): number {
  let at = start;
  let atCellStart = true;
  while (at < body.length) {
    const byte = body[at];
    if (atCellStart && byte === QUOTE) {
      at = closeQuote(body, at);
      if (at < 0) return -1;
      atCellStart = false;
      continue;
    }
    if (byte === LF) return at;
    atCellStart = byte === delimiter;
    at += 1;
  }
  return body.length;
}

/** Visits the records from `from` on, without their line ends; records of no bytes are skipped. */
function scanRecords(body: Uint8Array, from: number, delimiter: number, visit: Visit): void {
  let start = from;
  while (start < body.length) {
    const stop = findRecordEnd(body, start, delimiter);
    const end = stop < 0 ? body.length : trimReturns(body, start, stop);
    if (end > start) visit(start, end);
    start = stop < 0 ? body.length : stop + 1;
  }
}

interface HeaderSpan {
  readonly start: number;
  readonly end: number;
  /** Where the first row may start. */
  readonly next: number;
  readonly delimiter: number;
  readonly isClosed: boolean;
}

/** The delimiter that occurs most outside quotes in the first record. */
function sniffDelimiter(body: Uint8Array, start: number): number {
  const counts = DELIMITERS.map(() => 0);
  let atCellStart = true;
  let at = start;
  while (at >= 0 && at < body.length && body[at] !== LF) {
    const byte = body[at] ?? LF;
    if (atCellStart && byte === QUOTE) {
      at = closeQuote(body, at);
      atCellStart = false;
      continue;
    }
    const index = DELIMITERS.indexOf(byte);
    atCellStart = index >= 0;
    if (atCellStart) counts[index] = (counts[index] ?? 0) + 1;
    at += 1;
  }
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? COMMA;
}

function skipEmptyLines(body: Uint8Array, from: number): number {
  let start = from;
  for (;;) {
    const newline = body.indexOf(LF, start);
    if (newline < 0 || trimReturns(body, start, newline) > start) return start;
    start = newline + 1;
  }
}

function findHeader(body: Uint8Array): HeaderSpan {
  const start = skipEmptyLines(body, bomLength(body));
  const delimiter = sniffDelimiter(body, start);
  const stop = findRecordEnd(body, start, delimiter);
  const isClosed = stop >= 0;
  const end = isClosed ? trimReturns(body, start, stop) : body.length;
  return { start, end, next: isClosed ? stop + 1 : body.length, delimiter, isClosed };
}

/** Splits one record into cells: text, or null for an empty cell without quotes. */
function splitCells(text: string, delimiter: string, place: Place): (string | null)[] {
  const cells: (string | null)[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      let close = text.indexOf('"', at + 1);
      while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
      if (close < 0) throw rowError(place, `cell ${cells.length + 1} opens a quote that is never closed`);
      cells.push(text.slice(at + 1, close).replaceAll('""', '"'));
      at = close + 1;
      if (at < text.length && text[at] !== delimiter) {
        throw rowError(place, `cell ${cells.length} goes on after its closing quote`);
      }
    } else {
      const stop = text.indexOf(delimiter, at);
      const cell = stop < 0 ? text.slice(at) : text.slice(at, stop);
      cells.push(cell === '' ? null : cell);
      at += cell.length;
    }
    if (at >= text.length) return cells;
    at += 1;
  }
}

interface Header {
  readonly names: readonly string[];
  readonly delimiter: string;
}

// A body is immutable and shared by all of its rows: its header is read once and goes away with it.
const headers = new WeakMap<Uint8Array, Header>();

function readHeader(body: Uint8Array, place: Place): Header {
  const known = headers.get(body);
  if (known) return known;
  const span = findHeader(body);
  if (!span.isClosed) throw rowError(place, 'the header opens a quote that is never closed');
  const text = decodeText(body.subarray(span.start, span.end), place);
  const delimiter = String.fromCharCode(span.delimiter);
  const names = splitCells(text, delimiter, place).map((name) => name ?? '');
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw rowError(place, `the header names column ${JSON.stringify(twice)} twice`);
  const header = { names, delimiter };
  headers.set(body, header);
  return header;
}

export const csv: Codec = {
  scan(body, visit) {
    const header = findHeader(body);
    if (header.isClosed) scanRecords(body, header.next, header.delimiter, visit);
    else visit(header.start, body.length);
  },
  decode(bytes, place, body) {
    const header = readHeader(body, place);
    const cells = splitCells(decodeText(bytes, place), header.delimiter, place);
    if (cells.length !== header.names.length) {
      throw rowError(place, `${cells.length} cells where the header has ${header.names.length}`);
    }
    const record: Record<string, unknown> = Object.create(null);
    header.names.forEach((name, index) => {
      record[name] = cells[index];
    });
    return record;
  },
  wrap(body) {
    const { start, end } = findHeader(body);
    const header = body.subarray(start, end);
    const head = new Uint8Array(guardBom(header).length + header.length + 1);
    head.set(guardBom(header));
    head.set(header, guardBom(header).length);
    head[head.length - 1] = LF;
    // No newline at the end: it would become part of a last row whose quote is open.
    return { head, separator: NEWLINE, tail: NO_BYTES };
  },
};
