/**
 * Reads the cells of a text column one after the other. A call into the runtime costs more than a short cell, so some
 * kilobytes are decoded at once and cut; what a record keeps alive is no more than those.
 */
import { isAscii } from 'node:buffer';
import type { TextVector } from '../../core/vectors.ts';

/** Bytes decoded at once, at most: a cell that is cut from them may keep all of them in memory. */
const RUN_BYTES_MAX = 4096;
/** Cells of so many bytes and more are decoded alone, so that they are strings of their own. */
const LONG_CELL_BYTES = 512;

export class TextCursor {
  readonly #offsets: Int32Array;
  readonly #validity: Uint8Array | undefined;
  readonly #bytes: Buffer;
  /** The decoded bytes `#from` to `#to`; empty before the first run. */
  #text = '';
  #from = 0;
  #to = 0;
  /** Where the last run ended that is not ASCII: its cells are decoded one by one. */
  #foreignTo = 0;

  constructor(vector: TextVector) {
    const { data, offsets, validity } = vector;
    this.#offsets = offsets;
    this.#validity = validity;
    this.#bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }

  /** Cell `index`; fast when the next index is asked for each time. */
  at(index: number): string | null {
    if (this.#validity !== undefined && this.#validity[index] === 0) return null;
    const start = this.#offsets[index] as number;
    const end = this.#offsets[index + 1] as number;
    if (start >= this.#from && end <= this.#to) {
      return this.#text.substring(start - this.#from, end - this.#from);
    }
    return this.#decode(start, end);
  }

  #decode(start: number, end: number): string {
    if (end - start < LONG_CELL_BYTES && start >= this.#foreignTo) {
      const to = Math.min(start + RUN_BYTES_MAX, this.#bytes.length);
      if (isAscii(this.#bytes.subarray(start, to))) {
        this.#text = this.#bytes.toString('latin1', start, to);
        this.#from = start;
        this.#to = to;
        return this.#text.substring(0, end - start);
      }
      this.#foreignTo = to;
    }
    return this.#bytes.toString('utf8', start, end);
  }
}
