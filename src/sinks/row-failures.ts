/** Failures of single rows, as a sink meets them, folded into residues in the coordinates of the batch. */
import type { Residue } from '../core/outcome.ts';
import type { RowSet } from '../core/row-set.ts';

export interface RowFailure {
  /** Index into the rows of the request, not of the batch. */
  readonly position: number;
  readonly reason: string;
  readonly detail?: string;
  /** Milliseconds. */
  readonly retryAfterMs?: number;
  /** It failed together with others, and which row is to blame is not known. */
  readonly whole?: boolean;
}

/**
 * One residue per distinct reason, detail, wish and blame, its rows ascending. Each position is counted once: the
 * first failure of a position wins.
 */
export function residuesOf(
  failures: readonly RowFailure[],
  rows: RowSet,
  rowsInRequest: number,
): readonly Residue[] {
  const groups = new Map<string, { readonly first: RowFailure; readonly positions: number[] }>();
  const seen = new Set<number>();
  for (const failure of failures) {
    if (seen.has(failure.position)) continue;
    seen.add(failure.position);
    const label = JSON.stringify([failure.reason, failure.detail, failure.retryAfterMs, failure.whole]);
    const group = groups.get(label);
    if (group) group.positions.push(failure.position);
    else groups.set(label, { first: failure, positions: [failure.position] });
  }
  return [...groups.values()].map(({ first, positions }) => ({
    rows: rowsAt(positions, rows, rowsInRequest),
    reason: first.reason,
    ...(first.detail === undefined ? {} : { detail: first.detail }),
    ...(first.retryAfterMs === undefined ? {} : { retryAfterMs: first.retryAfterMs }),
    ...(first.whole ? { whole: true } : {}),
  }));
}

function rowsAt(positions: readonly number[], rows: RowSet, rowsInRequest: number): RowSet {
  const ascending = positions.toSorted((a, b) => a - b);
  // Only a request for 'all' may be answered with 'all': otherwise it would claim rows that were not given.
  if (rows === 'all') return ascending.length === rowsInRequest ? 'all' : ascending;
  return ascending.map((position) => rows[position] ?? -1);
}
