/**
 * Compares two sets of records that are in memory, by key.
 *
 * D1 every row of both sides is in exactly one of: equal, changed, removed (only A), added (only B). D2 changes are told in
 * the order of A, then what only B has in the order of B. D3 rows of one key are paired: those that are the same first,
 * the others in their order; what is left over is removed or added. So duplicates are compared and never lost. D4 by
 * content no row is changed: the digest only finds what may be the same.
 */
import type { DiffChange, DiffRecord, DiffReport, OnChange } from './change.ts';
import { type GroupSides, matchGroup } from './match-group.ts';
import { Pace } from './pace.ts';
import { createComparer, type RecordComparer } from './record-comparer.ts';
import { type DiffMode, type KeyedSide, keyedBy, type NumberedRecords } from './row-identity.ts';
import { RowIndex } from './row-index.ts';
import type { RowKey } from './row-key.ts';
import { type DiffRules, parseRules, withTimes } from './rules.ts';
import { Tally } from './tally.ts';

export interface DiffOptions {
  /**
   * What makes two rows the same record: fields; `'content'`, so that rows are only there or not; or `'order'`, row n
   * with row n.
   */
  readonly key: DiffMode;
  /** From `parseRules`. @default only equal values are the same */
  readonly rules?: DiffRules;
  /** Fields that hold instants on a typed side: in keys, texts of the other side are then read as instants. */
  readonly timeFields?: readonly string[];
  /** Changes of each kind kept in the report. @default 10 */
  readonly samplesMax?: number;
  readonly onChange?: OnChange | undefined;
  /** Whether comparers may be compiled. @default true where the host allows it */
  readonly mayGenerate?: boolean;
  /** Lets other work run; called every few thousand cells. @default nobody else is let in */
  readonly yieldToLoop?: (() => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const SAMPLES_MAX = 10;
/** Cells between two turns of the event loop: about 2 ms. */
const CELLS_PER_TURN = 40_000;
const ROWS_PER_TURN_MAX = 4_000;
/** A digest of a row takes as long as so many comparisons. */
const DIGEST_SHARE = 20;
/** Nanoseconds to tell a change. */
const TELL_NS = 2000;

const NONE = -1;
/** What became of a row of A. */
const STATE = { open: 0, same: 1, changed: 2 } as const;

/** Rows of one key where a side has more than one. */
interface Group {
  readonly a: number[];
  readonly b: number[];
}

/** The pairing of two sets. */
interface Join {
  /** By row of A: its row of B, or NONE. */
  readonly partner: Int32Array;
  /** By row of B: its row of A, or NONE. */
  readonly owner: Int32Array;
  readonly state: Uint8Array;
  readonly groups: Map<RowKey, Group>;
  /** Keys that only A has, with their first row. */
  readonly missing: RowIndex;
  /** Whether rows of one key that are not the same are no pair. */
  readonly isStrict: boolean;
}

function rowsPerTurn(records: readonly DiffRecord[]): number {
  const widest = Math.max(1, ...records.slice(0, 16).map((record) => Object.keys(record).length));
  return Math.max(1, Math.min(ROWS_PER_TURN_MAX, Math.floor(CELLS_PER_TURN / widest)));
}

type Step = (from: number, to: number) => void | Promise<void>;

/** Calls `step` for all rows in slices, and gives way between them. */
async function inTurns(rows: number, every: number, options: DiffOptions, step: Step): Promise<void> {
  for (let from = 0; from < rows; from += every) {
    // Asked before the first slice too, so that an aborted comparison does nothing.
    options.signal?.throwIfAborted();
    const done = step(from, Math.min(rows, from + every));
    if (done) await done;
    if (from + every < rows) await options.yieldToLoop?.();
  }
}

function indexRows(side: KeyedSide, from: number, to: number, index: RowIndex, join: Join): void {
  for (let row = from; row < to; row += 1) {
    const key = side.keyOf(row);
    const first = index.get(key);
    if (first === undefined) index.set(key, row);
    else {
      const group = join.groups.get(key);
      if (group) group.b.push(row);
      else join.groups.set(key, { a: [], b: [first, row] });
    }
  }
}

/** Finds the partner of each row of A; rows of one key that are more than one on a side go into a group. */
function pairRows(a: KeyedSide, from: number, to: number, index: RowIndex, join: Join): void {
  const { partner, owner, groups, missing } = join;
  for (let row = from; row < to; row += 1) {
    const key = a.keyOf(row);
    const group = groups.size > 0 ? groups.get(key) : undefined;
    if (group) {
      group.a.push(row);
      continue;
    }
    const other = index.get(key);
    if (other === undefined) {
      const first = missing.get(key);
      if (first === undefined) missing.set(key, row);
      else groups.set(key, { a: [first, row], b: [] });
    } else if (owner[other] === NONE) {
      owner[other] = row;
      partner[row] = other;
    } else groups.set(key, { a: [owner[other] ?? NONE, row], b: [other] });
  }
}

function comparePairs(
  a: readonly DiffRecord[],
  b: readonly DiffRecord[],
  from: number,
  to: number,
  { partner, owner, state, isStrict }: Join,
  comparer: RecordComparer,
): void {
  for (let row = from; row < to; row += 1) {
    const other = partner[row] ?? NONE;
    if (other === NONE || state[row] !== STATE.open) continue;
    const [old, now] = [a[row], b[other]];
    if (!old || !now) continue;
    const isSame = comparer.isSame(old, now);
    if (isSame || !isStrict) state[row] = isSame ? STATE.same : STATE.changed;
    else {
      partner[row] = NONE;
      owner[other] = NONE;
    }
  }
}

function recordsOf({ records }: KeyedSide): (row: number) => DiffRecord {
  return (row) => records[row] ?? {};
}

async function settleGroup(group: Group, join: Join, sides: GroupSides): Promise<void> {
  const { owner, partner, state, isStrict } = join;
  for (const row of group.a) {
    partner[row] = NONE;
    state[row] = STATE.open;
  }
  for (const row of group.b) owner[row] = NONE;
  for (const { rowA, rowB, isSame } of await matchGroup(group.a, group.b, sides)) {
    if (isStrict && !isSame) continue;
    partner[rowA] = rowB;
    owner[rowB] = rowA;
    state[rowA] = isSame ? STATE.same : STATE.changed;
  }
}

/** Hands changes to whoever counts them and to whoever listens. */
function createTeller(
  tally: Tally,
  onChange: OnChange | undefined,
  pace: Pace,
): (change: DiffChange) => void | Promise<void> {
  return (change) => {
    tally.take(change);
    const told = onChange?.(change);
    const turn = pace.spend(TELL_NS);
    return told && turn ? told.then(() => turn) : (told ?? turn);
  };
}

type Tell = ReturnType<typeof createTeller>;

async function tellOfA(
  a: KeyedSide,
  b: KeyedSide,
  from: number,
  to: number,
  { state, partner }: Join,
  comparer: RecordComparer,
  tell: Tell,
): Promise<void> {
  for (let row = from; row < to; row += 1) {
    if (state[row] === STATE.same) continue;
    const record = a.records[row] ?? {};
    const [key, rowB] = [a.valuesOf(row), partner[row] ?? NONE];
    const told =
      rowB === NONE
        ? tell({ kind: 'removed', key, rowA: a.numberOf(row), record })
        : tell({
            kind: 'changed',
            key,
            rowA: a.numberOf(row),
            rowB: b.numberOf(rowB),
            cells: comparer.changes(record, b.records[rowB] ?? {}),
          });
    if (told) await told;
  }
}

async function tellOfB(b: KeyedSide, from: number, to: number, { owner }: Join, tell: Tell): Promise<void> {
  for (let row = from; row < to; row += 1) {
    if (owner[row] !== NONE) continue;
    const told = tell({
      kind: 'added',
      key: b.valuesOf(row),
      rowB: b.numberOf(row),
      record: b.records[row] ?? {},
    });
    if (told) await told;
  }
}

async function settleGroups(
  join: Join,
  a: KeyedSide,
  b: KeyedSide,
  by: Pick<GroupSides, 'comparer' | 'rules' | 'pace'>,
  tally: Tally,
): Promise<void> {
  const { pace } = by;
  const sides: GroupSides = { ...by, a: recordsOf(a), b: recordsOf(b) };
  for (const group of join.groups.values()) {
    await settleGroup(group, join, sides);
    if (!a.hasKey) continue;
    await pace.inTurns(group.a.length, TELL_NS, (from, to) => {
      for (const row of group.a.slice(Math.max(1, from), to)) tally.takeDuplicate('a', a.valuesOf(row));
    });
    await pace.inTurns(group.b.length, TELL_NS, (from, to) => {
      for (const row of group.b.slice(Math.max(1, from), to)) tally.takeDuplicate('b', b.valuesOf(row));
    });
  }
}

/** Adds the changes of two sets to a tally. */
export async function tallyRecords(
  rowsA: NumberedRecords,
  rowsB: NumberedRecords,
  options: DiffOptions,
  tally: Tally,
): Promise<void> {
  const { rules = parseRules(), mayGenerate } = options;
  const [a, b] = [rowsA.records, rowsB.records];
  const timeFields = options.timeFields ?? [];
  const [sideA, sideB] = keyedBy(options.key, rowsA, rowsB, rules, timeFields);
  const comparer = createComparer(rules, { sample: a[0], mayGenerate });
  const pace = new Pace(options);
  const every = rowsPerTurn(a.length > 0 ? a : b);
  const everyKey = options.key === 'content' ? Math.ceil(every / DIGEST_SHARE) : every;
  const turns = (rows: number, step: Step, own = every): Promise<void> => inTurns(rows, own, options, step);
  const join: Join = {
    partner: new Int32Array(a.length).fill(NONE),
    owner: new Int32Array(b.length).fill(NONE),
    state: new Uint8Array(a.length),
    groups: new Map(),
    missing: new RowIndex(a.length),
    isStrict: options.key === 'content',
  };
  const index = new RowIndex(b.length);
  await turns(b.length, (from, to) => indexRows(sideB, from, to, index, join), everyKey);
  await turns(a.length, (from, to) => pairRows(sideA, from, to, index, join), everyKey);
  await settleGroups(join, sideA, sideB, { comparer, rules: withTimes(rules, timeFields), pace }, tally);
  await turns(a.length, (from, to) => comparePairs(a, b, from, to, join, comparer));
  const tell = createTeller(tally, options.onChange, pace);
  await turns(a.length, (from, to) => tellOfA(sideA, sideB, from, to, join, comparer, tell));
  await turns(b.length, (from, to) => tellOfB(sideB, from, to, join, tell));
}

/**
 * What differs between two sets of records.
 * @throws ConfigError for a key or a tolerance that cannot work; what `onChange` throws; the reason of an aborted signal
 */
export async function diffRecords(
  a: readonly DiffRecord[],
  b: readonly DiffRecord[],
  options: DiffOptions,
): Promise<DiffReport> {
  const tally = new Tally(options.samplesMax ?? SAMPLES_MAX);
  await tallyRecords({ records: a }, { records: b }, options, tally);
  return tally.report(a.length, b.length);
}
