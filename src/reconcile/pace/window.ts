/**
 * How many entries may be at the sink at once, by the rule of TCP Vegas: what is in flight beyond `limit x low / latency`
 * stands in a queue somewhere, and a queue of a few is kept.
 *
 * W1 at least one. W2 it grows by one per answer, after the first sign of a queue by one per round. W3 it grows only
 * when it was full.
 */

const START = 4;
/** Entries in the queue: fewer let it grow, more make it shrink. */
const QUEUE_MIN = 2;
const QUEUE_MAX = 4;
/** Answers that differ by less do not show a queue. */
const NOISE_MS = 5;
const LIMIT_MAX = 1_024;

export class Window {
  #limit = START;
  #isQuick = true;

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** A good answer; `inFlight` is how many were out when it was sent, itself counted. */
  answered(inFlight: number, lowMs: number, latencyMs: number): void {
    const queue = latencyMs - lowMs < NOISE_MS ? 0 : inFlight * (1 - lowMs / latencyMs);
    if (queue >= QUEUE_MIN) this.#isQuick = false;
    if (queue > QUEUE_MAX) this.#limit = Math.max(1, this.#limit - 1 / this.#limit);
    else if (queue < QUEUE_MIN && inFlight >= this.limit) this.#grow();
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

  #grow(): void {
    this.#limit = Math.min(LIMIT_MAX, this.#limit + (this.#isQuick ? 1 : 1 / this.#limit));
  }
}
