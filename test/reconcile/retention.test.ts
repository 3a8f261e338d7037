import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.ts';
import { quarantinePrefix } from '../../src/reconcile/quarantine-object.ts';
import { checkRetention, expireSettled, readExpired } from '../../src/reconcile/retention.ts';
import { settlementKey } from '../../src/reconcile/settlement.ts';
import { sweep } from '../../src/reconcile/sweep.ts';
import { verifyJobs } from '../../src/reconcile/verify-jobs.ts';
import { decodeObject } from '../../src/stores/parquet.ts';
import { CHAIN, createScene, entryOf, type Scene } from './scene.ts';

const DAY_MS = 86_400_000;

describe('what was settled long ago', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  const expire = () =>
    expireSettled({ store: scene.store, chain: CHAIN, clock: scene.clock, settledTtlMs: DAY_MS });
  const faults = () =>
    scene.until(verifyJobs({ store: scene.store, queue: scene.queue, chain: CHAIN, clock: scene.clock }));
  const settle = async (lines: readonly string[], lane = 0): Promise<string> => {
    const { ref } = await scene.put(lane, [entryOf(lines)]);
    await scene.until(scene.worker().drain());
    return ref;
  };

  it('expires after its time, with everything beside it, and still counts', async () => {
    const ref = await settle(['{"n":1}', '{"n":2}']);
    expect(await expire()).toEqual({ objects: 0, rows: 0 });
    await scene.clock.advance(DAY_MS);
    const young = await settle(['{"n":3}']);
    expect(await expire()).toEqual({ objects: 1, rows: 2 });
    expect(scene.store.keys.filter((key) => key.startsWith('chain='))).toEqual(
      [young, settlementKey(young)].sort(),
    );
    const { expired, rows, balanced } = await scene.report();
    expect([expired.objects, expired.rows, rows, balanced]).toEqual([1, 2, 1, true]);
    expect([...expired.refs]).toEqual([ref]);
    expect(await faults()).toEqual([]);
    expect(await expire()).toEqual({ objects: 0, rows: 0 });
  });

  it('never expires while it is pending, or its settlement cannot be read', async () => {
    const open = await scene.put(0, [entryOf(['{"n":1}'])]);
    await scene.clock.advance(10 * DAY_MS);
    expect(await expire()).toEqual({ objects: 0, rows: 0 });
    await scene.until(scene.worker().drain());
    await scene.clock.advance(DAY_MS);
    scene.store.damage(settlementKey(open.ref), () => new Uint8Array(3));
    expect(await expire()).toEqual({ objects: 0, rows: 0 });
    expect(scene.store.keys).toContain(open.ref);
  });

  it('stays while the quarantine cannot be read, because its rows may be of it', async () => {
    scene.chain.judge = (text) => (text.includes('bad') ? { reason: 'refused' } : undefined);
    const ref = await settle(['{"n":"good"}', '{"n":"bad"}']);
    await scene.clock.advance(DAY_MS);
    const [kept = ''] = scene.store.keys.filter((key) => key.startsWith(quarantinePrefix(CHAIN)));
    scene.store.damage(kept, () => new Uint8Array(3));
    await expect(expire()).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
    expect(scene.store.keys).toContain(ref);
  });

  it('waits for a decision on every row that is in quarantine', async () => {
    scene.chain.judge = (text) => (text.includes('bad') ? { reason: 'refused' } : undefined);
    await settle(['{"n":"good"}', '{"n":"bad"}']);
    await scene.clock.advance(DAY_MS);
    expect(await expire()).toEqual({ objects: 0, rows: 0 });
    const [row] = await scene.quarantine.list();
    await scene.quarantine.discard([row?.id ?? '']);
    expect(await expire()).toEqual({ objects: 1, rows: 2 });
    expect((await scene.report()).balanced).toBe(true);
  });

  it('is gone after a crash at any call to the store, once, and never looks forgotten', async () => {
    for (let crashAt = 1; ; crashAt += 1) {
      const one = await createScene();
      for (let lane = 0; lane < 3; lane += 1) await one.put(lane, [entryOf([`{"n":${lane}}`])]);
      await one.until(one.worker().drain());
      await one.clock.advance(DAY_MS);
      let calls = 0;
      const guard = (): void => {
        calls += 1;
        if (calls === crashAt) throw new Error('killed');
      };
      const store = {
        list: one.store.list.bind(one.store),
        get: one.store.get.bind(one.store),
        put: async (...args: Parameters<typeof one.store.put>) => {
          guard();
          return one.store.put(...args);
        },
        delete: async (key: string) => {
          guard();
          return one.store.delete(key);
        },
      };
      const options = { chain: CHAIN, clock: one.clock, settledTtlMs: DAY_MS };
      const isKilled = await expireSettled({ store, ...options }).then(
        () => false,
        () => true,
      );
      const jobs = verifyJobs({ store: one.store, queue: one.queue, chain: CHAIN, clock: one.clock });
      expect(await one.until(jobs), `killed at ${crashAt}`).toEqual([]);
      // A queue that was wiped is filled again from the store: with nothing that is over.
      const announced: string[] = [];
      const queue = {
        announce: async ({ ref }: { readonly ref: string }) => {
          announced.push(ref);
          return 'added' as const;
        },
      };
      await sweep({ store: one.store, chain: CHAIN, queue, decode: decodeObject, emit: () => {} });
      expect(announced, `killed at ${crashAt}`).toEqual([]);
      await expireSettled({ store: one.store, ...options });
      expect(one.store.keys.filter((key) => key.startsWith('chain='))).toEqual([]);
      expect(await readExpired(one.store, CHAIN)).toMatchObject({ objects: 3, rows: 3 });
      expect((await one.report()).balanced).toBe(true);
      await one.close();
      if (!isKilled) break;
    }
  });
});

describe('a time to live', () => {
  it('is at least the retention of the sink', () => {
    expect(() => checkRetention(DAY_MS, { name: 's', retentionMs: DAY_MS })).not.toThrow();
    expect(() => checkRetention(DAY_MS, { name: 's' })).not.toThrow();
    expect(() => checkRetention(DAY_MS - 1, { name: 's', retentionMs: DAY_MS })).toThrow(ConfigError);
    expect(() => checkRetention(0, { name: 's' })).toThrow(/above 0/);
  });
});
