/** How far one job is: the entries settled inside its object and what became of their rows. */
import type { ClaimedJob } from './queue.ts';

export interface Progress {
  entriesDone: number;
  delivered: number;
  degraded: number;
  alreadyHeld: number;
  /** Rows of the next entry that landed before something stopped it; they are found again by a lookup. */
  partDelivered: number;
  partDegraded: number;
  /** `attempts` of the claim that last finished an entry: the backoff counts from there. */
  movedAt: number;
}

export function freshProgress(attempts: number): Progress {
  return {
    entriesDone: 0,
    delivered: 0,
    degraded: 0,
    alreadyHeld: 0,
    partDelivered: 0,
    partDegraded: 0,
    movedAt: attempts,
  };
}

/** The account that goes with `entriesDone`, as the queue keeps it. */
export function encodeProgress(progress: Progress): string {
  return JSON.stringify(progress);
}

/**
 * The progress of a claimed job. A position without its account is not used: the entries are replayed again,
 * which their keys make harmless, and the account is exact.
 */
export function progressOf(job: ClaimedJob): Progress {
  const fresh = freshProgress(job.attempts);
  if (job.progress === undefined) return fresh;
  try {
    const found: unknown = JSON.parse(job.progress);
    return isProgress(found) && found.entriesDone === job.entriesDone ? found : fresh;
  } catch {
    return fresh;
  }
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== 'object' || value === null) return false;
  const found = value as Record<string, unknown>;
  return Object.keys(freshProgress(0)).every((name) => Number.isSafeInteger(found[name]));
}
