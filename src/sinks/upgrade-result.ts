/** What a sink found about each row of an upgrade, folded into the result of the port. */
import { rowIndices } from '../core/row-set.ts';
import { residuesOf } from './row-failures.ts';
import type { UpgradeRequest, UpgradeResult, WriteRequest } from './sink.ts';

/** One row of the request; a detail when the target refused it. */
export type Judged = 'upgraded' | 'superseded' | 'absent' | { readonly detail: string };

/** @param judged one per row of the request, in order */
export function upgradeResultOf(judged: readonly Judged[], request: UpgradeRequest): UpgradeResult {
  const rows = rowIndices(request.rows, request.batch.rowCount);
  const failures = judged.flatMap((verdict, position) =>
    typeof verdict === 'string' ? [] : [{ position, reason: 'refused', detail: verdict.detail }],
  );
  const only = (wanted: Judged): number[] => rows.filter((_, position) => judged[position] === wanted);
  return {
    residue: residuesOf(failures, request.rows, judged.length),
    superseded: only('superseded'),
    absent: only('absent'),
  };
}

/** The same request with the rows as they were degraded. Property by property: its parts may be getters. */
export function degradedOf(request: UpgradeRequest): WriteRequest {
  const { batch, rows, keys, attemptId, mode, signal, degraded } = request;
  const { columns, records } = degraded;
  return { batch, rows, columns, records, keys, attemptId, mode, signal };
}
