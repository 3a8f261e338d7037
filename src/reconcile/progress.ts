/** How far one job is: the entries settled inside its object and what became of their rows. */
import type { ClaimedJob } from './queue.ts';
import type { EntryResult } from './replay-entry.ts';

export interface Progress {
  entriesDone: number;
  delivered: number;
  degraded: number;
  alreadyHeld: number;
  /** Rows of later entries that landed before something stopped the one before them; a lookup finds them again. */
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

/** After an entry of which nothing is left. Rows that an earlier attempt landed count as what they were then. */
export function advanced(progress: Progress, result: EntryResult, attempts: number): Progress {
  const { delivered, degraded, alreadyHeld } = result;
  const foundDegraded = Math.min(progress.partDegraded, alreadyHeld);
  const foundDelivered = Math.min(progress.partDelivered, alreadyHeld - foundDegraded);
  return {
    entriesDone: progress.entriesDone + 1,
    delivered: progress.delivered + foundDelivered + delivered,
    degraded: progress.degraded + foundDegraded + degraded,
    alreadyHeld: progress.alreadyHeld + alreadyHeld - foundDegraded - foundDelivered,
    partDelivered: progress.partDelivered - foundDelivered,
    partDegraded: progress.partDegraded - foundDegraded,
    movedAt: attempts,
  };
}

/** After an entry that has to be replayed again, or comes after one that has. */
export function landedAhead(progress: Progress, { delivered, degraded }: EntryResult): Progress {
  const { partDelivered, partDegraded } = progress;
  return { ...progress, partDelivered: partDelivered + delivered, partDegraded: partDegraded + degraded };
}

function isProgress(value: unknown): value is Progress {
  if (typeof value !== 'object' || value === null) return false;
  const found = value as Record<string, unknown>;
  return Object.keys(freshProgress(0)).every((name) => Number.isSafeInteger(found[name]));
}
