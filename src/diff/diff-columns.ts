/**
 * Compares two sets of columns that are in memory.
 *
 * The same as `diffRecords` over the rows of both, and held to that by a test; but rows that stand at the same places are
 * compared by whole runs of bytes, and others are joined by a hash table of typed arrays.
 */
import type { Columns } from '../core/columns.ts';
import type { DiffChange, DiffRecord, DiffReport } from './change.ts';
import { hashKeys, NO_ROW } from './column-index.ts';
import { type ColumnJoin, type InTurns, isRising, joinByHash } from './column-join.ts';
import { type ColumnPair, cellValue, flagDifferent, isPairSame, pairColumns, sideOf } from './column-pair.ts';
import { type CellChange, collectChanges, fieldPath } from './compare.ts';
import { type DiffOptions, diffRecords, SAMPLES_MAX } from './diff-records.ts';
import { matchGroup } from './match-group.ts';
import { createComparer } from './record-comparer.ts';
import { createKeyReader } from './row-key.ts';
import { type DiffRules, parseRules } from './rules.ts';
import { Tally } from './tally.ts';

/** Rows that are compared in one go. */
const RUN_ROWS = 4096;
/** Nanoseconds of work between two turns of the event loop, as far as they can be told in advance. */
const TURN_NS = 2e6;
const RAW_NS = 8;
const VALUE_NS = 500;
const JOIN_ROWS = 16_384;

/** Row `row` as a record. */
export function recordOf(columns: Columns, row: number): DiffRecord {
  const record: Record<string, unknown> = Object.create(null);
  columns.columns.forEach((column, index) => {
    const vector = columns.vectors[index];
    if (vector) record[column.name] = cellValue({ column, vector }, row);
  });
  return record;
}

/** Two sets of columns and what they are compared by. */
class Comparison {
  readonly a: Columns;
  readonly b: Columns;
  readonly rules: DiffRules;
  readonly pairs: readonly ColumnPair[];
  readonly #options: DiffOptions;
  #workNs = 0;

  constructor(a: Columns, b: Columns, options: DiffOptions) {
    this.a = a;
    this.b = b;
    this.#options = options;
    this.rules = options.rules ?? parseRules([], [], { isTabular: true });
    const names = new Set([...a.columns, ...b.columns].map(({ name }) => name));
    this.pairs = Array.from(names, (name) =>
      pairColumns(name, this.rules.of(name), sideOf(a, name), sideOf(b, name)),
    );
  }

  get fields(): readonly string[] {
    return typeof this.#options.key === 'string' ? [] : this.#options.key;
  }

