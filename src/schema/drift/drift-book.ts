/**
 * Counts mismatched cells while a batch is checked. Nothing is allocated until something mismatches, and nothing per
 * cell but the first samples after that. What is counted, and the bounds: see drift-report.ts.
 */
import { OTHER_FIELDS } from '../../core/loss.ts';
import { showValue } from '../change.ts';
import {
  DATA_NAMES_MAX,
  DRIFT_KINDS,
  DRIFT_SAMPLES_MAX,
  type DriftEntry,
  type DriftKind,
  type DriftReport,
  type DriftSample,
  type FieldDrift,
  partOf,
} from './drift-report.ts';
import { describeDrift } from './drift-words.ts';

const NAME_MAX = 120;
/** Of a field that the schema does not know. */
export const NO_COLUMN = -1;

interface OpenEntry {
  readonly field: string;
  readonly kind: DriftKind;
  readonly isDeclared: boolean;
  count: number;
  readonly samples: DriftSample[];
}

/** A sample that is in words already. */
export class ShownSample {
  readonly text: string;

  /** `text` is kept as it is: at most 120 characters. */
  constructor(text: string) {
    this.text = text;
  }
}

/** A cut text keeps the whole one alive, so the bytes are copied. */
function boundName(name: string): string {
  if (name.length <= NAME_MAX) return name;
  return Buffer.from(`${name.slice(0, NAME_MAX - 1)}…`, 'utf16le').toString('utf16le');
}

/** For one schema. Feed it rows with `look`, and each mismatched cell once with `add`. */
export class DriftBook {
  readonly #names: readonly string[];
  readonly #absent: Float64Array;
  readonly #mismatchedBy: Float64Array;
  /** Per kind, by column: entries of the schema's own fields. */
  readonly #declared = new Map<DriftKind, (OpenEntry | undefined)[]>();
  /** Per kind, by the name in the data. */
  readonly #named = new Map<DriftKind, Map<string, OpenEntry>>();
  readonly #entries: OpenEntry[] = [];
  #dataNames = 0;
  #rows = 0;
  #undecodable = 0;
  #absentTotal = 0;
  #unknown = 0;
  #mismatched = 0;

  /** `names` of the schema's fields, by column. */
  constructor(names: readonly string[]) {
    this.#names = names;
    this.#absent = new Float64Array(names.length);
    this.#mismatchedBy = new Float64Array(names.length);
  }

  /** Rows looked at, conforming or not. */
  look(rows: number): void {
    this.#rows += rows;
  }

  /** Rows that are no records; they have no cells. */
  skip(rows: number): void {
    this.#undecodable += rows;
  }

  /** Cells of an optional field that are absent, which conforms and is no cell (D2). */
  addAbsent(column: number, cells = 1): void {
    this.#absent[column] = (this.#absent[column] ?? 0) + cells;
    this.#absentTotal += cells;
  }

  /**
   * `count` mismatched cells. `column` is -1 for a field that the schema does not know, which makes it a cell of its own,
   * as a duplicate does; `name` is then the name in the data, and otherwise the column's name, or a path below it.
   * `sample` is shown for the first three; a function is called for it, and only then. For `renamed` it is the name
   * in the data.
   */
  add(column: number, name: string, kind: DriftKind, row: number, sample: unknown, count = 1): void {
    this.#mismatched += count;
    if (column < 0 || kind === 'duplicate') this.#unknown += count;
    else this.#mismatchedBy[column] = (this.#mismatchedBy[column] ?? 0) + count;
    const entry =
      this.#names[column] === name ? this.#declaredEntry(column, kind) : this.#namedEntry(name, kind);
    entry.count += count;
    if (entry.samples.length < DRIFT_SAMPLES_MAX) {
      const value: unknown = typeof sample === 'function' ? sample() : sample;
      entry.samples.push({ row, value: value instanceof ShownSample ? value.text : showValue(value) });
    }
  }

  /** `count` fields of one record that the schema does not know and whose names are not looked at. */
  addOthers(count: number): void {
    this.#mismatched += count;
    this.#unknown += count;
    const entries = this.#entriesOf('extra');
    const entry = entries.get(OTHER_FIELDS) ?? this.#open(OTHER_FIELDS, 'extra', false);
    entries.set(OTHER_FIELDS, entry);
    entry.count += count;
  }

  get cells(): number {
    return this.#rows * this.#names.length - this.#absentTotal + this.#unknown;
  }

  get mismatched(): number {
    return this.#mismatched;
  }

  /** `mismatched / cells`, 0 to 1. */
  get divergence(): number {
    return partOf(this.#mismatched, this.cells);
  }

  get fields(): readonly FieldDrift[] {
    return this.#names.map((field, column) => ({
      field,
      cells: this.#rows - (this.#absent[column] ?? 0),
      mismatched: this.#mismatchedBy[column] ?? 0,
    }));
  }

  /** A copy: later additions do not change it. */
  report(): DriftReport {
    return {
      rows: this.#rows,
      cells: this.cells,
      mismatched: this.#mismatched,
      divergence: this.divergence,
      undecodable: this.#undecodable,
      fields: this.fields,
      entries: this.#entries.map((entry) => ({ ...entry, samples: [...entry.samples] })),
    };
  }

  /** One bounded line with the most frequent first; empty when nothing mismatched. */
  toString(): string {
    return describeDrift(this.#entries satisfies readonly DriftEntry[]);
  }

  #declaredEntry(column: number, kind: DriftKind): OpenEntry {
    let entries = this.#declared.get(kind);
    if (!entries) {
      entries = Array.from({ length: this.#names.length });
      this.#declared.set(kind, entries);
    }
    const known = entries[column];
    if (known) return known;
    const entry = this.#open(this.#names[column] ?? '', kind, true);
    entries[column] = entry;
    return entry;
  }

  #entriesOf(kind: DriftKind): Map<string, OpenEntry> {
    const known = this.#named.get(kind);
    if (known) return known;
    const entries = new Map<string, OpenEntry>();
    this.#named.set(kind, entries);
    return entries;
  }

  #namedEntry(name: string, kind: DriftKind): OpenEntry {
    const entries = this.#entriesOf(kind);
    const bounded = boundName(name);
    const known = entries.get(bounded);
    if (known) return known;
    const isOver = this.#dataNames >= DATA_NAMES_MAX;
    const shared = isOver ? entries.get(OTHER_FIELDS) : undefined;
    if (shared) return shared;
    if (!isOver) this.#dataNames += 1;
    const field = isOver ? OTHER_FIELDS : bounded;
    const entry = this.#open(field, kind, false);
    entries.set(field, entry);
    return entry;
  }

  #open(field: string, kind: DriftKind, isDeclared: boolean): OpenEntry {
    const entry: OpenEntry = { field, kind, isDeclared, count: 0, samples: [] };
    this.#entries.push(entry);
    return entry;
  }
}

const KINDS: ReadonlySet<string> = new Set(DRIFT_KINDS);

/** The kind of drift that a reader's fault is. An `unknown` field is `extra`; a kind not known here is a `path`. */
export function driftKindOf(fault: string): DriftKind {
  if (fault === 'unknown') return 'extra';
  return isDriftKind(fault) ? fault : 'path';
}

function isDriftKind(word: string): word is DriftKind {
  return KINDS.has(word);
}
