import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.ts';
import { createFallback, memorySink, type PaceSettings } from '../../src/index.ts';
import type { Fate, Load } from '../support/loaded-sink.ts';
import { drainAfterOutage, p99, type Scenario } from './drain-after-outage.ts';

const CLIFF = 5_000;
const BACKLOG = { batches: 200, rows: 200, keys: 50 };
const LIVE = { everyMs: 50, rows: 50 };

/** Up to so many rows per second all is well; above it nothing is, and each request takes a second to say so. */
function cliff(reason: 'unavailable' | 'throttled' | 'ambiguous'): (load: Load) => Fate {
  return ({ offeredPerSecond }) =>
    offeredPerSecond > CLIFF ? { latencyMs: 1_000, reason } : { latencyMs: 20 };
}

function scenario(changes: Partial<Scenario> = {}): Scenario {
  return { worker: {}, decide: cliff('unavailable'), backlog: BACKLOG, live: LIVE, seed: 1, ...changes };
}

describe('a drain after an outage, at a sink with a capacity cliff', () => {
  it.each(['unavailable', 'throttled', 'ambiguous'] as const)(
    'opens no circuit again and keeps live batches fresh when the cliff says %s',
    async (reason) => {
      for (const seed of [1, 2]) {
        const drained = await drainAfterOutage(scenario({ decide: cliff(reason), seed }));
        expect(drained).toMatchObject({ isDrained: true, opened: [] });
        expect(drained.freshnessMs.length).toBeGreaterThan(200);
        expect(p99(drained.freshnessMs)).toBeLessThan(2_000);
      }
    },
  );

  it('opens no circuit again with sixteen jobs at a time, nor without live traffic', async () => {
    const wide = await drainAfterOutage(scenario({ worker: { concurrency: 16 } }));
    expect(wide).toMatchObject({ isDrained: true, opened: [] });
    const { live: _, ...alone } = scenario();
    expect(await drainAfterOutage(alone)).toMatchObject({ isDrained: true, opened: [] });
  });

  it('opens circuits again, and lets live batches wait behind the backlog, without a pace', async () => {
    const drained = await drainAfterOutage(scenario({ worker: { pace: false } }));
    expect(drained.opened.length).toBeGreaterThan(0);
    expect(p99(drained.freshnessMs)).toBeGreaterThan(2_000);
  });

  it('uses most of what live traffic leaves', async () => {
    const { isDrained, drainMs } = await drainAfterOutage(scenario());
    expect(isDrained).toBe(true);
    expect((BACKLOG.batches * BACKLOG.rows * 1_000) / drainMs).toBeGreaterThan((CLIFF - 1_000) * 0.4);
  });
});

describe('a drain at a sink that answers slower the more it has to do', () => {
  /** Four at a time, 50 ms each; the others queue. */
  const queueing = ({ inFlight }: Load): Fate => ({ latencyMs: 50 * Math.max(1, inFlight / 4) });

  async function inFlightOf(pace: false | undefined): Promise<number> {
    let sum = 0;
    let looks = 0;
    const { live: _, ...alone } = scenario({
      worker: pace === false ? { pace, concurrency: 32 } : { concurrency: 32 },
      decide: queueing,
      backlog: { batches: 600, rows: 100, keys: 200 },
      watch: (_fallback, sink, sinceMs) => {
        if (sinceMs < 6_000 && pace !== false) return;
        sum += sink.inFlight;
        looks += 1;
      },
    });
    expect(await drainAfterOutage(alone)).toMatchObject({ isDrained: true });
    return sum / looks;
  }

  it('keeps few more in flight than it serves at once', async () => {
    const [paced, unpaced] = [await inFlightOf(undefined), await inFlightOf(false)];
    expect(paced).toBeGreaterThan(2);
    expect(paced).toBeLessThan(10);
    expect(unpaced).toBeGreaterThan(paced);
  });
});

describe('the option worker.pace', () => {
  it.each([
    [{ liveShare: 1 }, 'worker.pace.liveShare: found 1, expected a number from 0 to below 1'],
    [{ rowsPerSecondMax: 0 }, 'worker.pace.rowsPerSecondMax: found 0, expected a number of at least 1'],
    [{ latencyRatioMax: Number.NaN }, 'worker.pace.latencyRatioMax: found NaN, expected a number above 1'],
    [{ pauseMs: 100, pauseMaxMs: 50 }, 'worker.pace.pauseMaxMs: found 50, expected at least pauseMs'],
    [{ rowsMax: 5 }, 'worker.pace.rowsMax: is not an option'],
  ])('refuses %j by name', async (pace, words) => {
    const opening = createFallback({
      dir: '/nowhere/at/all',
      sink: memorySink(),
      worker: { pace: pace as PaceSettings },
    });
    const error = await opening.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(words);
  });
});
