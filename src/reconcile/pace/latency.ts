/**
 * How slow is slow: the quickest answer of late, by size, and whether answers stay far above it.
 *
 * L1 the low is the least of the last 30 to 60 seconds among answers of the same power of two of rows, as BBR does
 * with round trips. L2 one stall is no overload: it takes a slow answer to something that was sent after a slow
 * answer had come.
 */

const SPAN_MS = 30_000;
/** Slower than the low by less than this is noise, whatever the ratio. */
const NOISE_MS = 100;

interface Low {
  sinceMs: number;
  current: number;
  previous: number;
}

export interface Reading {
  /** The quickest answer of this size, this one counted. */
  readonly lowMs: number;
  /** Answers have been slow for longer than one of them takes. */
  readonly isOverload: boolean;
}

export class Latency {
  readonly #ratioMax: number;
  readonly #lows = new Map<number, Low>();
  #slowSinceMs: number | undefined;

  constructor(ratioMax: number) {
    this.#ratioMax = ratioMax;
  }

  /** Notes a good answer to `rows` rows. */
  note(rows: number, sentMs: number, nowMs: number): Reading {
    const latencyMs = nowMs - sentMs;
    const lowMs = this.#low(Math.floor(Math.log2(rows)), latencyMs, nowMs);
    const isSlow = latencyMs > lowMs * this.#ratioMax && latencyMs > lowMs + NOISE_MS;
    if (!isSlow) this.#slowSinceMs = undefined;
    const isOverload = isSlow && this.#slowSinceMs !== undefined && sentMs >= this.#slowSinceMs;
    if (isSlow) this.#slowSinceMs ??= nowMs;
    return { lowMs, isOverload };
  }

  #low(size: number, latencyMs: number, nowMs: number): number {
    const low = this.#lows.get(size) ?? { sinceMs: nowMs, current: latencyMs, previous: latencyMs };
    this.#lows.set(size, low);
    if (nowMs - low.sinceMs >= SPAN_MS) {
      low.previous = low.current;
      low.current = latencyMs;
      low.sinceMs = nowMs;
    }
    low.current = Math.min(low.current, latencyMs);
    return Math.min(low.current, low.previous);
  }
}
