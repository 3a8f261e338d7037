/** What a worker counts of its jobs and their rows. */
export const NOTHING_DONE = {
  settled: 0,
  postponed: 0,
  lost: 0,
  delivered: 0,
  degraded: 0,
  alreadyHeld: 0,
  quarantined: 0,
};

export type WorkerCounts = typeof NOTHING_DONE;

/** What was done between two counts. */
export function subtract(now: WorkerCounts, before: WorkerCounts): WorkerCounts {
  return {
    settled: now.settled - before.settled,
    postponed: now.postponed - before.postponed,
    lost: now.lost - before.lost,
    delivered: now.delivered - before.delivered,
    degraded: now.degraded - before.degraded,
    alreadyHeld: now.alreadyHeld - before.alreadyHeld,
    quarantined: now.quarantined - before.quarantined,
  };
}
