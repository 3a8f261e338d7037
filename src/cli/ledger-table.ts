/** Accounts as rows for a table: the live ledger of an engine, and the account of what was deferred. */
import type { LedgerView } from '../chain/ledger.ts';
import type { ReconcileReport } from '../reconcile/ledger.ts';
import type { TableRow } from './table.ts';

export function liveLedgerRows({
  accepted,
  delivered,
  degraded,
  deferred,
  dropped,
  rejected,
  unaccounted,
}: LedgerView): readonly TableRow[] {
  return [{ accepted, delivered, degraded, deferred, dropped, rejected, unaccounted }];
}

export function deferredLedgerRows(report: ReconcileReport): readonly TableRow[] {
  const { rows, delivered, degraded, alreadyHeld, quarantined, discarded, pending } = report;
  return [
    {
      deferred: rows,
      delivered,
      degraded,
      'already held': alreadyHeld,
      quarantined,
      discarded,
      pending,
      balanced: report.balanced ? 'yes' : 'NO',
    },
  ];
}

/** One line per object: what it held, what became of it, and the proof. */
export function completenessRows(report: ReconcileReport): readonly TableRow[] {
  return report.perObject.map(({ ref, rows, state, missing, fault, settlement }) => ({
    object: ref,
    rows,
    state,
    'proved by': settlement?.proof.checked ?? '',
    missing: settlement?.proof.missing.length ?? missing,
    digests: settlement?.proof.sinkDigest
      ? settlement.proof.sinkDigest === settlement.proof.sourceDigest
        ? 'equal'
        : 'DIFFER'
      : '',
    fault: fault ?? '',
  }));
}
