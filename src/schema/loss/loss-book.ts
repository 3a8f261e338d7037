/**
 * Counts changed cells while a batch is coerced.
 *
 * K1 a change is counted once, under its field and kind; one with parts is counted by its parts. K2 once an entry is
 * there and has its samples, counting allocates nothing: entries are found by column, then by kind, and no text is made.
 * K3 names of stripped and of refused unknown fields come from the data: open-names.ts bounds them, as a merge does.
 */
import {
  type LossEntry,
  type LossReport,
  OTHER_FIELDS,
  type RefusedEntry,
  SAMPLES_MAX,
} from '../../core/loss.ts';
import { type Change, showValue } from '../change.ts';
import type { Refusal } from '../coerce-value.ts';
import type { LossKind, NestedChange } from '../reader.ts';
import { Decades } from './decades.ts';
import { OpenNames } from './open-names.ts';

interface Entry {
  readonly field: string;
  readonly kind: LossKind;
  readonly lossless: boolean;
  count: number;
  readonly samples: { readonly row: number; readonly before: string; readonly after: string }[];
  decades: Decades | undefined;
}

interface Refused {
  readonly field: string;
  readonly kind: string;
  count: number;
  readonly samples: { readonly row: number; readonly before: string }[];
}

/** The entries of one column: of the column itself, and of the paths below it. */
interface ColumnEntries {
  readonly whole: Entry[];
  readonly below: Map<string, Entry[]>;
}

function findEntry(entries: readonly Entry[], kind: LossKind, lossless: boolean): Entry | undefined {
  for (const entry of entries) {
    if (entry.kind === kind && entry.lossless === lossless) return entry;
  }
  return undefined;
}

function newEntry(field: string, kind: LossKind, lossless: boolean): Entry {
  return { field, kind, lossless, count: 0, samples: [], decades: undefined };
}

function newRefused(field: string, kind: string): Refused {
  return { field, kind, count: 0, samples: [] };
}

export class LossBook {
  readonly #columns: ColumnEntries[] = [];
  /** In the order of first appearance. */
  readonly #entries: Entry[] = [];
  readonly #stripped = new OpenNames<Entry>((field) => newEntry(field, 'stripped', false));
  readonly #unknown = new OpenNames<Refused>((field) => newRefused(field, 'unknown'));
  readonly #refused = new Map<string, Refused>();
  #cells = 0;
  #cellsTotal = 0;

  /** Cells looked at, changed or not. */
  look(cells: number): void {
    this.#cellsTotal += cells;
  }

  add(row: number, change: Change): void {
    const { column, parts } = change;
    if (parts !== undefined) {
      for (const part of parts) this.#addPart(row, change, part);
      // What was one cell turned out to be as many as have changed.
      this.#cellsTotal += Math.max(0, parts.length - 1);
      return;
    }
    if (column < 0) {
      this.#addStripped(row, change.field, change.before);
      return;
    }
    const { whole } = this.#columnOf(column);
    const { kind, lossless } = change;
    const entry = findEntry(whole, kind, lossless) ?? this.#open(whole, change.field, kind, lossless);
    this.#count(entry, row, change.before, change.after, change.error ?? 0);
  }

  /** Counts a cell that cost its row. */
  refuse(row: number, { field, kind, before }: Pick<Refusal, 'field' | 'kind' | 'before'>): void {
    const entry = kind === 'unknown' ? this.#unknown.of(field) : this.#refusedOf(field, kind);
    if (!entry) return;
    entry.count += 1;
    if (entry.samples.length < SAMPLES_MAX) entry.samples.push({ row, before: showValue(before) });
  }

  report(): LossReport {
    const entries = [...this.#entries, ...this.#stripped.values()].map(toLossEntry);
    if (this.#stripped.others > 0)
      entries.push({ ...newEntry(OTHER_FIELDS, 'stripped', false), count: this.#stripped.others });
    const refused: RefusedEntry[] = [...this.#refused.values(), ...this.#unknown.values()].map((entry) => ({
      ...entry,
      samples: [...entry.samples],
    }));
    if (this.#unknown.others > 0)
      refused.push({ ...newRefused(OTHER_FIELDS, 'unknown'), count: this.#unknown.others });
    return {
      entries,
      cells: this.#cells,
      cellsTotal: this.#cellsTotal,
      ...(refused.length > 0 ? { refused } : {}),
    };
  }

  #addPart(row: number, { field, column }: Change, part: NestedChange): void {
    if (part.kind === 'stripped') {
      this.#addStripped(row, field + part.path, part.before);
      return;
    }
    const { below } = this.#columnOf(column);
    let entries = below.get(part.path);
    if (!entries) {
      entries = [];
      below.set(part.path, entries);
    }
    const { kind, lossless } = part;
    const entry = findEntry(entries, kind, lossless) ?? this.#open(entries, field + part.path, kind, lossless);
    this.#count(entry, row, part.before, part.after, part.error);
  }

  #addStripped(row: number, name: string, before: unknown): void {
    const entry = this.#stripped.of(name);
    if (entry) this.#count(entry, row, before, undefined, 0);
    else this.#cells += 1;
  }

  #refusedOf(field: string, kind: string): Refused {
    const key = `${kind} ${field}`;
    const entry = this.#refused.get(key) ?? newRefused(field, kind);
    this.#refused.set(key, entry);
    return entry;
  }

  #columnOf(column: number): ColumnEntries {
    const known = this.#columns[column];
    if (known) return known;
    // Filled from the start, so that the array never has holes.
    while (this.#columns.length <= column) this.#columns.push({ whole: [], below: new Map() });
    return this.#columnOf(column);
  }

  #open(entries: Entry[], field: string, kind: LossKind, lossless: boolean): Entry {
    const entry = newEntry(field, kind, lossless);
    entries.push(entry);
    this.#entries.push(entry);
    return entry;
  }

  #count(entry: Entry, row: number, before: unknown, after: unknown, error: number): void {
    entry.count += 1;
    this.#cells += 1;
    if (entry.samples.length < SAMPLES_MAX)
      entry.samples.push({ row, before: showValue(before), after: showValue(after) });
    if (error > 0) {
      entry.decades ??= new Decades();
      entry.decades.add(error);
    }
  }
}

function toLossEntry({ field, kind, lossless, count, samples, decades }: Entry): LossEntry {
  const entry = { field, kind, lossless, count, samples: [...samples] };
  return decades ? { ...entry, error: decades.spread() } : entry;
}
