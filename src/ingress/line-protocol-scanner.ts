/**
 * Finds where points of line protocol end, chunk by chunk. A line end inside a string field belongs to the point.
 *
 * P1 a quote is special only right after the `=` of a field. P2 a backslash makes a space or equals sign after it a letter,
 * whatever is before the backslash, and never a line end; in strings it escapes the next byte. P3 comments and blank lines are
 * no points.
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
  /** In a string, whether the byte before escapes this one. */
  #isEscaped = false;
  /** The byte before, and the one before that, in tags and fields. */
  #previous = 0;
  #older = 0;

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
    if (this.#section === 'string') return this.#takeInString(byte);
    if (byte === NEWLINE) return this.#endLine(position + 1, visit);
    this.#section = this.#next(byte, position);
    if (this.#section !== 'start' && this.#section !== 'comment' && byte !== RETURN) this.#hasContent = true;
    this.#older = this.#previous;
    this.#previous = byte;
  }

  #takeInString(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) {
      this.#section = 'fields';
      this.#older = 0;
      this.#previous = QUOTE;
    }
  }

  #next(byte: number, position: number): Section {
    const isBlank = byte === SPACE || byte === TAB;
    const isLetter = byte !== SPACE || this.#previous === BACKSLASH;
    switch (this.#section) {
      case 'start':
        if (isBlank || byte === MARK[position]) return 'start';
        return byte === HASH ? 'comment' : this.#begin('tags');
      case 'tags':
        return isLetter ? 'tags' : 'gap';
      case 'gap':
        return isBlank ? 'gap' : this.#begin('fields');
      case 'fields':
        if (byte === QUOTE && this.#previous === EQUALS && this.#older !== BACKSLASH) return 'string';
        return isLetter ? 'fields' : 'rest';
      default:
        return this.#section;
    }
  }

  /** A section knows nothing of the bytes before it. */
  #begin(section: Section): Section {
    this.#previous = 0;
    this.#older = 0;
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
