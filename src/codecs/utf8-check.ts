/**
 * Tells whether rows of a body are valid UTF-8, at the price of one native pass over the body.
 *
 * The bytes ahead are checked a window at a time; only where a window holds a fault are its rows checked one by one.
 */
import { isUtf8 } from 'node:buffer';

const WINDOW_BYTES = 256 * 1024;

function isContinuation(body: Uint8Array, at: number): boolean {
  return at < body.length && ((body[at] as number) & 0xc0) === 0x80;
}

/** Made for one body; rows may be asked for in any order, and are cheap in ascending order. */
export class Utf8Check {
  readonly #body: Uint8Array;
  #goodStart = 0;
  #goodEnd = 0;
  #faultyStart = 0;
  #faultyEnd = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  /** Whether the bytes from `start` to `end` are valid UTF-8 by themselves. */
  isValid(start: number, end: number): boolean {
    // A part of valid text is valid when neither of its ends cuts a character.
    const isKnown = start >= this.#goodStart && end <= this.#goodEnd;
    if (isKnown && !isContinuation(this.#body, start) && !isContinuation(this.#body, end)) return true;
    return this.#look(start, end);
  }

  #look(start: number, end: number): boolean {
    const isFaulty = start >= this.#faultyStart && end <= this.#faultyEnd;
    if (!isFaulty && end < start + WINDOW_BYTES) {
      const windowEnd = this.#windowEnd(start);
      if (isUtf8(this.#body.subarray(start, windowEnd))) {
        this.#goodStart = start;
        this.#goodEnd = windowEnd;
        return end <= windowEnd && !isContinuation(this.#body, end);
      }
      this.#faultyStart = start;
      this.#faultyEnd = windowEnd;
    }
    return isUtf8(this.#body.subarray(start, end));
  }

  #windowEnd(start: number): number {
    let end = Math.min(this.#body.length, start + WINDOW_BYTES);
    for (let moved = 0; moved < 3 && isContinuation(this.#body, end); moved += 1) end -= 1;
    return end;
  }
}
