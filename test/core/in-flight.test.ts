import { describe, expect, it } from 'vitest';
import { mapInFlight } from '../../src/core/in-flight.ts';

/** Lets everything run that can. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work in flight', () => {
  it('gives results in the order of the items, whichever ends first', async () => {
    const delays = [3, 1, 2, 0];
    const results = await mapInFlight(delays, { atOnceMax: 4 }, async (turns) => {
      for (let n = 0; n < turns; n += 1) await settle();
      return turns;
    });
    expect(results).toEqual(delays);
    expect(await mapInFlight([], { atOnceMax: 1 }, async () => 1)).toEqual([]);
  });

  it.each([
    ['number', { atOnceMax: 3 }, [3, 4, 5]],
    ['bytes', { atOnceMax: 9, bytesMax: 10, bytesOf: () => 4 }, [2, 3, 4]],
  ])('begins no more than its limit of %s allows, and the next when one ends', async (_, limits, begun) => {
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
    let started = 0;
    const all = mapInFlight(gates, limits, async (gate) => {
      started += 1;
      await gate.promise;
    });
    const seen: number[] = [];
    for (const gate of gates.slice(0, 3)) {
      await settle();
      seen.push(started);
      gate.resolve();
    }
    expect(seen).toEqual(begun);
    for (const gate of gates) gate.resolve();
    await all;
    expect(started).toBe(5);
  });

  it('lets one pass alone that is larger than the limit', async () => {
    expect(
      await mapInFlight([99, 1], { atOnceMax: 4, bytesMax: 10, bytesOf: (n) => n }, async (n) => n),
    ).toEqual([99, 1]);
  });

  it('begins nothing after a failure, and throws it when what was under way has ended', async () => {
    const gate = Promise.withResolvers<void>();
    const begun: number[] = [];
    let isOver = false;
    const all = mapInFlight([0, 1, 2, 3], { atOnceMax: 2 }, async (n) => {
      begun.push(n);
      if (n === 1) throw new Error('the second');
      await gate.promise;
      if (n === 0) throw new Error('the first, later');
    }).finally(() => {
      isOver = true;
    });
    all.catch(() => undefined);
    await settle();
    expect([begun, isOver]).toEqual([[0, 1], false]);
    gate.resolve();
    await expect(all).rejects.toThrow('the second');
  });
});
