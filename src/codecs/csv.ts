/**
 * RFC 4180: a header record, then one row per record. The header tells delimiter and line end.
 *
 * V1 a quote opens a quoted cell only at the start of a cell; inside, `""` is one quote and line ends are data.
 * V2 a quoted cell that is never closed takes the rest of the body: cutting it at a newline could turn the
 * remainder of a text into rows that look right. V3 a body whose header cannot be read is one row, so that
 * its bytes are not lost. V4 lines of no bytes are no rows, also in a body of one column: write `""` for an empty value.
 */
import { createBareRecord } from './bare-record.ts';
import { type Codec, guardBom, NO_BYTES, rowError, trimReturns, type Visit } from './codec.ts';
import { splitCells } from './csv-cells.ts';
import { CR, closeQuote, findHeader, isUtf16, QUOTE, readHeader, skipLineEnds } from './csv-header.ts';

/**
 * Offset of the byte that ends the record at `start`, which has a quote at `quote` or behind it, or the end of the body; -1
 * inside an open quote.
 */
function findRecordEnd(
  body: Uint8Array,
  start: number,
  quote: number,
  delimiter: number,
  lineEnd: number,
): number {
  let previous = quote === start ? delimiter : (body[quote - 1] as number);
  for (let at = quote; at < body.length; ) {
    const byte = body[at] as number;
    if (byte === QUOTE && previous === delimiter) {
      at = closeQuote(body, at);
      if (at < 0) return -1;
      previous = QUOTE;
      continue;
    }
    if (byte === lineEnd) return at;
    previous = byte;
    at += 1;
  }
  return body.length;
}

function findByte(body: Uint8Array, byte: number, from: number): number {
  const at = body.indexOf(byte, from);
  return at < 0 ? body.length : at;
}

/** Visits the records from `from` on, without their line ends; records of no bytes are skipped. */
function scanRecords(body: Uint8Array, from: number, delimiter: number, lineEnd: number, visit: Visit): void {
  let start = from;
  let quote = findByte(body, QUOTE, start);
  while (start < body.length) {
    if (lineEnd === CR) start = skipLineEnds(body, start);
    if (quote < start) quote = findByte(body, QUOTE, start);
    let stop = findByte(body, lineEnd, start);
    // Only a line with a quote can go on behind its end.
    if (quote < stop) stop = findRecordEnd(body, start, quote, delimiter, lineEnd);
    const end = stop < 0 ? body.length : trimReturns(body, start, stop);
    if (end > start) visit(start, end);
    if (stop < 0) return;
    start = stop + 1;
  }
}

export const csv: Codec = {
  scan(bytes, visit) {
    // The search of a Buffer is the native one, which is twice as fast.
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const header = findHeader(body);
    if (header.isClosed && !isUtf16(body))
      scanRecords(body, header.next, header.delimiter, header.lineEnd, visit);
    else visit(header.start, body.length);
  },
  decode(bytes, place, body) {
    const { names, separator, rows, cells } = readHeader(body, place);
    const count = splitCells(rows.decode(bytes, place), separator, cells, place);
    if (count !== names.length) throw rowError(place, countFault(count, names.length));
    const record = createBareRecord();
    for (let index = 0; index < count; index += 1) record[names[index] as string] = cells[index];
    return record;
  },
  wrap(body) {
    const { start, end, lineEnd } = findHeader(body);
    const header = body.subarray(start, end);
    const head = new Uint8Array(guardBom(header).length + header.length + 1);
    head.set(guardBom(header));
    head.set(header, guardBom(header).length);
    head[head.length - 1] = lineEnd;
    // No line end at the end: it would become part of a last row whose quote is open.
    return { head, separator: Uint8Array.of(lineEnd), tail: NO_BYTES };
  },
};

function countFault(found: number, expected: number): string {
  return `${found} ${found === 1 ? 'cell' : 'cells'} where the header has ${expected}`;
}
