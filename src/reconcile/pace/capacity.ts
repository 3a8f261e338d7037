/**
 * How many rows per second the sink is believed to bear: additive increase, multiplicative decrease.
 *
 * The rules are those of TCP: slow start and AIMD (RFC 5681), growth only by a sender that its window holds back (RFC
 * 7661), and most care near the height of the last loss (RFC 9438).
 *
 * C1 the rate stays between floor and maximum. C2 it grows only by good answers to rows that the pace had held
 * back, in proportion to the allowance they used. C3 a reduction leaves at most a share of what had really landed. C4 up
 * to the ceiling, the height of the last trouble, growth is additive from `STEADY_SHARE` on; above, it takes the ceiling
 * along, slowly at first.
 */
import type { Pacing } from './settings.ts';

/** Seconds of allowance to double in, and the most per answer: before anything went wrong, and after. */
const FRESH = { doublingS: 0.0125, factorMax: 8 } as const;
const CAREFUL = { doublingS: 1, factorMax: 2 } as const;
/** Below this share of the ceiling there is no danger, so the rate doubles. */
const STEADY_SHARE = 0.7;
/** Of the ceiling, per second. */
const ADDITIVE_STEP = 0.05;
const CEILING_STEP = 0.02;
const CEILING_STEP_MAX = 0.25;
/** Calm at the ceiling after which it is believed twice as little. */
const CEILING_DOUBT_S = 10;
/** Of the start. */
const RESTART_SHARE = 0.04;
const FLOOR_SHARE = 0.004;

export class Capacity {
  readonly #maximum: number;
  readonly #floor: number;
  readonly #restart: number;
  #rate: number;
  #ceiling = Number.POSITIVE_INFINITY;
  #slowStart: typeof FRESH | typeof CAREFUL = FRESH;
  #calmS = 0;

  constructor({
    rowsPerSecondMax,
    rowsPerSecondStart,
  }: Pick<Pacing, 'rowsPerSecondMax' | 'rowsPerSecondStart'>) {
    this.#maximum = rowsPerSecondMax;
    this.#rate = Math.min(rowsPerSecondStart, rowsPerSecondMax);
    this.#floor = Math.max(1, this.#rate * FLOOR_SHARE);
    this.#restart = Math.max(1, this.#rate * RESTART_SHARE);
  }

  get rowsPerSecond(): number {
    return this.#rate;
  }

  get floor(): number {
    return this.#floor;
  }

  /** The height of the last trouble; infinite while there was none. */
  get ceiling(): number {
    return this.#ceiling;
  }

  /** Rows that had waited for their turn were answered well; `usedS` is how many seconds of allowance they were. C2. */
  grow(usedS: number): void {
    if (this.#rate < STEADY_SHARE * this.#ceiling) {
      const { doublingS, factorMax } = this.#slowStart;
      this.#rate *= Math.min(factorMax, 2 ** (usedS / doublingS));
    } else if (this.#rate < this.#ceiling) {
      this.#rate = Math.min(this.#ceiling, this.#rate + ADDITIVE_STEP * this.#ceiling * usedS);
    } else {
      this.#calmS += usedS;
      const step = Math.min(CEILING_STEP_MAX, CEILING_STEP * 2 ** (this.#calmS / CEILING_DOUBT_S));
      this.#ceiling *= 1 + step * Math.min(1, usedS);
      this.#rate = this.#ceiling;
    }
    this.#rate = Math.min(this.#rate, this.#maximum);
  }

  /**
   * The sink bore too much. C3.
   * @param share what is left, below 1
   * @param landedPerSecond what landed before; 0 when nothing did, which says nothing about the height
   */
  reduce(share: number, landedPerSecond: number): void {
    const height = landedPerSecond > 0 ? Math.min(this.#rate, landedPerSecond) : this.#rate;
    if (landedPerSecond > 0) this.#ceiling = Math.max(height, this.#floor);
    // Who lands nothing begins low again, but one row a second would teach him nothing sooner.
    const least = landedPerSecond > 0 ? this.#floor : Math.min(this.#rate, this.#restart);
    this.#rate = Math.max(least, height * share);
    this.#slowStart = CAREFUL;
    this.#calmS = 0;
  }

  /** Begins low again, beside what live traffic takes: whoever comes back from an outage may bear less than before. */
  restart(livePerSecond: number): void {
    this.#rate = Math.min(this.#rate, this.#restart + livePerSecond);
    this.#slowStart = CAREFUL;
    this.#calmS = 0;
  }
}
