/** Pairs the rows of two sets of columns by key. Rows of one key are paired like those of records. */
import type { NumberArray } from '../core/vectors.ts';
import type { KeyHashes } from './column-index.ts';
import type { ColumnSide } from './column-pair.ts';
import { HashTable, type KeyTable, NO_ROW, tableOfB } from './key-table.ts';
import type { InTurns } from './pace.ts';

/** Rows of a key that more than one row of a side has. */
export interface KeyGroup {
  readonly a: number[];
  readonly b: number[];
}

export interface ColumnJoin {
  /** Row of B by row of A, NO_ROW for none; undefined = every row with the same row. */
  readonly partner: Int32Array | undefined;
  /** Row of A by row of B; undefined like `partner`. */
  readonly owner: Int32Array | undefined;
  readonly groups: readonly KeyGroup[];
  /** Whether the key cells of partners were found to be the same. */
  readonly isKeyCompared: boolean;
}

interface Work {
  readonly hashes: KeyHashes;
  readonly partner: Int32Array;
  readonly owner: Int32Array;
  readonly groups: Map<number, KeyGroup>;
  readonly onlyA: Map<number, KeyGroup>;
}

function addRows(table: KeyTable, from: number, to: number, { hashes, groups }: Work): void {
  const { b, b0 } = hashes;
  for (let row = from; row < to; row += 1) {
    const first = table.add(b[row] ?? 0, b0 + row);
    if (first === NO_ROW) continue;
    const known = groups.get(first - b0);
    if (known) known.b.push(row);
    else groups.set(first - b0, { a: [], b: [first - b0, row] });
  }
}

function findRows(table: KeyTable, missing: () => KeyTable, from: number, to: number, work: Work): void {
  const { hashes, partner, owner, groups, onlyA } = work;
  const { a, b0 } = hashes;
  for (let row = from; row < to; row += 1) {
    const hash = a[row] ?? 0;
    const found = table.find(hash, row);
    if (found === NO_ROW) {
      const first = missing().add(hash, row);
      if (first === NO_ROW) continue;
      const known = onlyA.get(first);
      if (known) known.a.push(row);
      else onlyA.set(first, { a: [first, row], b: [] });
      continue;
    }
    const other = found - b0;
    const group = groups.size > 0 ? groups.get(other) : undefined;
    if (group) group.a.push(row);
    else if (owner[other] === NO_ROW) {
      owner[other] = row;
      partner[row] = other;
    } else groups.set(other, { a: [owner[other] ?? NO_ROW, row], b: [other] });
  }
}

/** To give a row its place in memory that was never touched before. */
const FILL_NS = 4;

async function noRows(rows: number, inTurns: InTurns): Promise<Int32Array> {
  const places = new Int32Array(rows);
  await inTurns(rows, FILL_NS, (from, to) => places.fill(NO_ROW, from, to));
  return places;
}

/** By table. Rows of groups are left unpaired. */
export async function joinByHash(hashes: KeyHashes, inTurns: InTurns): Promise<ColumnJoin> {
  const [rowsA, rowsB] = [hashes.a.length, hashes.b.length];
  const work: Work = {
    hashes,
    partner: await noRows(rowsA, inTurns),
    owner: await noRows(rowsB, inTurns),
    groups: new Map(),
    onlyA: new Map(),
  };
  const table = await tableOfB(hashes, inTurns);
  await inTurns(rowsB, table.rowNs, (from, to) => addRows(table, from, to, work));
  let made: KeyTable | undefined;
  // Most comparisons have few keys on one side only, and a table of all rows is large.
  const missing = (): KeyTable => {
    made ??= new HashTable(rowsA, hashes.isSame);
    return made;
  };
  await inTurns(rowsA, table.rowNs, (from, to) => findRows(table, missing, from, to, work));
  const groups = [...work.groups.values(), ...work.onlyA.values()];
  for (const group of groups) {
    for (const row of group.a) work.partner[row] = NO_ROW;
    for (const row of group.b) work.owner[row] = NO_ROW;
  }
  return { partner: work.partner, owner: work.owner, groups, isKeyCompared: hashes.isCompared };
}

/** Whether numbers rise from the one before `from` to the last one before `to`. */
function areRising(numbers: NumberArray, from: number, to: number): boolean {
  let last = from > 0 ? (numbers[from - 1] as number) : Number.NEGATIVE_INFINITY;
  let row = from;
  for (; row + 4 <= to; row += 4) {
    const i = numbers[row] as number;
    const j = numbers[row + 1] as number;
    const k = numbers[row + 2] as number;
    const next = numbers[row + 3] as number;
    if (!(last < i && i < j && j < k && k < next)) return false;
    last = next;
  }
  for (; row < to; row += 1) {
    const next = numbers[row] as number;
    if (!(last < next)) return false;
    last = next;
  }
  return true;
}

/** The same for integers of 64 bits by their halves, because a bigint for each would take its time. */
function areWideRising(data: BigInt64Array | BigUint64Array, from: number, to: number): boolean {
  const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  const flip = data instanceof BigInt64Array ? 0 : 0x80000000 | 0;
  for (let row = Math.max(1, from); row < to; row += 1) {
    const [high, lastHigh] = [(halves[2 * row + 1] as number) ^ flip, (halves[2 * row - 1] as number) ^ flip];
    const [low, lastLow] = [(halves[2 * row] as number) >>> 0, (halves[2 * row - 2] as number) >>> 0];
    if (high < lastHigh || (high === lastHigh && low <= lastLow)) return false;
  }
  return true;
}

/** Whether the numbers of a column without nulls rise from the row before `from` to the last one before `to`. */
export function isRising({ vector }: ColumnSide, from: number, to: number): boolean {
  if (vector.kind === 'number' && !vector.validity) return areRising(vector.data, from, to);
  return vector.kind === 'wide' && !vector.validity && areWideRising(vector.data, from, to);
}
