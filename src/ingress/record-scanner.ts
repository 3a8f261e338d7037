/**
 * Finds where the records of a stream end, chunk by chunk, without keeping bytes.
 *
 * R1 the state is a few numbers, whatever the records and wherever a chunk ends. R2 offsets count from the first
 * byte scanned. R3 records are told in order and do not overlap; the line end of a record belongs to it.
 */
import { JsonScanner } from '../codecs/json-scanner.ts';
import type { Format } from '../core/batch.ts';
import { CsvScanner } from './csv-scanner.ts';
import { LineProtocolScanner } from './line-protocol-scanner.ts';

/** Told the half-open byte range of each record, in order. */
export type VisitRecord = (start: number, end: number) => void;

export interface RecordScanner {
  scan(chunk: Uint8Array, visit: VisitRecord): void;
  /** Ends the input: what is unfinished is a record as it is. */
  finish(visit: VisitRecord): void;
  /** Where the unfinished record starts; undefined between records. */
  readonly pendingStart: number | undefined;
}

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const MARK = [0xef, 0xbb, 0xbf];

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === RETURN;
}

/** Lines that hold more than blanks. A byte order mark at the start is no content. */
export class LineScanner implements RecordScanner {
  #offset = 0;
  #lineStart = 0;
  #hasContent = false;

  get pendingStart(): number | undefined {
    return this.#hasContent ? this.#lineStart : undefined;
  }

  scan(chunk: Uint8Array, visit: VisitRecord): void {
    let at = 0;
    while (at < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, at);
      const stop = newline < 0 ? chunk.length : newline;
      this.#hasContent ||= this.#findContent(chunk, at, stop);
      if (newline >= 0) this.#endLine(this.#offset + newline + 1, visit);
      at = stop + 1;
    }
    this.#offset += chunk.length;
  }

  finish(visit: VisitRecord): void {
    this.#endLine(this.#offset, visit);
  }

  #findContent(chunk: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; at += 1) {
      const position = this.#offset + at;
      const isMark = position < MARK.length && chunk[at] === MARK[position];
      if (!isMark && !isBlank(chunk[at])) return true;
    }
    return false;
  }

  #endLine(end: number, visit: VisitRecord): void {
    if (this.#hasContent) visit(this.#lineStart, end);
    this.#hasContent = false;
    this.#lineStart = end;
  }
}

/** A format whose whole input is one record. */
export class WholeScanner implements RecordScanner {
  #offset = 0;

  get pendingStart(): number | undefined {
    return this.#offset > 0 ? 0 : undefined;
  }

  scan(chunk: Uint8Array): void {
    this.#offset += chunk.length;
  }

  finish(visit: VisitRecord): void {
    if (this.#offset > 0) visit(0, this.#offset);
  }
}

/** A scanner for records of a format; of CSV, for the records after the header. */
export function createRecordScanner(format: Format): RecordScanner {
  switch (format) {
    case 'ndjson':
      return new LineScanner();
    case 'json':
      return new JsonScanner();
    case 'csv':
      return new CsvScanner();
    case 'line-protocol':
      return new LineProtocolScanner();
    default:
      return new WholeScanner();
  }
}
