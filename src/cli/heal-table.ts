/** What healing did, and what is left of it, as rows for a table. */
import type { HealReport } from '../reconcile/heal/heal.ts';
import type { HealLedger } from '../reconcile/heal/heal-ledger.ts';
import type { TableRow } from './table.ts';

export function healRows(report: HealReport): readonly TableRow[] {
  const { objects, settled, rows, healed, superseded, gone, pending, unreadable, dryRun } = report;
  return [
    {
      objects,
      settled,
      records: rows,
      [dryRun ? 'would be healed' : 'healed now']: healed,
      superseded,
      gone,
      'still degraded': dryRun ? pending - healed : pending,
      unreadable: unreadable.length,
    },
  ];
}

export function healedObjectRows({ perObject, unreadable }: HealReport): readonly TableRow[] {
  const rows = perObject.map(({ ref, state, rows: records, healed, superseded, gone, pending, reasons }) => ({
    object: ref,
    state: state as string,
    records,
    healed,
    superseded,
    gone,
    'still degraded': pending,
    because: Object.entries(reasons)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', '),
  }));
  const faults = unreadable.map(({ ref, fault }) => ({
    object: ref,
    state: 'unreadable',
    records: undefined,
    healed: undefined,
    superseded: undefined,
    gone: undefined,
    'still degraded': undefined,
    because: fault,
  }));
  return [...rows, ...faults];
}

/** Since ever, by the store. */
export function healLedgerRows(ledger: HealLedger): readonly TableRow[] {
  const { objects, settled, rows, healed, superseded, gone, degraded, unreadable } = ledger;
  return [
    {
      objects,
      settled,
      degraded: rows,
      healed,
      superseded,
      gone,
      'still degraded': degraded,
      unreadable: unreadable.length,
    },
  ];
}
