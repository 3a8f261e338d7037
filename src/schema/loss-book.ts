/**
 * Counts changed cells while a batch is coerced.
 *
 * K1 a change is counted once, under its field and kind. K2 names of stripped fields come from the data, so the
 * number of entries is bounded: beyond it they share one.
 */
import type { LossEntry, LossReport } from '../core/loss.ts';
import { SAMPLES_MAX } from '../core/loss.ts';
import { type Change, showValue } from './change.ts';

const ENTRIES_MAX = 256;
const OTHER_FIELDS = '(other fields)';

export class LossBook {
  readonly #entries = new Map<string, LossEntry>();
  #cells = 0;
  #cellsTotal = 0;

  /** Cells looked at, changed or not. */
  look(cells: number): void {
    this.#cellsTotal += cells;
  }

  add(row: number, change: Change): void {
    const entry = this.#entryOf(change);
    entry.count += 1;
    this.#cells += 1;
    if (entry.samples.length < SAMPLES_MAX) {
      entry.samples.push({ row, before: showValue(change.before), after: showValue(change.after) });
    }
  }

  report(): LossReport {
    return { entries: [...this.#entries.values()], cells: this.#cells, cellsTotal: this.#cellsTotal };
  }

  #entryOf(change: Change): LossEntry {
    const exact = `${change.kind}/${change.lossless}/${change.field}`;
    const isNew = change.column < 0 && !this.#entries.has(exact);
    const field = isNew && this.#entries.size >= ENTRIES_MAX ? OTHER_FIELDS : change.field;
    const key = `${change.kind}/${change.lossless}/${field}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { field, kind: change.kind, lossless: change.lossless, count: 0, samples: [] };
      this.#entries.set(key, entry);
    }
    return entry;
  }
}
