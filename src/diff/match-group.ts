/** Pairs rows that share one key: those that are the same first, the others in their order. */
import type { DiffRecord } from './change.ts';
import { canonicalText } from './digest.ts';
import type { RecordComparer } from './record-comparer.ts';

/** Comparing each with each is quadratic: larger groups are matched by their text, which knows no tolerances. */
const PAIRS_MAX = 4096;

export interface MatchedPair {
  readonly rowA: number;
  readonly rowB: number;
  readonly isSame: boolean;
}

/** The record of a row. */
type RecordOf = (row: number) => DiffRecord;

/** For each row of A, a row of B that is the same and not taken yet. */
function sameRows(
  rowsA: readonly number[],
  rowsB: readonly number[],
  a: RecordOf,
  b: RecordOf,
  comparer: RecordComparer,
): Map<number, number> {
  const found = new Map<number, number>();
  if (rowsA.length * rowsB.length <= PAIRS_MAX) {
    const free = new Set(rowsB);
    for (const row of rowsA) {
      for (const other of free) {
        if (!comparer.isSame(a(row), b(other))) continue;
        found.set(row, other);
        free.delete(other);
        break;
      }
    }
    return found;
  }
  const byText = new Map<string, number[]>();
  for (const row of rowsB.toReversed()) {
    const text = canonicalText(b(row));
    const rows = byText.get(text);
    if (rows) rows.push(row);
    else byText.set(text, [row]);
  }
  for (const row of rowsA) {
    const other = byText.get(canonicalText(a(row)))?.pop();
    if (other !== undefined) found.set(row, other);
  }
  return found;
}

/** Rows that are in no pair are left over. */
export function matchGroup(
  rowsA: readonly number[],
  rowsB: readonly number[],
  a: RecordOf,
  b: RecordOf,
  comparer: RecordComparer,
): readonly MatchedPair[] {
  const same = sameRows(rowsA, rowsB, a, b, comparer);
  const taken = new Set(same.values());
  const free = rowsB.filter((row) => !taken.has(row));
  const pairs: MatchedPair[] = Array.from(same, ([rowA, rowB]) => ({ rowA, rowB, isSame: true }));
  let next = 0;
  for (const rowA of rowsA) {
    const rowB = free[next];
    if (same.has(rowA) || rowB === undefined) continue;
    next += 1;
    const isSame = comparer.isSame(a(rowA), b(rowB));
    pairs.push({ rowA, rowB, isSame });
  }
  return pairs;
}
