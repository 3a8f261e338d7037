/** Time and chance of the machine: the only adapters of `Clock` and `Random` outside tests. */
import type { Clock, Random } from '../core/clock.ts';

// setTimeout turns a longer delay into 1 ms, which would make a far deadline fire at once.
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * The machine's clock. `now()` is monotonic since the process started; `wallNow()` follows the system time.
 * A delay that is negative or not a number counts as 0; delays longer than 24 days are kept exactly.
 */
export const systemClock: Clock = {
  // Bound: looking `now` up on every call costs a fifth of reading the clock.
  now: performance.now.bind(performance),
  wallNow: () => Date.now(),
  schedule: (delayMs, run, options) => {
    const dueMs = performance.now() + Math.max(0, delayMs || 0);
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = dueMs - performance.now();
      timer = setTimeout(fire, Math.min(TIMER_MAX_MS, Math.max(0, leftMs)));
      if (!options?.keepAlive) timer.unref();
    };
    // Timers count from the start of the loop's turn, so they may fire a little before their time.
    const fire = (): void => (performance.now() < dueMs ? arm() : run());
    arm();
    return () => clearTimeout(timer);
  },
};

/** The machine's pseudo-random numbers: for jitter and sampling, never for secrets. */
export const systemRandom: Random = () => Math.random();
