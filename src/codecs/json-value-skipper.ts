/**
 * Finds where one JSON string, array or object ends, chunk by chunk, by its quotes and brackets alone. The state is a few
 * numbers, whatever the nesting and wherever a chunk ends.
 */
const QUOTE = 34;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

export class ValueSkipper {
  #isBegun = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** The next byte skipped is the first of a value. */
  begin(): void {
    this.#isBegun = false;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
  }

  /** Whether the value has ended. */
  get isDone(): boolean {
    return this.#isBegun && this.#depth === 0 && !this.#inString;
  }

  /** @returns where the value ends, or the end of the chunk */
  skip(chunk: Uint8Array, from: number): number {
    let at = this.#inString ? this.#skipString(chunk, from) : from;
    let depth = this.#depth;
    while (at < chunk.length && (depth > 0 || !this.#isBegun)) {
      const byte = chunk[at];
      at += 1;
      this.#isBegun = true;
      if (byte === QUOTE) {
        this.#inString = true;
        at = this.#skipString(chunk, at);
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    }
    this.#depth = depth;
    return at;
  }

  #skipString(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) {
        this.#inString = false;
        return at + 1;
      }
    }
    return chunk.length;
  }
}
