/**
 * Finds where points of line protocol end, chunk by chunk. A line end inside a string field belongs to the point.
 *
 * P1 a quote is special only right after the `=` of a field. P2 a backslash escapes the next byte, but outside
 * strings never a line end. P3 comments and blank lines are no points.
 */
import type { RecordScanner, VisitRecord } from './record-scanner.ts';

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const EQUALS = 61;
const BACKSLASH = 92;
const MARK = [0xef, 0xbb, 0xbf];

/** `gap` is the blanks between tags and fields, `rest` everything after the fields. */
type Section = 'start' | 'comment' | 'tags' | 'gap' | 'fields' | 'string' | 'rest';

export class LineProtocolScanner implements RecordScanner {
  #offset = 0;
  #lineStart = 0;
  #section: Section = 'start';
  #hasContent = false;
  #isEscaped = false;
  #previous = 0;

  get pendingStart(): number | undefined {
    return this.#hasContent ? this.#lineStart : undefined;
  }

  scan(chunk: Uint8Array, visit: VisitRecord): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#section === 'comment' || this.#section === 'rest') at = this.#skipLine(chunk, at);
      if (at < chunk.length) this.#take(chunk[at] ?? 0, this.#offset + at, visit);
      at += 1;
    }
    this.#offset += chunk.length;
  }

  finish(visit: VisitRecord): void {
    this.#endLine(this.#offset, visit);
  }

  #skipLine(chunk: Uint8Array, from: number): number {
    const newline = chunk.indexOf(NEWLINE, from);
    return newline < 0 ? chunk.length : newline;
  }

  #take(byte: number, position: number, visit: VisitRecord): void {
    if (byte === NEWLINE && this.#section !== 'string') return this.#endLine(position + 1, visit);
    if (this.#isEscaped) this.#isEscaped = false;
    else this.#section = this.#next(byte, position);
    if (this.#section !== 'start' && this.#section !== 'comment' && byte !== RETURN) this.#hasContent = true;
    this.#previous = byte;
  }

  #next(byte: number, position: number): Section {
    const isBlank = byte === SPACE || byte === TAB;
    let section = this.#section;
    if (section === 'start') {
      if (isBlank || byte === MARK[position]) return 'start';
      section = byte === HASH ? 'comment' : 'tags';
    } else if (section === 'gap') {
      if (isBlank) return 'gap';
      // The first byte of the fields follows no `=` of a field.
      this.#previous = 0;
      section = 'fields';
    } else if (byte === SPACE && section === 'tags') return 'gap';
    else if (byte === SPACE && section === 'fields') return 'rest';
    else if (byte === QUOTE && section === 'string') return 'fields';
    if (byte === QUOTE && section === 'fields' && this.#previous === EQUALS) return 'string';
    this.#isEscaped = byte === BACKSLASH;
    return section;
  }

  #endLine(end: number, visit: VisitRecord): void {
    if (this.#hasContent) visit(this.#lineStart, end);
    this.#section = 'start';
    this.#hasContent = false;
    this.#isEscaped = false;
    this.#lineStart = end;
  }
}
