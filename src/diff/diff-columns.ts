/**
 * Compares two sets of columns that are in memory.
 *
 * The same as `diffRecords` over the rows of both, and held to that by a test; but rows that stand at the same places are
 * compared by whole runs of bytes, and others are joined by a hash table of typed arrays.
 */
import type { Columns } from '../core/columns.ts';
import type { DiffChange, DiffRecord, DiffReport } from './change.ts';
import { hashKeys } from './column-index.ts';
import { type ColumnJoin, isRising, joinByHash } from './column-join.ts';
import {
  type ColumnPair,
  type ColumnSide,
  cellValue,
  findDifferent,
  pairColumns,
  sideOf,
} from './column-pair.ts';
import { type CellChange, collectChanges } from './compare.ts';
import { type DiffOptions, diffRecords, SAMPLES_MAX } from './diff-records.ts';
import { NO_ROW } from './key-table.ts';
import { type GroupSides, matchGroup } from './match-group.ts';
import { type InTurns, Pace } from './pace.ts';
import { createComparer } from './record-comparer.ts';
import { createKeyReader } from './row-key.ts';
import { RowList } from './row-list.ts';
import { type DiffRules, parseRules, withTimes } from './rules.ts';
import { Tally } from './tally.ts';

/** Rows that are compared in one go, of one column; and of all columns, which together should fit into a cache. */
const RUN_ROWS = 16_384;
const BAND_ROWS = 4096;
/** Nanoseconds for a cell at the same place. */
const RAW_NS = 2;
/** A cell somewhere else in memory. */
const GATHER_NS = 20;
const GATHER_TEXT_NS = 80;
const VALUE_NS = 500;
const RECORD_NS = 2000;
const PLACE_NS = 2;
/** To see that a key is the same and rises. */
const KEY_NS = 2;

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
  readonly pace: Pace;
  /** By pair: the rows of A that differ in it. */
  readonly #different: readonly RowList[];
  readonly #keys: Readonly<Record<'a' | 'b', readonly (ColumnSide | undefined)[]>>;
  readonly #options: DiffOptions;

  constructor(a: Columns, b: Columns, options: DiffOptions) {
    this.a = a;
    this.b = b;
    this.#options = options;
    this.pace = new Pace(options);
    this.rules = options.rules ?? parseRules([], [], { isTabular: true });
    const names = new Set([...a.columns, ...b.columns].map(({ name }) => name));
    this.pairs = Array.from(names, (name) =>
      pairColumns(name, this.rules.of(name), sideOf(a, name), sideOf(b, name)),
    );
    this.#different = this.pairs.map(() => new RowList());
    this.#keys = {
      a: this.fields.map((name) => sideOf(a, name)),
      b: this.fields.map((name) => sideOf(b, name)),
    };
  }

  get fields(): readonly string[] {
    return typeof this.#options.key === 'string' ? [] : this.#options.key;
  }

  /** Of either side. */
  get timeFields(): readonly string[] {
    const columns = [...this.a.columns, ...this.b.columns];
    return columns.filter(({ type }) => type === 'timestamp').map(({ name }) => name);
  }

  keyOf(side: 'a' | 'b', row: number): readonly unknown[] {
    if (this.#options.key === 'order') return [row];
    return this.#keys[side].map((column) => cellValue(column, row) ?? null);
  }

  /** What differs between a row of A and its partner; rows have to be asked for in rising order. */
  cells(i: number, j: number): readonly CellChange[] {
    const changes: CellChange[] = [];
    this.pairs.forEach((pair, index) => {
      if (!this.#different[index]?.moveTo(i)) return;
      const [before, after] = [cellValue(pair.a, i), cellValue(pair.b, j)];
      if (pair.isLeaf) changes.push({ field: pair.path, before, after });
      else collectChanges(pair.path, before, after, pair.rule, 0, changes);
    });
    return changes;
  }

  /** Sets the flags of rows `from` to `to` of A in which a cell of a pair differs from that of the partner. */
  #flag(
    index: number,
    partner: Int32Array | undefined,
    from: number,
    to: number,
    flags: Uint8Array,
  ): Promise<void> | undefined {
    const [pair, found] = [this.pairs[index], this.#different[index]];
    if (!pair || !found) return undefined;
    const slow = findDifferent(pair, partner, from, to, flags, found);
    const gatherNs = pair.a?.vector.kind === 'text' ? GATHER_TEXT_NS : GATHER_NS;
    return this.pace.spend((to - from) * (partner ? gatherNs : RAW_NS) + slow * VALUE_NS);
  }

  /** Places of the pairs that have to be compared. */
  #open(isKeyCompared: boolean): readonly number[] {
    const { pairs, fields } = this;
    return [...pairs.keys()].filter((index) => !isKeyCompared || !fields.includes(pairs[index]?.name ?? ''));
  }

  /** By row of A: whether a cell differs from that of its partner. Column by column, whose partners may stay in a cache. */
  async flagRows(partner: Int32Array, isKeyCompared: boolean): Promise<Uint8Array> {
    const flags = new Uint8Array(partner.length);
    for (const index of this.#open(isKeyCompared)) {
      for (let from = 0; from < flags.length; from += RUN_ROWS) {
        const turn = this.#flag(index, partner, from, Math.min(flags.length, from + RUN_ROWS), flags);
        if (turn) await turn;
      }
    }
    return flags;
  }

  /** Row n with row n: all columns of some rows, whose changes are told while their cells are still in a cache. */
  async compareBands(isKeyCompared: boolean, tell: (row: number) => Promise<void> | undefined): Promise<void> {
    const rows = this.a.rows.length;
    const flags = new Uint8Array(rows);
    const open = this.#open(isKeyCompared);
    for (let from = 0; from < rows; from += BAND_ROWS) {
      const to = Math.min(rows, from + BAND_ROWS);
      for (const list of this.#different) list.clear();
      for (const index of open) {
        const turn = this.#flag(index, undefined, from, to, flags);
        if (turn) await turn;
      }
      const band = flags.subarray(from, to);
      for (let at = band.indexOf(1); at >= 0; at = band.indexOf(1, at + 1)) {
        const told = tell(from + at);
        if (told) await told;
      }
    }
  }

  /** @returns a promise, which must be waited for, only when somebody has to be waited for */
  tell(change: DiffChange, tally: Tally): Promise<void> | undefined {
    tally.take(change);
    const told = this.#options.onChange?.(change);
    const turn = this.pace.spend(VALUE_NS);
    return told && turn ? told.then(() => turn) : (told ?? turn) || undefined;
  }
}

/** Whether the key column is the same row by row, and no key occurs twice, so that nothing has to be looked up. */
async function areAligned({ a, b, fields, pairs, pace }: Comparison): Promise<boolean> {
  const rows = a.rows.length;
  const key = pairs.find(({ name }) => name === fields[0]);
  const { a: side, raw } = key ?? {};
  if (rows !== b.rows.length || fields.length !== 1 || !side || !raw) return false;
  let isAligned = true;
  await pace.inTurns(rows, KEY_NS, (from, to) => {
    isAligned &&= raw.isSameRun(from, to) && isRising(side, from, to);
  });
  return isAligned;
}

const SAME_PLACES = { partner: undefined, owner: undefined, groups: [] };

/** Rows 0 to `rows`, of which only the first have a row of the other side. */
async function samePlaces(rows: number, others: number, inTurns: InTurns): Promise<Int32Array> {
  const places = new Int32Array(rows).fill(NO_ROW);
  await inTurns(Math.min(rows, others), PLACE_NS, (from, to) => {
    for (let row = from; row < to; row += 1) places[row] = row;
  });
  return places;
}

/** Row n with row n. */
async function joinByOrder({ a, b, pace }: Comparison): Promise<ColumnJoin> {
  const [rowsA, rowsB] = [a.rows.length, b.rows.length];
  if (rowsA === rowsB) return { ...SAME_PLACES, isKeyCompared: false };
  const partner = await samePlaces(rowsA, rowsB, pace.inTurns);
  const owner = await samePlaces(rowsB, rowsA, pace.inTurns);
  return { partner, owner, groups: [], isKeyCompared: false };
}

async function join(comparison: Comparison, options: DiffOptions, tally: Tally): Promise<ColumnJoin> {
  const { a, b, rules, fields } = comparison;
  if (options.key === 'order') return joinByOrder(comparison);
  // For its refusals: what cannot be a key of records cannot be one of columns.
  createKeyReader(fields, rules, []);
  if (await areAligned(comparison)) return { ...SAME_PLACES, isKeyCompared: true };
  const { inTurns } = comparison.pace;
  const joined = await joinByHash(await hashKeys(a, b, fields, rules, inTurns), inTurns);
  await settleGroups(comparison, joined, tally);
  return joined;
}

async function settleGroups(
  comparison: Comparison,
  { groups, partner, owner }: ColumnJoin,
  tally: Tally,
): Promise<void> {
  const { a, b, rules, pace } = comparison;
  const sides: GroupSides = {
    a: (row) => recordOf(a, row),
    b: (row) => recordOf(b, row),
    comparer: createComparer(rules),
    rules: withTimes(rules, comparison.timeFields),
    pace,
  };
  for (const group of groups) {
    for (const side of ['a', 'b'] as const) {
      await pace.inTurns(group[side].length, VALUE_NS, (from, to) => {
        for (const row of group[side].slice(Math.max(1, from), to))
          tally.takeDuplicate(side, comparison.keyOf(side, row));
      });
    }
    for (const { rowA, rowB } of await matchGroup(group.a, group.b, sides)) {
      if (partner) partner[rowA] = rowB;
      if (owner) owner[rowB] = rowA;
    }
  }
}

/** The first row in `from` to `to` that there is something to tell of; `to` when there is none. */
function nextTold(flags: Uint8Array, partner: Int32Array, from: number, to: number): number {
  let row = from;
  while (row < to && flags[row] === 0 && partner[row] !== NO_ROW) row += 1;
  return row;
}

function changeOf(comparison: Comparison, row: number, other: number): DiffChange {
  const key = comparison.keyOf('a', row);
  if (other === NO_ROW) return { kind: 'removed', key, rowA: row, record: recordOf(comparison.a, row) };
  return { kind: 'changed', key, rowA: row, rowB: other, cells: comparison.cells(row, other) };
}

async function tellOfA(
  comparison: Comparison,
  partner: Int32Array,
  flags: Uint8Array,
  tally: Tally,
): Promise<void> {
  for (let from = 0; from < flags.length; from += RUN_ROWS) {
    const to = Math.min(flags.length, from + RUN_ROWS);
    const turn = comparison.pace.spend(RUN_ROWS);
    if (turn) await turn;
    for (let row = nextTold(flags, partner, from, to); row < to; row = nextTold(flags, partner, row + 1, to)) {
      const told = comparison.tell(changeOf(comparison, row, partner[row] ?? NO_ROW), tally);
      if (told) await told;
    }
  }
}

async function tellOfB(comparison: Comparison, owner: Int32Array | undefined, tally: Tally): Promise<void> {
  if (!owner) return;
  const { b } = comparison;
  for (let row = owner.indexOf(NO_ROW); row >= 0; row = owner.indexOf(NO_ROW, row + 1)) {
    const [key, record] = [comparison.keyOf('b', row), recordOf(b, row)];
    const told = comparison.tell({ kind: 'added', key, rowB: row, record }, tally);
    if (told) await told;
  }
}

async function allRecords(columns: Columns, { pace }: Comparison): Promise<readonly DiffRecord[]> {
  const records: DiffRecord[] = [];
  await pace.inTurns(columns.rows.length, RECORD_NS, (from, to) => {
    for (let row = from; row < to; row += 1) records.push(recordOf(columns, row));
  });
  return records;
}

/**
 * What differs between two sets of columns. Nullable cells cannot be absent, so by default null is the same as a column
 * that a side does not have.
 * @throws like `diffRecords`
 */
export async function diffColumns(a: Columns, b: Columns, options: DiffOptions): Promise<DiffReport> {
  const comparison = new Comparison(a, b, options);
  if (options.key === 'content') {
    const { timeFields } = comparison;
    const [recordsA, recordsB] = [await allRecords(a, comparison), await allRecords(b, comparison)];
    return diffRecords(recordsA, recordsB, { ...options, rules: comparison.rules, timeFields });
  }
  const tally = new Tally(options.samplesMax ?? SAMPLES_MAX);
  const joined = await join(comparison, options, tally);
  const { partner, isKeyCompared } = joined;
  if (partner) await tellOfA(comparison, partner, await comparison.flagRows(partner, isKeyCompared), tally);
  else
    await comparison.compareBands(isKeyCompared, (row) =>
      comparison.tell(changeOf(comparison, row, row), tally),
    );
  await tellOfB(comparison, joined.owner, tally);
  return tally.report(a.rows.length, b.rows.length);
}
