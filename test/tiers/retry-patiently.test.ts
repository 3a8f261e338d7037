import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Residue } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { fullJitter } from '../../src/tiers/backoff.ts';
import { type PatienceOptions, retryPatiently } from '../../src/tiers/retry-patiently.ts';

const ROWS = 6;
const first: Residue = { rows: 'all', reason: 'unavailable' };
const isWorthRetrying = ({ reason }: Residue): boolean => reason !== 'refused';

function retry(
  attempt: (residue: Residue, count: number) => Promise<readonly Residue[]> | readonly Residue[],
  options: PatienceOptions = {},
) {
  const clock = new ManualClock();
  const attempted: Residue[] = [];
  const wait = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      clock.schedule(delayMs, resolve);
    });
  const result = retryPatiently(
    first,
    async (residue) => {
      attempted.push(residue);
      return attempt(residue, attempted.length);
    },
    isWorthRetrying,
    { clock, random: () => 0.5, rowCount: ROWS, wait, retrying: () => {} },
    options,
  );
  result.catch(() => {});
  return { clock, attempted, result };
}

describe('retryPatiently', () => {
  it('keeps a success that arrives after everybody stopped waiting for it', async () => {
    let land: (left: readonly Residue[]) => void = () => {};
    const { clock, result } = retry(
      () =>
        new Promise((resolve) => {
          land = resolve;
        }),
    );
    await clock.advance(3_600_000);
    land([]);
    expect(await result).toEqual([]);
  });

  it('joins what is worth retrying into one attempt, unknown as soon as a part is unknown', async () => {
    const { clock, attempted, result } = retry((_, count) =>
      count === 1
        ? [
            { rows: [4], reason: 'throttled', retryAfterMs: 900, detail: 'slow down' },
            { rows: [0, 1], reason: 'refused' },
            { rows: [2], reason: 'ambiguous', detail: 'no answer' },
          ]
        : [],
    );
    await clock.advance(10_000);
    expect(await result).toEqual([{ rows: [0, 1], reason: 'refused' }]);
    expect(attempted[1]).toEqual({ rows: [2, 4], reason: 'ambiguous', detail: 'no answer', retryAfterMs: 900 });
  });

  it('tells them apart again when it gives up', async () => {
    const left: readonly Residue[] = [
      { rows: [1], reason: 'throttled' },
      { rows: [2], reason: 'unavailable' },
    ];
    const { clock, attempted, result } = retry(() => left, { attemptsMax: 2 });
    await clock.advance(10_000);
    expect([await result, attempted.length]).toEqual([left, 2]);
  });

  it('does not repeat what is not a failure to land but a bug', async () => {
    const { clock, attempted, result } = retry(() => {
      throw new Error('bug');
    });
    await clock.advance(60_000);
    await expect(result).rejects.toThrow('bug');
    expect(attempted).toHaveLength(1);
  });

  it('gives every row one end, whatever its attempts leave', async () => {
    const reason = fc.constantFrom('unavailable', 'throttled', 'ambiguous', 'refused', undefined);
    const script = fc.array(fc.array(reason, { minLength: ROWS, maxLength: ROWS }), {
      minLength: 5,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(script, fc.integer({ min: 1, max: 5 }), async (reasons, attemptsMax) => {
        const landed: number[] = [];
        const { clock, attempted, result } = retry(
          ({ rows }, count) =>
            rowIndices(rows, ROWS).flatMap((row) => {
              const why = reasons[count - 1]?.[row];
              if (why !== undefined) return [{ rows: [row], reason: why }];
              landed.push(row);
              return [];
            }),
          { attemptsMax },
        );
        await clock.advance(60_000);
        const left = (await result).flatMap(({ rows }) => rowIndices(rows, ROWS));
        expect([...left, ...landed].sort()).toEqual([0, 1, 2, 3, 4, 5]);
        expect(attempted.length).toBeLessThanOrEqual(attemptsMax);
      }),
      { numRuns: 200 },
    );
  });
});

describe('full jitter', () => {
  it('is spread from nothing to twice as much each time, up to its cap', () => {
    const bounds = [0, 1, 2, 6, 7, 40].map((attempt) => fullJitter(attempt, () => 1));
    expect(bounds).toEqual([500, 1_000, 2_000, 30_000, 30_000, 30_000]);
    expect(fullJitter(3, () => 0)).toBe(0);
    expect(fullJitter(3, () => 0.5, { firstMs: 10, maxMs: 60 })).toBe(30);
  });
});
