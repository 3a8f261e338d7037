/**
 * Which rows of a batch are meant: all of them, or ascending unique indices into the batch's frame.
 *
 * `'all'` is the common case and costs nothing; indices appear only when a batch fails in part. Every row
 * index in the system is a row of the batch as submitted, never of a subset, so results compose.
 */
export type RowSet = 'all' | readonly number[];

export function countRows(rows: RowSet, rowCount: number): number {
  return rows === 'all' ? rowCount : rows.length;
}

/** The indices themselves. `'all'` of n rows is 0 … n-1. */
export function rowIndices(rows: RowSet, rowCount: number): readonly number[] {
  return rows === 'all' ? Array.from({ length: rowCount }, (_, row) => row) : rows;
}

/** Folds a complete list of indices back to `'all'`. */
export function asRowSet(indices: readonly number[], rowCount: number): RowSet {
  return indices.length === rowCount ? 'all' : indices;
}

/** Rows of `rows` that are not in `without`; both ascending, so this is one merge. */
export function subtractRows(rows: RowSet, without: RowSet, rowCount: number): readonly number[] {
  if (without === 'all') return [];
  const left: number[] = [];
  let at = 0;
  for (const row of rowIndices(rows, rowCount)) {
    while (at < without.length && (without[at] ?? 0) < row) at += 1;
    if (without[at] !== row) left.push(row);
  }
  return left;
}

/** Rows of many disjoint sets, ascending; folded to `'all'` when nothing is missing. */
export function gatherRows(parts: Iterable<{ readonly rows: RowSet }>, rowCount: number): RowSet {
  const gathered: number[] = [];
  for (const { rows } of parts) {
    if (rows === 'all') return 'all';
    for (const row of rows) gathered.push(row);
  }
  return asRowSet(
    gathered.sort((a, b) => a - b),
    rowCount,
  );
}

/** What is wrong with a set of indices, or undefined when they are ascending, unique and within `rows`. */
export function findRowFault(part: RowSet, rows: RowSet, rowCount: number): string | undefined {
  if (part === 'all') return rows === 'all' ? undefined : 'claims all rows but was given some';
  const allowed = rows === 'all' ? undefined : new Set(rows);
  let previous = -1;
  for (const row of part) {
    if (!Number.isInteger(row) || row < 0 || row >= rowCount) return `row ${row} is outside 0..${rowCount - 1}`;
    if (row <= previous) return `row ${row} follows ${previous}: rows must ascend`;
    if (allowed && !allowed.has(row)) return `row ${row} was not given to this tier`;
    previous = row;
  }
  return undefined;
}
