/**
 * Gauges of what still has to be brought back: journal, queue, quarantine. Counting a queue is a query, so
 * it is done on a timer and a scrape reads the last count.
 */
import type { Clock } from '../core/clock.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Journal } from '../journal/journal.ts';
import type { Backlog } from './backlog.ts';

const EVERY_MS = 1_000;

export interface BacklogOptions {
  readonly chain: string;
  readonly journal: Pick<Journal, 'depth'>;
  readonly backlog: Pick<Backlog, 'queue' | 'quarantine'>;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** @returns stops watching */
export function watchBacklog({ chain, journal, backlog, metrics, clock }: BacklogOptions): () => void {
  let jobs = 0;
  const held = new Map<string, number>();
  const oldestAgeMs = (): number => {
    const { oldestMs } = journal.depth;
    return oldestMs === undefined ? 0 : Math.max(0, clock.wallNow() - oldestMs);
  };
  metrics.gauge('journal_depth_rows', { chain }, () => journal.depth.rows);
  metrics.gauge('journal_depth_bytes', { chain }, () => journal.depth.bytes);
  metrics.gauge('journal_depth_oldest_age_seconds', { chain }, () => oldestAgeMs() / 1_000);
  metrics.gauge('deferred_reconciliation_queue_depth', { chain }, () => jobs);
  const count = async (): Promise<void> => {
    const depth = await backlog.queue.depth();
    jobs = depth.waiting + depth.active + depth.postponed;
    for (const reason of held.keys()) held.set(reason, 0);
    for (const { reason, held: rows } of await backlog.quarantine.counts()) {
      if (!held.has(reason)) metrics.gauge('quarantine_rows', { chain, reason }, () => held.get(reason) ?? 0);
      held.set(reason, rows);
    }
  };
  let isStopped = false;
  let cancel = (): void => {};
  const tick = (): void => {
    // A count that fails leaves the last one standing; whoever uses the queue reports why.
    void count()
      .catch(() => undefined)
      .then(() => {
        if (!isStopped) cancel = clock.schedule(EVERY_MS, tick);
      });
  };
  tick();
  return () => {
    isStopped = true;
    cancel();
  };
}
