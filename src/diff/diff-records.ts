/**
 * Compares two sets of records that are in memory, by key.
 *
 * D1 every row of both sides is in exactly one of: equal, changed, removed (only A), added (only B). D2 changes are told in
 * the order of A, then what only B has in the order of B. D3 rows of one key are paired: those that are the same first,
 * the others in their order; what is left over is removed or added. So duplicates are compared and never lost.
 */
import type { DiffChange, DiffRecord, DiffReport, OnChange } from './change.ts';
import { matchGroup } from './match-group.ts';
import { createComparer, type RecordComparer } from './record-comparer.ts';
import { type DiffMode, type KeyedSide, keyedBy } from './row-identity.ts';
import type { RowKey } from './row-key.ts';
import { type DiffRules, parseRules } from './rules.ts';
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
const CELLS_PER_TURN = 20_000;
const ROWS_PER_TURN_MAX = 4_000;

const NONE = -1;
/** What became of a row of A. */
const STATE = { removed: 0, same: 1, changed: 2 } as const;

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
}

function rowsPerTurn(records: readonly DiffRecord[]): number {
  const widest = Math.max(1, ...records.slice(0, 16).map((record) => Object.keys(record).length));
  return Math.max(1, Math.min(ROWS_PER_TURN_MAX, Math.floor(CELLS_PER_TURN / widest)));
}

/** Counts rows and gives way in time. */
class Turns {
  readonly #every: number;
  readonly #options: DiffOptions;

  constructor(every: number, options: DiffOptions) {
    this.#every = every;
    this.#options = options;
  }

  isDue(row: number): boolean {
    return row % this.#every === this.#every - 1;
  }

  async give(): Promise<void> {
    this.#options.signal?.throwIfAborted();
    await this.#options.yieldToLoop?.();
  }
}

async function indexRows(side: KeyedSide, join: Join, turns: Turns): Promise<Map<RowKey, number>> {
  const index = new Map<RowKey, number>();
  for (let row = 0; row < side.records.length; row += 1) {
    const key = side.keyOf(row);
    const first = index.get(key);
    if (first === undefined) index.set(key, row);
    else {
      const group = join.groups.get(key);
      if (group) group.b.push(row);
      else join.groups.set(key, { a: [], b: [first, row] });
    }
    if (turns.isDue(row)) await turns.give();
  }
  return index;
}

async function pairRows(
  a: KeyedSide,
  b: KeyedSide,
  join: Join,
  comparer: RecordComparer,
  turns: Turns,
): Promise<void> {
  const index = await indexRows(b, join, turns);
  const { partner, owner, state, groups } = join;
  const missing = new Map<RowKey, number>();
  for (let row = 0; row < a.records.length; row += 1) {
    const key = a.keyOf(row);
    const group = groups.size > 0 ? groups.get(key) : undefined;
    const other = group ? NONE : (index.get(key) ?? NONE);
    if (group) group.a.push(row);
    else if (other === NONE) {
      const first = missing.get(key);
      if (first === undefined) missing.set(key, row);
      else groups.set(key, { a: [first, row], b: [] });
    } else if (owner[other] === NONE) {
      owner[other] = row;
      partner[row] = other;
      const isSame = comparer.isSame(a.records[row] ?? {}, b.records[other] ?? {});
      state[row] = isSame ? STATE.same : STATE.changed;
    } else groups.set(key, { a: [owner[other] ?? NONE, row], b: [other] });
    if (turns.isDue(row)) await turns.give();
  }
}

function settleGroup(group: Group, a: KeyedSide, b: KeyedSide, join: Join, comparer: RecordComparer): void {
  const { partner, owner, state } = join;
  for (const row of group.a) {
    partner[row] = NONE;
    state[row] = STATE.removed;
  }
  for (const row of group.b) owner[row] = NONE;
  for (const { rowA, rowB, isSame } of matchGroup(group.a, group.b, a, b, comparer)) {
    partner[rowA] = rowB;
    owner[rowB] = rowA;
    state[rowA] = isSame ? STATE.same : STATE.changed;
  }
}

/** Changes one by one, in order. */
function* changesOf(
  a: KeyedSide,
  b: KeyedSide,
  join: Join,
  comparer: RecordComparer,
): Generator<DiffChange | undefined, void, undefined> {
  for (let row = 0; row < a.records.length; row += 1) {
    const record = a.records[row] ?? {};
    if (join.state[row] === STATE.same) yield undefined;
    else if (join.state[row] === STATE.removed)
      yield { kind: 'removed', key: a.valuesOf(row), rowA: row, record };
    else {
      const rowB = join.partner[row] ?? NONE;
      const cells = comparer.changes(record, b.records[rowB] ?? {});
      yield { kind: 'changed', key: a.valuesOf(row), rowA: row, rowB, cells };
    }
  }
  for (let row = 0; row < b.records.length; row += 1) {
    if (join.owner[row] !== NONE) yield undefined;
    else yield { kind: 'added', key: b.valuesOf(row), rowB: row, record: b.records[row] ?? {} };
  }
}

/** Adds the changes of two sets to a tally. */
export async function tallyRecords(
  a: readonly DiffRecord[],
  b: readonly DiffRecord[],
  options: DiffOptions,
  tally: Tally,
): Promise<void> {
  const { rules = parseRules(), onChange, mayGenerate } = options;
  const [sideA, sideB] = keyedBy(options.key, a, b, rules, options.timeFields ?? []);
  const comparer = createComparer(rules, { sample: a[0], mayGenerate });
  const turns = new Turns(rowsPerTurn(a.length > 0 ? a : b), options);
  const join: Join = {
    partner: new Int32Array(a.length).fill(NONE),
    owner: new Int32Array(b.length).fill(NONE),
    state: new Uint8Array(a.length),
    groups: new Map(),
  };
  await pairRows(sideA, sideB, join, comparer, turns);
  for (const group of join.groups.values()) {
    settleGroup(group, sideA, sideB, join, comparer);
    if (!sideA.hasKey) continue;
    for (const row of group.a.slice(1)) tally.takeDuplicate('a', sideA.valuesOf(row));
    for (const row of group.b.slice(1)) tally.takeDuplicate('b', sideB.valuesOf(row));
  }
  let seen = 0;
  for (const change of changesOf(sideA, sideB, join, comparer)) {
    if (change) {
      tally.take(change);
      const told = onChange?.(change);
      if (told) await told;
    }
    seen += 1;
    if (turns.isDue(seen)) await turns.give();
  }
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
  await tallyRecords(a, b, options, tally);
  return tally.report(a.length, b.length);
}
