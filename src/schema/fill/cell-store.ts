/** Columns that only readers fill: decimals, bytes. */
import type { Cell } from '../../core/columns.ts';
import { cellVector, type Vector } from '../../core/vectors.ts';
import type { ColumnStore } from './store.ts';

export class CellStore implements ColumnStore {
  readonly #cells: Cell[];

  constructor(rows: number) {
    this.#cells = Array.from({ length: rows }, () => null);
  }

  fill(): boolean {
    return false;
  }

  refuses(): boolean {
    return false;
  }

  put(index: number, cell: Cell): void {
    this.#cells[index] = cell;
  }

  skip(index: number): void {
    this.#cells[index] = null;
  }

  unskip(): void {}

  patch(index: number, cell: Cell): void {
    this.#cells[index] = cell;
  }

  reserve(): void {}

  vector(count: number, places: Int32Array | undefined): Vector {
    if (!places) return cellVector(this.#cells.slice(0, count));
    return cellVector(Array.from(places, (place) => this.#cells[place] ?? null));
  }
}
