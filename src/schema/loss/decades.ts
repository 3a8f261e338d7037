/** Counts positive errors by decade, exactly: a power of ten is the first value of its own decade. */
import type { ErrorSpread } from '../../core/loss.ts';

const EXPONENT_MIN = -324;
/** 10^exponent as the nearest double; 0 for the lowest, below which there is no double. */
const POWERS: readonly number[] = Array.from({ length: 633 }, (_, index) =>
  Number(`1e${index + EXPONENT_MIN}`),
);

function powerOf(exponent: number): number {
  return POWERS[exponent - EXPONENT_MIN] ?? Number.POSITIVE_INFINITY;
}

/** The exponent of the decade of a positive finite number: 0.005 is in -3. */
export function decadeOf(error: number): number {
  const guess = Math.max(EXPONENT_MIN, Math.floor(Math.log10(error)));
  if (error < powerOf(guess)) return guess - 1;
  return error >= powerOf(guess + 1) ? guess + 1 : guess;
}

export class Decades {
  readonly #counts = new Map<number, number>();
  #max = 0;

  /** `error` is positive; what is too large for a double counts as the largest one. */
  add(error: number): void {
    const finite = Math.min(error, Number.MAX_VALUE);
    if (finite > this.#max) this.#max = finite;
    const decade = decadeOf(finite);
    this.#counts.set(decade, (this.#counts.get(decade) ?? 0) + 1);
  }

  spread(): ErrorSpread {
    return { max: this.#max, decades: [...this.#counts].sort(([a], [b]) => a - b) };
  }
}
