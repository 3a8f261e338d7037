/** Pairs rows that share one key: those that are the same first, the others in their order. */
import type { DiffRecord } from './change.ts';
import { canonicalText } from './digest.ts';
import type { Pace } from './pace.ts';
import type { RecordComparer } from './record-comparer.ts';
import { type DiffRules, withoutSpelling } from './rules.ts';

/** Comparing each with each is quadratic: larger groups are matched by their text, which knows no tolerances. */
const PAIRS_MAX = 4096;
/** Rows of one text that are tried, where texts may spell what another one does without being it. */
const TRIES_MAX = 8;
/** To compare two records, and to write the text of one. */
const COMPARE_NS = 1000;
const TEXT_NS = 4000;

export interface MatchedPair {
  readonly rowA: number;
  readonly rowB: number;
  readonly isSame: boolean;
}

/** The record of a row. */
type RecordOf = (row: number) => DiffRecord;

/** Two sides and how to compare them. */
export interface GroupSides {
  readonly a: RecordOf;
  readonly b: RecordOf;
  readonly comparer: RecordComparer;
  /** Those of `comparer`, `withTimes`. */
  readonly rules: DiffRules;
  readonly pace: Pace;
}

async function sameByComparing(
  rowsA: readonly number[],
  rowsB: readonly number[],
  { a, b, comparer, pace }: GroupSides,
): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  const free = new Set(rowsB);
  for (const row of rowsA) {
    for (const other of free) {
      const turn = pace.spend(COMPARE_NS);
      if (turn) await turn;
      if (!comparer.isSame(a(row), b(other))) continue;
      found.set(row, other);
      free.delete(other);
      break;
    }
  }
  return found;
}

/** Adds the pairs of rows that have one text by `rules` and are the same. */
async function pairByText(
  rowsA: readonly number[],
  rowsB: readonly number[],
  { a, b, comparer, rules, pace }: GroupSides,
  found: Map<number, number>,
): Promise<void> {
  const byText = new Map<string, number[]>();
  await pace.inTurns(rowsB.length, TEXT_NS, (from, to) => {
    // From the end, so that the first of equal rows is taken first.
    for (let at = from; at < to; at += 1) {
      const row = rowsB[rowsB.length - 1 - at] ?? -1;
      const text = canonicalText(b(row), rules);
      const rows = byText.get(text);
      if (rows) rows.push(row);
      else byText.set(text, [row]);
    }
  });
  await pace.inTurns(rowsA.length, TEXT_NS, (from, to) => {
    for (const row of rowsA.slice(from, to)) {
      const rows = byText.get(canonicalText(a(row), rules)) ?? [];
      const last = Math.max(0, rows.length - TRIES_MAX);
      for (let at = rows.length - 1; at >= last; at -= 1) {
        const other = rows[at] ?? -1;
        if (!comparer.isSame(a(row), b(other))) continue;
        found.set(row, other);
        rows.splice(at, 1);
        break;
      }
    }
  });
}

async function sameByText(
  rowsA: readonly number[],
  rowsB: readonly number[],
  sides: GroupSides,
): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  await pairByText(rowsA, rowsB, { ...sides, rules: withoutSpelling(sides.rules) }, found);
  if (found.size === Math.min(rowsA.length, rowsB.length)) return found;
  // Of one spelled value `1.0` and `1` have one text here, so what was written alike comes first.
  const taken = new Set(found.values());
  const [leftA, leftB] = [rowsA.filter((row) => !found.has(row)), rowsB.filter((row) => !taken.has(row))];
  await pairByText(leftA, leftB, sides, found);
  return found;
}

/** Rows that are in no pair are left over. */
export async function matchGroup(
  rowsA: readonly number[],
  rowsB: readonly number[],
  sides: GroupSides,
): Promise<readonly MatchedPair[]> {
  const { a, b, comparer, pace } = sides;
  const isSmall = rowsA.length * rowsB.length <= PAIRS_MAX;
  const same = await (isSmall ? sameByComparing : sameByText)(rowsA, rowsB, sides);
  const taken = new Set(same.values());
  const free = rowsB.filter((row) => !taken.has(row));
  const pairs: MatchedPair[] = Array.from(same, ([rowA, rowB]) => ({ rowA, rowB, isSame: true }));
  let next = 0;
  for (const rowA of rowsA) {
    const rowB = free[next];
    if (same.has(rowA) || rowB === undefined) continue;
    next += 1;
    pairs.push({ rowA, rowB, isSame: comparer.isSame(a(rowA), b(rowB)) });
    const turn = pace.spend(COMPARE_NS);
    if (turn) await turn;
  }
  return pairs;
}
