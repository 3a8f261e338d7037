/** Time and chance as ports, so that a simulator can own them. Adapters live in `platform/`. */

/** Stops a scheduled call; calling it twice, or after the call was made, does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Monotonic milliseconds with a fraction; the origin means nothing. */
  now(): number;
  /** Wall clock, milliseconds since 1970; may step in either direction. Never used to measure. */
  wallNow(): number;
  /** Calls `run` once after `delayMs`. The timer does not keep the process alive unless asked. */
  schedule(delayMs: number, run: () => void, options?: { readonly keepAlive?: boolean }): Cancel;
}

/** Uniform in [0, 1). */
export type Random = () => number;
