/**
 * The cells that did not plainly conform, where they stand in the body: what the strict check counts, and what
 * coercion goes through later without reading the rest of the row again.
 *
 * C1 the cells of a row are read in the order of their columns, and behind them those of no column as they stand in the
 * row, whichever way has told them: reports and residues do not depend on it.
 */
import { FAULT_KINDS, type FaultKind } from '../reader.ts';

const STRIDE = 7;
/** In place of the kind of a token: there is none, the record does not have the field. */
const ABSENT = -1;

export interface DriftedCell {
  /** Position of the row in the pass. */
  readonly place: number;
  /** Index of the column; -1 for `unknown`, and for a value that a later one of the same name replaced. */
  readonly column: number;
  readonly fault: FaultKind;
  /** Whether the record does not have the field; otherwise the token says where its name and value stand. */
  readonly isAbsent: boolean;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly kind: number;
  readonly start: number;
  readonly end: number;
}

export class DriftedCells {
  count = 0;
  #data = new Int32Array(STRIDE * 64);

  add(place: number, column: number, fault: FaultKind, token: Int32Array | undefined, at: number): void {
    const from = this.count * STRIDE;
    if (from === this.#data.length) this.#grow();
    const data = this.#data;
    data[from] = place;
    data[from + 1] = (column << 4) | FAULT_KINDS.indexOf(fault);
    for (let index = 0; index < 5; index += 1) data[from + 2 + index] = token?.[at + index] ?? ABSENT;
    this.count += 1;
  }

  /** Takes back what was told of row `place`, the last one. */
  forget(place: number): void {
    while (this.count > 0 && this.placeOf(this.count - 1) === place) this.count -= 1;
  }

  /** Whether the cell is one of no column. */
  isExtra(index: number): boolean {
    return (this.#data[index * STRIDE + 1] as number) < 0;
  }

  /** Index after the last cell of the row that the one at `from`, its first, belongs to; puts them into their order. */
  endOfRow(from: number): number {
    const place = this.placeOf(from);
    let to = from + 1;
    let isOrdered = true;
    for (; to < this.count && this.placeOf(to) === place; to += 1) isOrdered &&= this.#compare(to - 1, to) <= 0;
    if (!isOrdered) this.#order(from, to);
    return to;
  }

  #compare(x: number, y: number): number {
    const data = this.#data;
    const [a, b] = [data[x * STRIDE + 1] as number, data[y * STRIDE + 1] as number];
    if (a < 0 && b < 0) return (data[x * STRIDE + 2] as number) - (data[y * STRIDE + 2] as number);
    return a < 0 ? 1 : b < 0 ? -1 : a - b;
  }

  #order(from: number, to: number): void {
    const places = Array.from({ length: to - from }, (_, index) => from + index);
    places.sort((x, y) => this.#compare(x, y));
    const old = this.#data.slice(from * STRIDE, to * STRIDE);
    places.forEach((place, index) => {
      const start = (place - from) * STRIDE;
      this.#data.set(old.subarray(start, start + STRIDE), (from + index) * STRIDE);
    });
  }

  placeOf(index: number): number {
    return this.#data[index * STRIDE] as number;
  }

  at(index: number): DriftedCell {
    const from = index * STRIDE;
    const number = (offset: number): number => this.#data[from + offset] as number;
    return {
      place: number(0),
      column: number(1) >> 4,
      fault: FAULT_KINDS[number(1) & 15] as FaultKind,
      isAbsent: number(4) === ABSENT,
      keyStart: number(2),
      keyEnd: number(3),
      kind: number(4),
      start: number(5),
      end: number(6),
    };
  }

  #grow(): void {
    const larger = new Int32Array(this.#data.length * 2);
    larger.set(this.#data);
    this.#data = larger;
  }
}
