import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../src/core/errors.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import type { Job, Queue } from '../../src/reconcile/queue.ts';
import { settlementKey } from '../../src/reconcile/settlement.ts';
import { type SweepOptions, sweep } from '../../src/reconcile/sweep.ts';
import { makeObject } from '../../src/stores/packed-object.ts';
import { decodeObject, encodeObject, objectFacts } from '../../src/stores/parquet.ts';
import type { MemoryStore } from '../../src/testing/memory-store.ts';
import { CHAIN, createScene, entryOf, type Scene } from './scene.ts';

function portsOf(store: MemoryStore): Pick<SweepOptions['store'], 'list' | 'get' | 'put'> {
  return { list: store.list.bind(store), get: store.get.bind(store), put: store.put.bind(store) };
}

describe('a sweep', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  const run = (changes: Partial<SweepOptions> = {}) => {
    const { store, queue } = scene;
    const emit = (name: string): void => void told.push(name);
    return sweep({ store, chain: CHAIN, queue, decode: decodeObject, emit, ...changes });
  };
  const told: string[] = [];

  it('announces what is stored, open and unknown, just as it was announced first', async () => {
    const job = await scene.put(5, [entryOf(['{"a":1}', '{"a":2}'])], false);
    expect(await run()).toEqual({ objects: 1, settled: 0, known: 0, announced: 1, unreadable: [] });
    expect(await scene.queue.claim('w', 1000)).toEqual({ ...job, attempts: 0, entriesDone: 0 });
    expect(told).toContain('jobAnnounced');
  });

  it('changes nothing the second time, and reads no object whose job is known', async () => {
    for (let n = 0; n < 5; n += 1) await scene.put(n, [entryOf([`{"n":${n}}`])], false);
    await run();
    const reads = scene.store.calls('get');
    expect(await run()).toMatchObject({ objects: 5, known: 5, announced: 0 });
    expect(scene.store.calls('get')).toBe(reads);
  });

  it('works with a queue that cannot tell what it knows', async () => {
    await scene.put(0, [entryOf(['{}'])]);
    const queue = { announce: scene.queue.announce.bind(scene.queue) };
    expect(await run({ queue })).toMatchObject({ known: 1, announced: 0 });
  });

  it('leaves settled objects alone, wherever they stand in the listing', async () => {
    for (let n = 0; n < 4; n += 1) await scene.put(n % 2, [entryOf([`{"n":${n}}`])]);
    await scene.until(scene.worker().drain());
    await scene.put(0, [entryOf(['{"n":9}'])], false);
    expect(await run()).toMatchObject({ objects: 5, settled: 4, announced: 1 });
  });

  it('announces again an object whose settlement cannot be read, when asked to look', async () => {
    const job = await scene.put(0, [entryOf(['{"n":1}'])]);
    await scene.until(scene.worker().drain());
    scene.store.damage(settlementKey(job.ref), () => new Uint8Array(3));
    expect(await run()).toMatchObject({ settled: 1, announced: 0 });
    expect(await run({ checkSettlements: true })).toMatchObject({ settled: 0, announced: 1 });
    expect(await scene.report()).toMatchObject({ pending: 1, balanced: true });
    expect((await scene.report()).perObject[0]?.fault).toContain('.settled.json');
    await scene.until(scene.worker().drain());
    expect(await scene.report()).toMatchObject({ pending: 0, alreadyHeld: 1, balanced: true });
  });

  it('reports objects it cannot read and goes on with the rest', async () => {
    const bad = await scene.put(0, [entryOf(['{"n":1}'])], false);
    await scene.put(1, [entryOf(['{"n":2}'])], false);
    scene.store.damage(bad.ref, (body) => body.reverse());
    await scene.store.put(`chain=${CHAIN}/stray.parquet`, [Buffer.from('PAR1')]);
    const report = await run();
    expect(report).toMatchObject({ objects: 3, announced: 1 });
    expect([...report.unreadable].sort()).toEqual([bad.ref, `chain=${CHAIN}/stray.parquet`].sort());
    expect(await scene.report()).toMatchObject({ balanced: false, rows: 1 });
  });

  it('stops with the error when the store itself is away', async () => {
    await scene.put(0, [entryOf(['{"n":1}'])], false);
    scene.store.failNext('get');
    await expect(run()).rejects.toMatchObject({ code: 'STORAGE_IO' });
    scene.store.failNext('list');
    await expect(run()).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect(await run()).toMatchObject({ announced: 1 });
  });

  it('opens no object that says itself how many records it has', async () => {
    const job = await scene.put(3, [entryOf(['{"a":1}', '{"a":2}'])], false);
    const decode = (): never => {
      throw new Error('it was opened');
    };
    expect(await run({ factsOf: objectFacts, decode })).toMatchObject({ announced: 1 });
    expect(await scene.queue.claim('w', 1000)).toMatchObject(job);
  });

  it('announces the class that an object says it has', async () => {
    const entries = [{ ...entryOf(['{"n":1}'], { priority: 'critical' }), seq: 7 }];
    const group = { purpose: 'replay' as const, lane: 2, first: entries[0] as JournalEntry, entries };
    const { object, chunks } = await makeObject(group, { chain: CHAIN });
    await scene.store.put(object.ref, chunks);
    expect(await run({ factsOf: objectFacts })).toMatchObject({ announced: 1 });
    expect(await scene.queue.claim('w', 1000)).toMatchObject({ lane: 2, order: 7, priority: 'critical' });
  });

  it('does not take the word of an object that is not the one its name tells (W2)', async () => {
    const bad = await scene.put(0, [entryOf(['{"n":1}'])], false);
    const { chunks } = await encodeObject([{ ...entryOf(['{"n":2}']), seq: 0 }], {});
    scene.store.damage(bad.ref, () => Buffer.concat(chunks));
    expect(await run({ factsOf: objectFacts })).toMatchObject({ announced: 0, unreadable: [bad.ref] });
    expect(told).toContain('storageFailed');
  });

  it('announces each part at once, confirmed by a store that can, and puts nothing again (W3, W4)', async () => {
    for (let n = 0; n < 1_100; n += 1) await scene.put(n % 7, [entryOf([`{"n":${n}}`])], false);
    const puts = scene.store.calls('put');
    const calls: string[] = [];
    const store = {
      ...portsOf(scene.store),
      confirm: async (keys: readonly string[]) => void calls.push(`confirm ${keys.length}`),
    };
    const queue = {
      knows: scene.queue.knows?.bind(scene.queue) as NonNullable<Queue['knows']>,
      announce: scene.queue.announce.bind(scene.queue),
      announceAll: async (jobs: readonly Job[]) => {
        calls.push(`announce ${jobs.length}`);
        return (await scene.queue.announceAll?.(jobs)) ?? [];
      },
    };
    expect(await run({ queue, store })).toMatchObject({ objects: 1_100, announced: 1_100 });
    expect(calls).toEqual([
      'confirm 512',
      'announce 512',
      'confirm 512',
      'announce 512',
      'confirm 76',
      'announce 76',
    ]);
    expect(scene.store.calls('put')).toBe(puts);
    expect(await run({ queue, store })).toMatchObject({ known: 1_100, announced: 0 });
    expect(calls.length).toBe(6);
  });

  it('announces nothing of a part that cannot be confirmed', async () => {
    await scene.put(0, [entryOf(['{"n":1}'])], false);
    const confirm = async (): Promise<never> => {
      throw new StorageError('STORAGE_IO', 'no', { hint: 'A test wanted this.' });
    };
    await expect(run({ store: { ...portsOf(scene.store), confirm } })).rejects.toMatchObject({
      code: 'STORAGE_IO',
    });
    expect(await scene.queue.depth()).toMatchObject({ waiting: 0 });
  });

  it('does not see objects of other chains, nor what is kept to be healed', async () => {
    const { chunks } = { chunks: [Buffer.from('x')] };
    await scene.store.put(`chain=${CHAIN}2/part=0/0000000000000000-${'0'.repeat(32)}.parquet`, chunks);
    await scene.store.put(`heal/chain=${CHAIN}/part=0/0000000000000000-${'0'.repeat(32)}.parquet`, chunks);
    expect(await run()).toMatchObject({ objects: 0 });
  });
});
