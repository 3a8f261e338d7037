/** What is known of completeness as rows for tables: by outage, of the chain over manifests, and of a second look. */
import type { OutageAccount } from '../reconcile/manifests/outage-accounts.ts';
import type { VerifiedLinks } from '../reconcile/manifests/verify-links.ts';
import type { RecheckReport } from '../reconcile/recheck.ts';
import { formatDuration } from './format.ts';
import type { TableRow } from './table.ts';

/** One line per outage: when, how much, what became of it, and whether the key sets are equal. */
export function outageRows(outages: readonly OutageAccount[]): readonly TableRow[] {
  return outages.map((outage) => ({
    start: `${outage.isApproximate ? '~' : ''}${outage.startedAt}`,
    end: outage.endedAt,
    duration: formatDuration(outage.durationMs),
    objects: outage.objects,
    rows: outage.rows,
    delivered: outage.delivered,
    degraded: outage.degraded,
    'already held': outage.alreadyHeld,
    quarantined: outage.quarantined,
    discarded: outage.discarded,
    pending: outage.pending,
    reasons: Object.entries(outage.reasons)
      .map(([reason, rows]) => `${reason} ${rows}`)
      .join(', '),
    keys: outage.keys ?? '',
    'key sets': outage.verdict === 'missing' ? 'DIFFER' : outage.verdict,
    missing: outage.missing.total,
    complete: outage.completedAt ?? '',
    lag: outage.replayLagMs === null ? '' : formatDuration(outage.replayLagMs),
    expired: outage.isExpired ? 'yes' : '',
  }));
}

/** Keys that the sink lacks, of all outages, as far as they are listed. */
export function missingRows(outages: readonly OutageAccount[]): readonly TableRow[] {
  return outages.flatMap(({ startedAt, missing }) => missing.keys.map((key) => ({ outage: startedAt, key })));
}

export function linkRows(links: VerifiedLinks): readonly TableRow[] {
  return [
    {
      links: links.links,
      intact: links.intact,
      expired: links.expired,
      'not linked yet': links.unlinked,
      'settled again': links.again,
      late: links.late.length,
      damaged: links.faults.length,
      head: links.head ?? '',
    },
  ];
}

export function recheckRows(report: RecheckReport): readonly TableRow[] {
  return [
    {
      objects: report.objects,
      rows: report.rows,
      held: report.held,
      LOST: report.lost,
      'past retention': report.pastRetention,
      'without key': report.unkeyed,
      'other keys': report.differing.length,
      'not settled': report.open,
    },
  ];
}
