/**
 * Counts calls and failures over the last `windowMs`, in slices that expire by time: an hour of silence
 * empties it. Trips on a run of failures, or on a failure ratio once there were enough calls.
 */
export interface FailureWindowOptions {
  /** Span that counts, in milliseconds. @default 10_000 */
  readonly windowMs?: number;
  /** Ratio of failures that trips, 0 to 1. @default 0.5 */
  readonly failureRatio?: number;
  /** Calls in the window before the ratio means anything. @default 10 */
  readonly callsMin?: number;
  /** Failures in a row that trip, whatever the ratio. @default 5 */
  readonly failuresInRow?: number;
  /**
   * Longest a call may take, in milliseconds. Results of hung calls come that far apart, so a run of failures is
   * forgotten only after a silence of this and the window. @default the timeout of the tier, 0 without one
   */
  readonly callMaxMs?: number;
}

const SLICES = 10;

export class FailureWindow {
  readonly #sliceMs: number;
  readonly #failureRatio: number;
  readonly #callsMin: number;
  readonly #failuresInRow: number;
  readonly #silenceMs: number;
  readonly #calls = new Float64Array(SLICES);
  readonly #failures = new Float64Array(SLICES);
  #slice = 0;
  #sliceEndsMs = Number.NEGATIVE_INFINITY;
  #inRow = 0;
  #failedMs = Number.NEGATIVE_INFINITY;

  constructor(options: FailureWindowOptions = {}) {
    const { windowMs = 10_000, callMaxMs = 0 } = options;
    this.#sliceMs = windowMs / SLICES;
    this.#silenceMs = windowMs + callMaxMs;
    this.#failureRatio = options.failureRatio ?? 0.5;
    this.#callsMin = options.callsMin ?? 10;
    this.#failuresInRow = options.failuresInRow ?? 5;
  }

  succeed(nowMs: number): void {
    if (nowMs >= this.#sliceEndsMs) this.#expire(nowMs);
    const slice = this.#slice;
    this.#calls[slice] = (this.#calls[slice] ?? 0) + 1;
    this.#inRow = 0;
  }

  /** @returns whether the circuit should open */
  fail(nowMs: number): boolean {
    if (nowMs >= this.#sliceEndsMs) this.#expire(nowMs);
    const slice = this.#slice;
    this.#calls[slice] = (this.#calls[slice] ?? 0) + 1;
    this.#failures[slice] = (this.#failures[slice] ?? 0) + 1;
    this.#inRow = nowMs - this.#failedMs > this.#silenceMs ? 1 : this.#inRow + 1;
    this.#failedMs = nowMs;
    if (this.#inRow >= this.#failuresInRow) return true;
    const calls = this.#calls.reduce((sum, count) => sum + count, 0);
    const failures = this.#failures.reduce((sum, count) => sum + count, 0);
    return calls >= this.#callsMin && failures >= calls * this.#failureRatio;
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failures.fill(0);
    this.#inRow = 0;
  }

  /** Empties every slice that time has passed over, and opens the one that holds `nowMs`. */
  #expire(nowMs: number): void {
    const passed = Math.min(SLICES, 1 + Math.floor((nowMs - this.#sliceEndsMs) / this.#sliceMs));
    for (let step = 0; step < passed; step += 1) {
      this.#slice = (this.#slice + 1) % SLICES;
      this.#calls[this.#slice] = 0;
      this.#failures[this.#slice] = 0;
    }
    this.#sliceEndsMs = (Math.floor(nowMs / this.#sliceMs) + 1) * this.#sliceMs;
  }
}
