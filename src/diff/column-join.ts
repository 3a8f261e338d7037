/** Pairs the rows of two sets of columns by key. Rows of one key are paired like those of records. */
import type { Columns } from '../core/columns.ts';
import { type InTurns, type KeyHashes, NO_ROW, RowTable } from './column-index.ts';

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
}

/** A look into a table that is larger than the caches. */
const JOIN_NS = 150;

interface Work {
  readonly hashes: KeyHashes;
  readonly partner: Int32Array;
  readonly owner: Int32Array;
  readonly groups: Map<number, KeyGroup>;
  readonly onlyA: Map<number, KeyGroup>;
}

function addRows(table: RowTable, from: number, to: number, { hashes, groups }: Work): void {
  const { b, b0 } = hashes;
  for (let row = from; row < to; row += 1) {
    const first = table.add(b[row] ?? 0, b0 + row);
    if (first === NO_ROW) continue;
    const known = groups.get(first - b0);
    if (known) known.b.push(row);
    else groups.set(first - b0, { a: [], b: [first - b0, row] });
  }
}

function findRows(table: RowTable, missing: () => RowTable, from: number, to: number, work: Work): void {
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

/** By hash table. Rows of groups are left unpaired. */
export async function joinByHash(hashes: KeyHashes, inTurns: InTurns): Promise<ColumnJoin> {
  const [rowsA, rowsB] = [hashes.a.length, hashes.b.length];
  const work: Work = {
    hashes,
    partner: new Int32Array(rowsA).fill(NO_ROW),
    owner: new Int32Array(rowsB).fill(NO_ROW),
    groups: new Map(),
    onlyA: new Map(),
  };
  const table = new RowTable(rowsB, hashes.isSame);
  await inTurns(rowsB, JOIN_NS, (from, to) => addRows(table, from, to, work));
  let made: RowTable | undefined;
  // Most comparisons have few keys on one side only, and a table of all rows is large.
  const missing = (): RowTable => {
    made ??= new RowTable(rowsA, hashes.isSame);
    return made;
  };
  await inTurns(rowsA, JOIN_NS, (from, to) => findRows(table, missing, from, to, work));
  const groups = [...work.groups.values(), ...work.onlyA.values()];
  for (const group of groups) {
    for (const row of group.a) work.partner[row] = NO_ROW;
    for (const row of group.b) work.owner[row] = NO_ROW;
  }
  return { partner: work.partner, owner: work.owner, groups };
}

/** Whether the integers of a column without nulls rise from the row before `from` to the last one before `to`. */
export function isRising(columns: Columns, field: string, from: number, to: number): boolean {
  const vector = columns.vectors[columns.columns.findIndex(({ name }) => name === field)];
  if (!vector || (vector.kind !== 'number' && vector.kind !== 'wide') || vector.validity) return false;
  const { data } = vector;
  for (let row = Math.max(1, from); row < to; row += 1)
    if (!((data[row - 1] ?? 0) < (data[row] ?? 0))) return false;
  return true;
}
