/** Exponential backoff with full jitter: uniform in [0, min(cap, first · 2^attempt)). */
import type { Random } from '../core/clock.ts';

export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds. @default 500 */
  readonly firstMs?: number;
  /** Upper bound of any delay, in milliseconds. @default 30_000 */
  readonly maxMs?: number;
}

/** @param attempt 0 for the first delay @returns milliseconds */
export function fullJitter(
  attempt: number,
  random: Random,
  { firstMs = 500, maxMs = 30_000 }: BackoffOptions = {},
): number {
  return random() * Math.min(maxMs, firstMs * 2 ** attempt);
}
