/** Row numbers in rising order, in a typed array that grows, and a place in it that only moves forward. */
export class RowList {
  #rows = new Int32Array(64);
  #length = 0;
  #place = 0;

  clear(): void {
    this.#length = 0;
    this.#place = 0;
  }

  push(row: number): void {
    if (this.#length === this.#rows.length) {
      const larger = new Int32Array(this.#length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows[this.#length] = row;
    this.#length += 1;
  }

  /** Whether the row is in the list; rows have to be asked for in rising order. */
  moveTo(row: number): boolean {
    while (this.#place < this.#length && (this.#rows[this.#place] ?? 0) < row) this.#place += 1;
    return this.#place < this.#length && this.#rows[this.#place] === row;
  }
}
