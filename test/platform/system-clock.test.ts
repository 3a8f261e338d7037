import { expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';

const fired = (delayMs: number): Promise<number> =>
  new Promise((resolve) => {
    systemClock.schedule(delayMs, () => resolve(systemClock.now()), { keepAlive: true });
  });

it('never calls before the delay has passed', async () => {
  const start = systemClock.now();
  // A Node timer may fire up to 1 ms early against performance.now().
  expect((await fired(5)) - start).toBeGreaterThanOrEqual(4);
});

it('does not call a cancelled timer, and cancelling twice is safe', async () => {
  let calls = 0;
  const cancel = systemClock.schedule(0, () => {
    calls += 1;
  });
  cancel();
  cancel();
  await fired(2);
  expect(calls).toBe(0);
});

it.each([2 ** 31, 1e12, Number.POSITIVE_INFINITY])(
  'does not fire at once for a delay of %s ms',
  async (delayMs) => {
    let calls = 0;
    const cancel = systemClock.schedule(delayMs, () => {
      calls += 1;
    });
    await fired(5);
    cancel();
    expect(calls).toBe(0);
  },
);

it.each([-5, Number.NaN])('takes a delay of %s ms as none', async (delayMs) => {
  await fired(delayMs);
});

it('tells the wall clock in milliseconds since 1970 and numbers in [0, 1)', () => {
  expect(Math.abs(systemClock.wallNow() - Date.now())).toBeLessThan(1000);
  for (let i = 0; i < 1000; i += 1) {
    const number = systemRandom();
    expect(number >= 0 && number < 1).toBe(true);
  }
});
