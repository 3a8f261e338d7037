/** The machine's clock, running faster: minutes of backoff pass in a second, while real requests are made. */
import type { Clock } from '../../src/core/clock.ts';

/** @param factor how many milliseconds pass in each real one */
export function fastClock(factor: number): Clock {
  const startedMs = performance.now();
  return {
    now: () => (performance.now() - startedMs) * factor,
    wallNow: () => Date.now(),
    schedule: (delayMs, run) => {
      const timer = setTimeout(run, delayMs / factor);
      return () => clearTimeout(timer);
    },
  };
}
