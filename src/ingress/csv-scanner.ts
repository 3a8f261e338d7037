/**
 * Finds where CSV records end (RFC 4180), chunk by chunk: a line end inside quotes belongs to its cell.
 *
 * V1 a quote opens a cell only as its first byte; elsewhere it is text, as in `5" pipe`. V2 blank lines are no
 * records. V3 an open quote at the end of the input makes the rest one record, which then fails to decode by itself.
 * V4 where records end at CR alone, all line ends after one belong to it, so that no slice starts with a LF: behind the
 * header that would look like CRLF.
 */
import type { RecordScanner, VisitRecord } from './record-scanner.ts';

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
/** Comma, semicolon, tab, vertical bar: while the delimiter is not known, each of them starts a cell. */
const DELIMITERS: readonly number[] = [44, 59, 9, 124];
const MARK = [0xef, 0xbb, 0xbf];

/** How the records after a header are cut. */
export interface CsvLayout {
  readonly delimiter: number;
  /** The byte that ends a record: LF or CR. */
  readonly lineEnd: number;
}

/** At the first byte of a cell, in a bare cell, inside quotes, after a quote that may have ended the cell. */
type CellState = 'first' | 'bare' | 'quoted' | 'ended';

export class CsvScanner implements RecordScanner {
  readonly #delimiters: readonly number[];
  readonly #isHeader: boolean;
  /** Undefined in the header until it has ended. */
  #lineEnd: number | undefined;
  #offset = 0;
  #recordStart = 0;
  #hasContent = false;
  /** Whether the bytes before are CRs that may have ended the record. */
  #isReturned = false;
  #state: CellState = 'first';

  /** @param layout of the records after the header; without it the header is scanned */
  constructor(layout?: CsvLayout) {
    this.#isHeader = layout === undefined;
    this.#lineEnd = layout?.lineEnd;
    this.#delimiters = layout ? [layout.delimiter] : DELIMITERS;
  }

  get pendingStart(): number | undefined {
    return this.#hasContent ? this.#recordStart : undefined;
  }

  /** Whether the last cell is an open quote. */
  get isQuoted(): boolean {
    return this.#state === 'quoted';
  }

  /** The byte that ended the header. */
  get lineEnd(): number {
    return this.#lineEnd ?? NEWLINE;
  }

  scan(chunk: Uint8Array, visit: VisitRecord): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'quoted') at = this.#skipQuoted(chunk, at);
      else this.#take(chunk[at] ?? 0, this.#offset + at++, visit);
    }
    this.#offset += chunk.length;
  }

  finish(visit: VisitRecord): void {
    this.#endRecord(this.#offset, visit);
  }

  #skipQuoted(chunk: Uint8Array, from: number): number {
    const quote = chunk.indexOf(QUOTE, from);
    if (quote < 0) return chunk.length;
    this.#state = 'ended';
    return quote + 1;
  }

  #take(byte: number, position: number, visit: VisitRecord): void {
    if (this.#isReturned && this.#takeAfterReturn(byte, position, visit)) return;
    if (byte === NEWLINE && this.#lineEnd !== RETURN) {
      if (this.#hasContent) this.#lineEnd = NEWLINE;
      return this.#endRecord(position + 1, visit);
    }
    if (this.#isHeader && byte === MARK[position] && !this.#hasContent) return;
    if (byte === RETURN && this.#lineEnd !== NEWLINE) {
      this.#isReturned = this.#hasContent;
      if (!this.#hasContent) this.#recordStart = position + 1;
    } else if (byte !== RETURN) this.#hasContent = true;
    if (this.#delimiters.includes(byte)) this.#state = 'first';
    // A quote right after one that seemed to end the cell was the second half of an escaped quote.
    else if (byte === QUOTE && (this.#state === 'first' || this.#state === 'ended')) this.#state = 'quoted';
    else if (byte !== RETURN || this.#hasContent) this.#state = 'bare';
  }

  /** @returns whether the byte was dealt with */
  #takeAfterReturn(byte: number, position: number, visit: VisitRecord): boolean {
    if (byte === RETURN) return true;
    if (byte === NEWLINE && this.#lineEnd === RETURN) return true;
    this.#isReturned = false;
    if (byte === NEWLINE) return false;
    this.#lineEnd = RETURN;
    this.#endRecord(position, visit);
    return false;
  }

  #endRecord(end: number, visit: VisitRecord): void {
    if (this.#hasContent) visit(this.#recordStart, end);
    this.#hasContent = false;
    this.#isReturned = false;
    this.#state = 'first';
    this.#recordStart = end;
  }
}
