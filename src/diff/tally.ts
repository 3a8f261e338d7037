/** Counts changes into a report of bounded size, whatever the number of changes and of distinct fields. */
import type { DiffChange, DiffReport } from './change.ts';

const FIELDS_MAX = 1000;
/** Where fields beyond the limit are counted. */
const OTHERS = '(other fields)';
const DUPLICATE_SAMPLES_MAX = 10;

function withoutIndices(field: string): string {
  return field.includes('[') ? field.replace(/\[\d+\]/g, '[]') : field;
}

export class Tally {
  readonly #samplesMax: number;
  readonly #fields = new Map<string, number>();
  readonly #samples: Record<DiffChange['kind'], DiffChange[]> = { removed: [], changed: [], added: [] };
  readonly #counts = { removed: 0, changed: 0, added: 0 };
  readonly #duplicates = { a: 0, b: 0, samples: [] as (readonly unknown[])[] };
  #changedCells = 0;

  /** @param samplesMax kept per kind of change */
  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax;
  }

  take(change: DiffChange): void {
    this.#counts[change.kind] += 1;
    const samples = this.#samples[change.kind];
    if (samples.length < this.#samplesMax) samples.push(change);
    if (change.kind !== 'changed') return;
    this.#changedCells += change.cells.length;
    for (const { field } of change.cells) this.#countField(withoutIndices(field));
  }

  takeDuplicate(side: 'a' | 'b', key: readonly unknown[]): void {
    this.#duplicates[side] += 1;
    if (this.#duplicates.samples.length < DUPLICATE_SAMPLES_MAX) this.#duplicates.samples.push(key);
  }

  #countField(field: string): void {
    const isKnown = this.#fields.has(field) || this.#fields.size < FIELDS_MAX;
    const name = isKnown ? field : OTHERS;
    this.#fields.set(name, (this.#fields.get(name) ?? 0) + 1);
  }

  report(rowsA: number, rowsB: number): DiffReport {
    const { removed, changed, added } = this.#counts;
    const fields = Array.from(this.#fields, ([field, count]) => ({ field, changed: count }));
    fields.sort((x, y) => y.changed - x.changed || (x.field < y.field ? -1 : 1));
    return {
      isEqual: removed + changed + added === 0,
      rowsA,
      rowsB,
      equal: rowsA - removed - changed,
      changed,
      added,
      removed,
      changedCells: this.#changedCells,
      fields,
      duplicates: { ...this.#duplicates, samples: [...this.#duplicates.samples] },
      samples: [...this.#samples.changed, ...this.#samples.removed, ...this.#samples.added],
    };
  }
}
