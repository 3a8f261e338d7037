/**
 * How many entries may be at the sink at once, by the rule of TCP Vegas: what is in flight beyond `limit x low / latency`
 * stands in a queue somewhere, and a queue of a few is kept.
 *
 * W1 at least one. W2 it grows by one per answer, after the first sign of a queue by one per round, or an eighth, and
 * shrinks likewise. W3 it grows only when it was full, and up to twice what was out. W4 nothing stands in a queue while
 * more lands than with half as many in flight: a sink that commits together what comes together answers later and lands
 * more (payoff.ts).
 */
import { type Answered, Payoff } from './payoff.ts';

const START = 4;
/** Entries in the queue: fewer let it grow, more make it shrink. */
const QUEUE_MIN = 2;
const QUEUE_MAX = 4;
/** Answers that differ by less do not show a queue, nor do those that differ by less than they do anyway (RFC 6298). */
const NOISE_MS = 5;
const DEVIATIONS = 2;
/** Share of one answer in mean and deviation. */
const WEIGHT = 1 / 16;
/** Per answer, once a queue was seen: an eighth per round. */
const STEP = 1 / 8;
const LIMIT_MAX = 1_024;

export class Window {
  readonly #payoff = new Payoff();
  #limit = START;
  #meanMs: number | undefined;
  #deviationMs = 0;
  #isQuick = true;

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** Good answers so far. */
  get answers(): number {
    return this.#payoff.answers;
  }

  /** A good answer; `lowMs` is the quickest of its size. */
  answered(answer: Answered, lowMs: number, nowMs: number): void {
    const pays = this.#payoff.note(answer, nowMs);
    // Of those that are answered together the first was sent when few were out, and waited for all of them.
    const inFlight = Math.max(answer.inFlight, this.#payoff.inFlight);
    const latencyMs = this.#smooth(nowMs - answer.sentMs);
    const isNoise = latencyMs - lowMs < Math.max(NOISE_MS, DEVIATIONS * this.#deviationMs);
    const queue = isNoise || pays ? 0 : inFlight * (1 - lowMs / latencyMs);
    if (queue >= QUEUE_MIN) this.#isQuick = false;
    if (queue > QUEUE_MAX) this.#limit = Math.max(1, this.#limit - this.#step);
    else if (queue < QUEUE_MIN) this.#grow(inFlight, pays);
  }

  halve(): void {
    this.#limit = Math.max(1, this.#limit / 2);
    this.#isQuick = false;
  }

  /** One at a time, and quickly more when that goes well. */
  restart(): void {
    this.#limit = 1;
    this.#isQuick = true;
  }

  /** What answers take of late. */
  #smooth(latencyMs: number): number {
    const meanMs = this.#meanMs ?? latencyMs;
    this.#deviationMs += (Math.abs(latencyMs - meanMs) - this.#deviationMs) * WEIGHT;
    this.#meanMs = meanMs + (latencyMs - meanMs) * WEIGHT;
    return this.#meanMs;
  }

  get #step(): number {
    return Math.max(STEP, 1 / this.#limit);
  }

  /** W3. */
  #grow(inFlight: number, pays: boolean): void {
    if (pays ? this.#limit >= 2 * inFlight : inFlight < this.limit) return;
    this.#limit = Math.min(LIMIT_MAX, this.#limit + (this.#isQuick ? 1 : this.#step));
  }
}
