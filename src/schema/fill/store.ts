/**
 * The port of a column under construction. Cells are filled in ascending order, each once; a cell that was left out
 * can be patched later, in any order, before the column is handed out.
 */
import type { Cell } from '../../core/columns.ts';
import type { Validity, Vector } from '../../core/vectors.ts';
import { pickBytes } from './pick.ts';

export interface ColumnStore {
  /**
   * Fills cell `index` from a token (`codecs/tokens.ts`) if that plainly conforms; what is accepted is what the field's
   * reader would give.
   * @returns false when nothing was filled and the reader has to be asked
   */
  fill(body: Uint8Array, kind: number, start: number, end: number, index: number): boolean;
  /** Whether, after `fill` refused it, such a token is of the wrong type for sure, where the format says what type it is. */
  refuses(kind: number): boolean;
  /** Fills cell `index` with what a reader gave; null is left to `skip`. */
  put(index: number, cell: Cell): void;
  /** Leaves cell `index` null, perhaps to be patched. */
  skip(index: number): void;
  /** Takes a `skip` back, so that cell `index`, still the last one, can be filled after all. */
  unskip(index: number): void;
  /** Replaces a cell that was skipped. */
  patch(index: number, cell: Cell): void;
  /** Makes room for so many bytes of text, once the first `filled` cells are filled. */
  reserve(filled: number, bytes: number): void;
  /** The cells at `places`, ascending; undefined = all of the first `count`. */
  vector(count: number, places: Int32Array | undefined): Vector;
}

/** One byte per cell; made at the first null, so that columns without nulls have none. */
export class NullMarks {
  readonly #rows: number;
  #marks: Uint8Array | undefined;

  constructor(rows: number) {
    this.#rows = rows;
  }

  clear(index: number): void {
    this.#marks ??= new Uint8Array(this.#rows).fill(1);
    this.#marks[index] = 0;
  }

  restore(index: number): void {
    if (this.#marks) this.#marks[index] = 1;
  }

  validity(count: number, places: Int32Array | undefined): Validity {
    const marks = this.#marks;
    if (!marks) return undefined;
    const chosen = places ? pickBytes(marks, places) : marks.subarray(0, count);
    return chosen.includes(0) ? chosen : undefined;
  }
}
