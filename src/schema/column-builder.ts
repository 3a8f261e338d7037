/** Collects rows of cells as columns. */
import type { Cell, Column, Columns } from '../core/columns.ts';
import { cellVector } from '../core/vectors.ts';

export class ColumnBuilder {
  readonly #columns: readonly Column[];
  readonly #rows: number[] = [];
  readonly #values: Cell[][];

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
    this.#values = columns.map(() => []);
  }

  /** Rows must come in ascending order. */
  add(row: number, cells: readonly Cell[]): void {
    this.#rows.push(row);
    this.#values.forEach((column, index) => {
      column.push(cells[index] ?? null);
    });
  }

  build(): Columns {
    return { columns: this.#columns, rows: this.#rows, vectors: this.#values.map(cellVector) };
  }
}
