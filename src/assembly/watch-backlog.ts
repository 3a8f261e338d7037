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
  /** @default none: a worker beside the writer leaves the journal to that one */
  readonly journal?: Pick<Journal, 'depth'>;
  readonly backlog: {
    readonly queue: Pick<Backlog['queue'], 'depth'>;
    readonly quarantine: Pick<Backlog['quarantine'], 'counts'>;
  };
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** @returns stops watching */
export function watchBacklog({ chain, journal, backlog, metrics, clock }: BacklogOptions): () => void {
  let jobs = 0;
  let oldestJobMs: number | undefined;
  const held = new Map<string, number>();
  const ageSeconds = (oldestMs: number | undefined): number =>
    oldestMs === undefined ? 0 : Math.max(0, clock.wallNow() - oldestMs) / 1_000;
  if (journal) {
    metrics.gauge('journal_depth_rows', { chain }, () => journal.depth.rows);
    metrics.gauge('journal_depth_bytes', { chain }, () => journal.depth.bytes);
    metrics.gauge('journal_depth_oldest_age_seconds', { chain }, () => ageSeconds(journal.depth.oldestMs));
  }
  metrics.gauge('deferred_reconciliation_queue_depth', { chain }, () => jobs);
  metrics.gauge('replay_lag_seconds', { chain }, () =>
    Math.max(ageSeconds(journal?.depth.oldestMs), ageSeconds(oldestJobMs)),
  );
  const count = async (): Promise<void> => {
    const depth = await backlog.queue.depth();
    jobs = depth.waiting + depth.active + depth.postponed;
    oldestJobMs = depth.oldestMs;
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
