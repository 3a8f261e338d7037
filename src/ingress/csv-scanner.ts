/**
 * Finds where CSV records end (RFC 4180), chunk by chunk: a line end inside quotes belongs to its cell.
 *
 * V1 a quote opens a cell only as its first byte; elsewhere it is text, as in `5" pipe`. V2 blank lines are no
 * records. V3 an open quote at the end of the input makes the rest one record, which then fails to decode by itself.
 */
import type { RecordScanner, VisitRecord } from './record-scanner.ts';

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
/** Comma, semicolon, tab, vertical bar; in this order when they are equally frequent. */
const DELIMITERS = [44, 59, 9, 124];
const MARK = [0xef, 0xbb, 0xbf];

/** At the first byte of a cell, in a bare cell, inside quotes, after a quote that may have ended the cell. */
type CellState = 'first' | 'bare' | 'quoted' | 'ended';

/** The delimiter that is outside quotes most often; a comma when there is none. */
export function sniffDelimiter(header: Uint8Array): number {
  const counts = new Map(DELIMITERS.map((delimiter) => [delimiter, 0]));
  let isQuoted = false;
  for (const byte of header) {
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (!isQuoted && counts.has(byte)) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  }
  const [best = 44] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  return best;
}

export class CsvScanner implements RecordScanner {
  readonly #delimiters: readonly number[];
  readonly #isHeader: boolean;
  #offset = 0;
  #recordStart = 0;
  #hasContent = false;
  #state: CellState = 'first';

  /** @param delimiter of the cells; when it is not known yet (in the header), any usual one */
  constructor(delimiter?: number) {
    this.#isHeader = delimiter === undefined;
    this.#delimiters = delimiter === undefined ? DELIMITERS : [delimiter];
  }

  get pendingStart(): number | undefined {
    return this.#hasContent ? this.#recordStart : undefined;
  }

  /** Whether the last cell is an open quote. */
  get isQuoted(): boolean {
    return this.#state === 'quoted';
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
    if (byte === NEWLINE) return this.#endRecord(position + 1, visit);
    if (this.#isHeader && byte === MARK[position] && !this.#hasContent) return;
    if (byte !== RETURN) this.#hasContent = true;
    if (this.#delimiters.includes(byte)) this.#state = 'first';
    // A quote right after one that seemed to end the cell was the second half of an escaped quote.
    else if (byte === QUOTE && (this.#state === 'first' || this.#state === 'ended')) this.#state = 'quoted';
    else this.#state = 'bare';
  }

  #endRecord(end: number, visit: VisitRecord): void {
    if (this.#hasContent) visit(this.#recordStart, end);
    this.#hasContent = false;
    this.#state = 'first';
    this.#recordStart = end;
  }
}
