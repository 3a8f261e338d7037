import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { framer } from '../../src/codecs/codecs.ts';
import { SinkError } from '../../src/core/errors.ts';
import { type RecheckOptions, recheckSink } from '../../src/reconcile/recheck.ts';
import { settlementKey } from '../../src/reconcile/settlement.ts';
import { decodeObject } from '../../src/stores/parquet.ts';
import { CHAIN, createScene, entryOf, keysOf, type Scene } from './scene.ts';

const HOUR_MS = 3_600_000;

describe('a second look into the sink', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  const recheck = (changes: Partial<RecheckOptions> = {}) => {
    const { store, quarantine, clock, chain } = scene;
    const pure = { decode: decodeObject, framer, keysOf, random: () => 0.5 };
    const options = { store, chain: CHAIN, quarantine, clock, sink: chain.sink, ...pure, ...changes };
    return scene.until(recheckSink(options), 1000);
  };
  const settle = async (lane: number, ...bodies: readonly (readonly string[])[]): Promise<string> => {
    const { ref } = await scene.put(
      lane,
      bodies.map((lines) => entryOf(lines)),
    );
    await scene.until(scene.worker().drain());
    return ref;
  };

  it('finds everything that is there, and counts what is not settled', async () => {
    await settle(0, ['{"n":1}', '{"n":2}'], ['{"n":3}']);
    await scene.put(1, [entryOf(['{"n":4}'])], false);
    expect(await recheck()).toMatchObject({
      ...{ objects: 1, open: 1, rows: 3, held: 3, lost: 0, pastRetention: 0, unkeyed: 0 },
      ...{ lostRows: [], differing: [], faults: [] },
    });
  });

  it('names exactly the rows that the sink has lost since, whichever they are', async () => {
    const lines = Array.from({ length: 40 }, (_, n) => `{"n":${n}}`);
    const refs = [await settle(0, lines.slice(0, 15), lines.slice(15, 20)), await settle(1, lines.slice(20))];
    const all = new Map(scene.chain.rows);
    await fc.assert(
      fc.asyncProperty(fc.subarray([...all.keys()]), async (lost) => {
        scene.chain.rows.clear();
        for (const [key, text] of all) if (!lost.includes(key)) scene.chain.rows.set(key, text);
        const report = await recheck();
        expect(report.lostRows.map(({ key }) => key).sort()).toEqual(lost.toSorted());
        expect([report.lost, report.held]).toEqual([lost.length, 40 - lost.length]);
        expect(report.lostRows.every(({ ref }) => refs.includes(ref))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('lists a thousand lost rows and counts all', async () => {
    await settle(
      0,
      Array.from({ length: 1500 }, (_, n) => `{"n":${n}}`),
    );
    scene.chain.rows.clear();
    const report = await recheck();
    expect([report.lost, report.lostRows.length]).toEqual([1500, 1000]);
  });

  it('misses no row that was quarantined, discarded or released', async () => {
    scene.chain.judge = (text) => (text.includes('bad') ? { reason: 'refused' } : undefined);
    await settle(0, ['{"n":"bad1"}', '{"n":"good"}', '{"n":"bad2"}', '{"n":"bad3"}']);
    const [first, second] = await scene.quarantine.list();
    await scene.quarantine.discard([first?.id ?? '']);
    scene.chain.judge = () => undefined;
    await scene.quarantine.release([second?.id ?? '']);
    await scene.until(scene.worker().drain());
    expect(await recheck()).toMatchObject({ objects: 2, rows: 2, held: 2, lost: 0, differing: [], faults: [] });
  });

  it('tells rows that vanished from the quarantine and are nowhere', async () => {
    scene.chain.judge = (text) => (text.includes('bad') ? { reason: 'refused' } : undefined);
    const ref = await settle(0, ['{"n":"bad"}', '{"n":"good"}']);
    const report = await recheck({ quarantine: { asideOf: async () => new Map() } });
    expect(report).toMatchObject({ lost: 1, differing: [ref] });
    expect(report.faults).toMatchObject([{ ref, fault: expect.stringContaining('1 rows') }]);
  });

  it('misses nothing that is older than the sink keeps it', async () => {
    const now = scene.clock.wallNow();
    await scene.put(0, [
      entryOf(['{"n":1}'], { receivedAtMs: now - HOUR_MS }),
      entryOf(['{"n":2}'], { receivedAtMs: now }),
    ]);
    await scene.until(scene.worker().drain());
    scene.chain.rows.clear();
    const sink = { lookup: scene.chain.sink.lookup, retentionMs: HOUR_MS };
    expect(await recheck({ sink })).toMatchObject({ rows: 2, pastRetention: 1, lost: 1 });
  });

  it('says which rows nobody can ask for, and which objects have other keys than they had', async () => {
    const ref = await settle(0, ['{"n":1}', '{"n":2}']);
    const odd = () => {
      throw new Error('does not decode');
    };
    expect(await recheck({ keysOf: odd })).toMatchObject({ unkeyed: 2, lost: 0, differing: [] });
    const other = (_: unknown, rows: readonly number[]) => rows.map((row) => `other-${row}`);
    expect(await recheck({ keysOf: other })).toMatchObject({ lost: 2, differing: [ref] });
  });

  it('names an object that rotted, and goes on', async () => {
    const ref = await settle(0, ['{"n":1}']);
    await settle(1, ['{"n":2}']);
    scene.store.damage(ref, (body) => body.fill(0, 20, 40));
    const report = await recheck();
    expect(report).toMatchObject({ objects: 2, held: 1 });
    expect(report.faults).toMatchObject([{ ref }]);
  });

  it('does not fall over an object that expires meanwhile', async () => {
    const ref = await settle(0, ['{"n":1}']);
    await scene.store.delete(ref);
    const listed = {
      ...scene.store,
      list: async function* () {
        yield { key: ref, bytes: 1, modifiedMs: 0 };
        yield { key: settlementKey(ref), bytes: 1, modifiedMs: 0 };
      },
      get: (key: string) => scene.store.get(key),
    };
    expect(await recheck({ store: listed })).toMatchObject({ lost: 0, faults: [] });
  });

  it('waits for a sink that is busy, and gives up on one that stays away', async () => {
    await settle(0, ['{"n":1}']);
    let failures = 3;
    const lookup = async (keys: readonly string[]) => {
      failures -= 1;
      if (failures >= 0) throw new SinkError('throttled', 'busy', { retryAfterMs: 5_000 });
      return scene.chain.sink.lookup(keys);
    };
    const before = scene.clock.now();
    expect(await recheck({ sink: { lookup } })).toMatchObject({ held: 1 });
    expect(scene.clock.now() - before).toBeGreaterThanOrEqual(15_000);
    failures = 100;
    await expect(recheck({ sink: { lookup } })).rejects.toThrow('busy');
  });

  it('ends when it is told to', async () => {
    await settle(0, ['{"n":1}']);
    await expect(recheck({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});