  /** Gives way once enough was done. */
  async spend(ns: number): Promise<void> {
    this.#workNs += ns;
    if (this.#workNs < TURN_NS) return;
    this.#workNs = 0;
    this.#options.signal?.throwIfAborted();
    await this.#options.yieldToLoop?.();
  }

  inTurns: InTurns = async (rows, step) => {
    for (let from = 0; from < rows; from += JOIN_ROWS) {
      step(from, Math.min(rows, from + JOIN_ROWS));
      await this.spend(TURN_NS);
    }
  };

  keyOf(columns: Columns, row: number): readonly unknown[] {
    if (this.#options.key === 'order') return [row];
    return this.fields.map((name) => cellValue(sideOf(columns, name), row) ?? null);
  }

  cells(i: number, j: number): readonly CellChange[] {
    const changes: CellChange[] = [];
    for (const pair of this.pairs) {
      if (pair.rule.isIgnored || isPairSame(pair, i, j)) continue;
      const [before, after] = [cellValue(pair.a, i), cellValue(pair.b, j)];
      collectChanges(fieldPath('', pair.name), before, after, pair.rule, 0, changes);
    }
    return changes;
  }

  async tell(change: DiffChange, tally: Tally): Promise<void> {
    tally.take(change);
    await this.#options.onChange?.(change);
    await this.spend(VALUE_NS);
  }
}

/** Whether the key columns are the same row by row, and no key occurs twice, so that nothing has to be looked up. */
function areAligned({ a, b, fields, pairs }: Comparison): boolean {
  const rows = a.rows.length;
  if (rows !== b.rows.length || !isRising(a, fields)) return false;
  return pairs.filter(({ name }) => fields.includes(name)).every(({ raw }) => raw?.isSameRun(0, rows) === true);
}

/** Row n with row n. */
function joinByOrder(rowsA: number, rowsB: number): ColumnJoin {
  if (rowsA === rowsB) return { partner: undefined, owner: undefined, groups: [] };
  const fill = (rows: number, others: number): Int32Array =>
    Int32Array.from({ length: rows }, (_, row) => (row < others ? row : NO_ROW));
  return { partner: fill(rowsA, rowsB), owner: fill(rowsB, rowsA), groups: [] };
}

async function join(comparison: Comparison, options: DiffOptions, tally: Tally): Promise<ColumnJoin> {
  const { a, b, rules, fields } = comparison;
  if (options.key === 'order') return joinByOrder(a.rows.length, b.rows.length);
  // For its refusals: what cannot be a key of records cannot be one of columns.
  createKeyReader(fields, rules, []);
  if (areAligned(comparison)) return { partner: undefined, owner: undefined, groups: [] };
  const joined = await joinByHash(hashKeys(a, b, fields, rules), comparison.inTurns);
  settleGroups(comparison, joined, tally);
  return joined;
}

/** Rows by number, made into records when they are asked for. */
function lazyRecords(columns: Columns): { readonly records: readonly DiffRecord[] } {
  const records = new Proxy<DiffRecord[]>([], {
    get: (_target, row) => (typeof row === 'string' ? recordOf(columns, Number(row)) : undefined),
  });
  return { records };
}

function settleGroups(comparison: Comparison, { groups, partner, owner }: ColumnJoin, tally: Tally): void {
  const { a, b, rules } = comparison;
  const comparer = createComparer(rules);
  for (const group of groups) {
    for (const row of group.a.slice(1)) tally.takeDuplicate('a', comparison.keyOf(a, row));
    for (const row of group.b.slice(1)) tally.takeDuplicate('b', comparison.keyOf(b, row));
    for (const { rowA, rowB } of matchGroup(group.a, group.b, lazyRecords(a), lazyRecords(b), comparer)) {
      if (partner) partner[rowA] = rowB;
      if (owner) owner[rowB] = rowA;
    }
  }
}

async function flagRows(comparison: Comparison, partner: Int32Array | undefined): Promise<Uint8Array> {
  const rows = comparison.a.rows.length;
  const flags = new Uint8Array(rows);
  for (const pair of comparison.pairs) {
    for (let from = 0; from < rows; from += RUN_ROWS) {
      const to = Math.min(rows, from + RUN_ROWS);
      const slow = flagDifferent(pair, partner, flags, from, to);
      await comparison.spend((to - from) * RAW_NS + slow * VALUE_NS);
    }
  }
  return flags;
}

async function tellAll(
  comparison: Comparison,
  joined: ColumnJoin,
  flags: Uint8Array,
  tally: Tally,
): Promise<void> {
  const { a, b } = comparison;
  const { partner, owner } = joined;
  for (let row = 0; row < flags.length; row += 1) {
    const other = partner ? (partner[row] ?? NO_ROW) : row;
    if (other === NO_ROW) {
      const record = recordOf(a, row);
      await comparison.tell({ kind: 'removed', key: comparison.keyOf(a, row), rowA: row, record }, tally);
    } else if (flags[row] !== 0) {
      const cells = comparison.cells(row, other);
      const key = comparison.keyOf(a, row);
      await comparison.tell({ kind: 'changed', key, rowA: row, rowB: other, cells }, tally);
    }
  }
  for (let row = 0; row < (owner?.length ?? 0); row += 1) {
    if (owner?.[row] !== NO_ROW) continue;
    await comparison.tell(
      { kind: 'added', key: comparison.keyOf(b, row), rowB: row, record: recordOf(b, row) },
      tally,
    );
  }
}

function allRecords(columns: Columns): readonly DiffRecord[] {
  return columns.rows.map((_, row) => recordOf(columns, row));
}

/**
 * What differs between two sets of columns. Nullable cells cannot be absent, so by default null is the same as a column
 * that a side does not have.
 * @throws like `diffRecords`
 */
export async function diffColumns(a: Columns, b: Columns, options: DiffOptions): Promise<DiffReport> {
  const comparison = new Comparison(a, b, options);
  if (options.key === 'content') {
    return diffRecords(allRecords(a), allRecords(b), { ...options, rules: comparison.rules });
  }
  const tally = new Tally(options.samplesMax ?? SAMPLES_MAX);
  const joined = await join(comparison, options, tally);
  const flags = await flagRows(comparison, joined.partner);
  await tellAll(comparison, joined, flags, tally);
  return tally.report(a.rows.length, b.rows.length);
}
