/** Scanners of formats whose records are lines, or the whole input. */
import type { RecordScanner, VisitRecord } from './record-scanner.ts';

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
