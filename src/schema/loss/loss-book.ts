/**
 * Counts changed cells while a batch is coerced.
 *
 * K1 a change is counted once, under its field and kind; one with parts is counted by its parts. K2 once an entry is
 * there and has its samples, counting allocates nothing: entries are found by column, then by kind, and no text is made.
 * K3 names of stripped fields come from the data, so only the first of them by code units have entries, as in a merge.
 */
import {
  type LossEntry,
  type LossReport,
  OTHER_FIELDS,
  type RefusedEntry,
  SAMPLES_MAX,
  STRIPPED_MAX,
} from '../../core/loss.ts';
import { type Change, showValue } from '../change.ts';
import type { Refusal } from '../coerce-value.ts';
import type { LossKind, NestedChange } from '../reader.ts';
import { Decades } from './decades.ts';

const NAME_MAX = 120;

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

/** Where a name belongs among ascending ones. */
function placeOf(name: string, names: readonly string[]): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function boundName(name: string): string {
  return name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1).toWellFormed()}…` : name;
}

export class LossBook {
  readonly #columns: ColumnEntries[] = [];
  /** In the order of first appearance. */
  readonly #entries: Entry[] = [];
  readonly #stripped = new Map<string, Entry>();
  /** Their names, ascending. */
  readonly #strippedNames: string[] = [];
  #otherCells = 0;
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
    const key = `${kind} ${field}`;
    let entry = this.#refused.get(key);
    if (!entry) {
      entry = { field, kind, count: 0, samples: [] };
      this.#refused.set(key, entry);
    }
    entry.count += 1;
    if (entry.samples.length < SAMPLES_MAX) entry.samples.push({ row, before: showValue(before) });
  }

  report(): LossReport {
    const entries = [...this.#entries, ...this.#stripped.values()].map(toLossEntry);
    if (this.#otherCells > 0) {
      const count = this.#otherCells;
      entries.push({ field: OTHER_FIELDS, kind: 'stripped', lossless: false, count, samples: [] });
    }
    const refused: RefusedEntry[] = [...this.#refused.values()].map((entry) => ({
      ...entry,
      samples: [...entry.samples],
    }));
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
    const field = boundName(name);
    const entry = this.#stripped.get(field) ?? this.#openStripped(field);
    if (entry) {
      this.#count(entry, row, before, undefined, 0);
      return;
    }
    this.#otherCells += 1;
    this.#cells += 1;
  }

  /** @returns undefined when the name is one of the others (K3) */
  #openStripped(field: string): Entry | undefined {
    if (field === OTHER_FIELDS) return undefined;
    if (this.#stripped.size >= STRIPPED_MAX) {
      const last = this.#strippedNames.at(-1) ?? '';
      if (field > last) return undefined;
      // This name takes the place of one that a merge would not keep either; that one never comes back.
      this.#otherCells += this.#stripped.get(last)?.count ?? 0;
      this.#stripped.delete(last);
      this.#strippedNames.pop();
    }
    this.#strippedNames.splice(placeOf(field, this.#strippedNames), 0, field);
    const entry = newEntry(field, 'stripped', false);
    this.#stripped.set(field, entry);
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
