/** What an answer to replayed rows says about the sink. */
import type { Reason } from '../../core/reason.ts';

/**
 * `good`: it took them, or judged them. `strained`: it is there and bears less than it was given. `away`: nothing can be
 * sent at all. `silent`: nothing was learned about it.
 */
export type Verdict = 'good' | 'strained' | 'away' | 'silent';

const VERDICTS: Readonly<Partial<Record<Reason, Verdict>>> = {
  throttled: 'strained',
  ambiguous: 'strained',
  'over-budget': 'strained',
  crashed: 'strained',
  unavailable: 'away',
  'circuit-open': 'away',
  partitioned: 'away',
  unauthorised: 'away',
  'missing-target': 'away',
  fenced: 'silent',
};

export interface Answer {
  /** Why rows of the entry have to wait; undefined when each has landed or was judged. */
  readonly reason?: string | undefined;
  /** The sink's wish, in milliseconds. @default 0 */
  readonly retryAfterMs?: number;
  /** Rows that landed, or were there. */
  readonly landed: number;
  /** Whether it took the plain way, so that its latency is that of one write. */
  readonly isPlain: boolean;
}

export function verdictOf({ reason, landed }: Pick<Answer, 'reason' | 'landed'>): Verdict {
  if (reason === undefined) return 'good';
  // One tier's circuit is open and another one's is not: the sink was reached.
  if (reason === 'circuit-open' && landed > 0) return 'strained';
  return VERDICTS[reason as Reason] ?? 'good';
}

/** Whether a reason that rows left a tier with says that the sink suffers, whatever becomes of them. */
export function isTrouble(reason: string): boolean {
  const verdict = VERDICTS[reason as Reason];
  return verdict === 'strained' || verdict === 'away';
}
