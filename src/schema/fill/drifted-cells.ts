/**
 * The cells that did not plainly conform, where they stand in the body: what the strict check counts, and what
 * coercion goes through later without reading the rest of the row again.
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
