/**
 * Repeats a failed write with p-retry; the only importer of it.
 *
 * p-retry counts and decides; the waits are ours, because its jitter is not full, it knows no Retry-After,
 * and given a signal it drops a success that arrives after an abort.
 */
import pRetry from 'p-retry';
import type { Clock, Random } from '../core/clock.ts';
import type { Residue } from '../core/outcome.ts';
import { gatherRows } from '../core/row-set.ts';
import { type BackoffOptions, fullJitter } from './backoff.ts';

export interface PatienceOptions extends BackoffOptions {
  /** Writes in all, 1 or more. @default 3 */
  readonly attemptsMax?: number;
  /** No attempt starts later than this after the first, in milliseconds. @default 10_000 */
  readonly patienceMs?: number;
}

export interface RetryContext {
  readonly clock: Clock;
  readonly random: Random;
  wait(delayMs: number): Promise<void>;
  /** Rows in the batch. */
  readonly rowCount: number;
  /** Called before each wait. */
  retrying(residue: Residue, delayMs: number): void;
}

/** Carries a residue through p-retry, which speaks in errors. Never leaves this file. */
class Unlanded extends Error {
  readonly residue: readonly Residue[];

  constructor(residue: readonly Residue[]) {
    super('unlanded');
    this.residue = residue;
  }
}

/**
 * @param attempt writes the rows of a residue again; what it returns did not land
 * @param isWorthRetrying whether what is left may pass by waiting
 * @returns what is left when nothing more is worth trying
 */
export async function retryPatiently(
  first: Residue,
  attempt: (residue: Residue) => Promise<readonly Residue[]>,
  isWorthRetrying: (residue: Residue) => boolean,
  context: RetryContext,
  options: PatienceOptions = {},
): Promise<readonly Residue[]> {
  const { attemptsMax = 3, patienceMs = 10_000 } = options;
  const deadlineMs = context.clock.now() + patienceMs;
  const done: Residue[] = [];
  let pending: readonly Residue[] = [first];
  let current = first;
  try {
    await pRetry(
      async (attemptNumber) => {
        const jitterMs = fullJitter(attemptNumber - 1, context.random, options);
        const delayMs = Math.max(current.retryAfterMs ?? 0, jitterMs);
        if (context.clock.now() + delayMs > deadlineMs) throw new Unlanded(pending);
        context.retrying(current, delayMs);
        await context.wait(delayMs);
        const left = await attempt(current);
        done.push(...left.filter((residue) => !isWorthRetrying(residue)));
        pending = left.filter(isWorthRetrying);
        const [again] = pending;
        if (!again) return;
        current = joined(again, pending, context.rowCount);
        throw new Unlanded(pending);
      },
      {
        retries: Math.max(0, attemptsMax - 1),
        minTimeout: 0,
        shouldRetry: ({ error }) => error instanceof Unlanded && context.clock.now() < deadlineMs,
      },
    );
    return done;
  } catch (error) {
    if (error instanceof Unlanded) return [...done, ...error.residue];
    throw error;
  }
}

/** One residue for the next attempt: unknown as soon as a part is, and as patient as the most patient part. */
function joined(first: Residue, parts: readonly Residue[], rowCount: number): Residue {
  if (parts.length === 1) return first;
  const retryAfterMs = parts.reduce((longest, part) => Math.max(longest, part.retryAfterMs ?? 0), 0);
  const unknown = parts.find(({ reason }) => reason === 'ambiguous');
  return { ...first, ...unknown, rows: gatherRows(parts, rowCount), retryAfterMs };
}
