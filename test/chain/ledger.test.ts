import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/chain/engine.ts';
import { Ledger } from '../../src/chain/ledger.ts';
import { framer } from '../../src/codecs/codecs.ts';
import { EventBus } from '../../src/core/events.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { defaultChain } from './default-chain.ts';
import { RecordedMetrics } from './recorded-metrics.ts';
import { batchOf, checkBooksAfterEach, failureOf, rigOf } from './rig.ts';

checkBooksAfterEach();

/** An engine that nobody listens to and whose books are not checked. */
function bareEngine(bus = new EventBus()) {
  const { chain, tiers } = defaultChain();
  const metrics = new RecordedMetrics();
  const engine = new Engine({ chain, framer, clock: new ManualClock(), random: () => 0.5, metrics, bus });
  return { engine, tiers, metrics };
}

describe('ledger', () => {
  it.each([1, -1])('shows a miscount of %d records in its view and in the gauge', async (miscount) => {
    const { engine, metrics } = bareEngine();
    const landed = engine.landed.bind(engine);
    engine.landed = (flight, receipt) => {
      receipt.delivered += miscount;
      landed(flight, receipt);
    };
    for (const batches of [1, 2]) {
      await engine.submit(batchOf(3));
      expect(engine.ledger).toMatchObject({ accepted: 3 * batches, unaccounted: -miscount * batches });
      expect(metrics.read('fallback_unaccounted_records')).toEqual([-miscount * batches]);
    }
  });

  it('holds what is in flight apart', () => {
    const ledger = new Ledger();
    ledger.accept(5);
    expect(ledger.view()).toMatchObject({ accepted: 5, inFlight: 5, unaccounted: 0 });
  });
});

describe('what an engine tells', () => {
  it('builds no event when nobody listens', async () => {
    const emitted: string[] = [];
    const bus = Object.assign(new EventBus(), { emit: (name: string) => emitted.push(name) });
    const { engine, tiers } = bareEngine(bus);
    tiers.primary.failNext('undecodable');
    tiers['raw-persist'].failNext('unavailable', [0]);
    await failureOf(engine.submit(batchOf(2)));
    expect(emitted).toEqual([]);
  });

  it('survives a listener that throws', async () => {
    const { chain, tiers } = defaultChain();
    const errors: unknown[] = [];
    const { engine } = rigOf(chain, { bus: new EventBus((error) => errors.push(error)) });
    for (const name of ['tierTransitioned', 'batchDeferred', 'batchRejected'] as const) {
      engine.on(name, () => {
        throw new Error(name);
      });
    }
    tiers.primary.failNext('undecodable');
    await engine.submit(batchOf(1));
    tiers.primary.failNext('undecodable');
    tiers['raw-persist'].failNext('unavailable');
    await failureOf(engine.submit(batchOf(1)));
    expect(errors.map(String)).toEqual([
      'Error: tierTransitioned',
      'Error: batchDeferred',
      'Error: tierTransitioned',
      'Error: tierTransitioned',
      'Error: batchRejected',
    ]);
  });

  it('records one latency per tier run, by whether all rows landed', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, metrics } = rigOf(chain);
    tiers.primary.failNext('unavailable', [0]);
    await engine.submit(batchOf(2));
    await engine.submit(batchOf(2));
    const runs = (tier: string, outcome: string) =>
      metrics.recordings('tier_execution_latency_seconds', { tier, outcome });
    expect([runs('primary', 'landed'), runs('primary', 'left'), runs('schema-retry', 'landed')]).toEqual([
      1, 1, 1,
    ]);
  });

  it('stamps batches with the wall clock, also after it was stepped', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, clock } = rigOf(chain);
    const stamps = async () => {
      await engine.submit(batchOf(1));
      return (tiers.primary.runs.at(-1)?.work.batch.receivedAtMs ?? 0) - clock.wallNow();
    };
    expect(await stamps()).toBe(0);
    await clock.advance(100);
    expect(await stamps()).toBe(0);
    clock.stepWall(-5_000);
    await clock.advance(251);
    expect(await stamps()).toBe(0);
  });
});
