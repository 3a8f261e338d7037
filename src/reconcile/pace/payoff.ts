/**
 * Whether having more in flight lands more: what lands while an entry is out, over the time that it is out, is compared
 * with the same when half as many were in flight.
 *
 * Y1 of what is answered together the last one counts, before which all the others landed: of each round, which ends with
 * the first answer to something that was sent in it, the best. Y2 rates are averaged as logarithms: a stall is one round
 * among others. Y3 where half as many were not tried for half a minute it is no gain, unless twice as many
 * were and landed more: so the window shrinks by one half to find out, and comes back. Who begins knows nothing, and goes on.
 */

/** In powers of two: a queue shows none, a sink that is far from busy nearly 1. */
const GAIN_MIN = 0.07;
/** Steps per doubling of what is in flight. */
const STEPS = 4;
/** Share of one round in what is remembered. */
const WEIGHT = 0.3;
const SPAN_MS = 30_000;
/** A clock that stood still says nothing about what can land. */
const LATENCY_MIN_MS = 0.05;

interface Landed {
  /** Logarithm of entries per millisecond. */
  readonly rate: number;
  readonly atMs: number;
}

/** What an answer was to. */
export interface Answered {
  readonly sentMs: number;
  /** Entries out when it was sent, itself counted. */
  readonly inFlight: number;
  /** Good answers there had been when it was sent. */
  readonly answers: number;
}

export class Payoff {
  /** By steps of what was in flight. */
  readonly #landed = new Map<number, Landed>();
  #answers = 0;
  #roundMs = Number.NEGATIVE_INFINITY;
  #best = 0;
  #bestInFlight = 0;
  #inFlight = 0;
  #pays = true;
  /** The least size that was ever known. */
  #least = Number.POSITIVE_INFINITY;

  /** Good answers so far. */
  get answers(): number {
    return this.#answers;
  }

  /** How many were in flight in the last round. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Notes a good answer. @returns whether half as many in flight would land less */
  note({ sentMs, inFlight, answers }: Answered, nowMs: number): boolean {
    if (sentMs >= this.#roundMs && nowMs > this.#roundMs) this.#endRound(nowMs);
    this.#answers += 1;
    const landed = this.#answers - answers;
    const rate = landed / Math.max(LATENCY_MIN_MS, nowMs - sentMs);
    if (rate > this.#best) {
      this.#best = rate;
      this.#bestInFlight = Math.max(inFlight, landed);
    }
    return this.#pays;
  }

  #endRound(nowMs: number): void {
    if (this.#best > 0) this.#remember(Math.log2(this.#best), this.#bestInFlight, nowMs);
    this.#inFlight = this.#bestInFlight;
    this.#roundMs = nowMs;
    this.#best = 0;
    this.#bestInFlight = 0;
  }

  #remember(rate: number, inFlight: number, nowMs: number): void {
    const size = Math.floor(STEPS * Math.log2(inFlight));
    const before = this.#recent(size, nowMs)?.rate ?? rate;
    const here = { rate: before + (rate - before) * WEIGHT, atMs: nowMs };
    this.#landed.set(size, here);
    this.#least = Math.min(this.#least, size);
    this.#pays = this.#isGain(here, size, nowMs);
  }

  /** Y3. */
  #isGain(here: Landed, size: number, nowMs: number): boolean {
    const half = this.#nearest(size - STEPS, -1, nowMs);
    if (half) return here.rate > half.rate + GAIN_MIN;
    const double = this.#nearest(size + STEPS, 1, nowMs);
    if (double) return double.rate > here.rate + GAIN_MIN;
    return size < this.#least + STEPS;
  }

  /** Whoever grows quickly passes some sizes by. */
  #nearest(size: number, step: 1 | -1, nowMs: number): Landed | undefined {
    for (let at = 0; at < STEPS; at += 1) {
      const landed = this.#recent(size + at * step, nowMs);
      if (landed) return landed;
    }
    return undefined;
  }

  #recent(size: number, nowMs: number): Landed | undefined {
    const landed = this.#landed.get(size);
    return landed && nowMs - landed.atMs < SPAN_MS ? landed : undefined;
  }
}
