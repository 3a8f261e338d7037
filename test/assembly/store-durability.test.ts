import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type Fallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { ChainExhaustedError } from '../../src/core/errors.ts';
import type { EventName } from '../../src/core/events.ts';
import { EventBus } from '../../src/core/events.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { decodeObject } from '../../src/stores/parquet.ts';
import { storeJournal } from '../../src/stores/store-journal.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tierfall-store-mode-'));
});
afterEach(() => rm(root, { recursive: true }));

const ROWS = 5;

function batchOf(number: number, orderingKey?: string): BatchInput {
  const rows = Array.from({ length: ROWS }, (_, at) => `{"id":"${number}/${at}"}`);
  return { id: `b${number}`, format: 'ndjson', body: rows.join('\n'), ...(orderingKey ? { orderingKey } : {}) };
}

/** Fails every fifth put while it is told to. */
class UnreliableStore extends MemoryStore {
  isUnreliable = false;

  override async put(key: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    if (this.isUnreliable && this.calls('put') % 5 === 3) this.failNext('put');
    return super.put(key, chunks);
  }
}

function rig() {
  const held = memorySink();
  return { held, sink: flakySink(held), store: new UnreliableStore() };
}

type Rig = ReturnType<typeof rig>;

function open({ sink, store }: Rig, changes: Partial<FallbackOptions> = {}): Promise<Fallback> {
  return createFallback({
    dir: join(root, 'data'),
    sink,
    store,
    durability: 'store',
    retry: { attemptsMax: 1, firstMs: 1 },
    limits: { primary: { breaker: false }, 'schema-retry': { breaker: false } },
    worker: false,
    ...changes,
  });
}

const ids = ({ held }: Rig): Set<string> =>
  new Set([...held.rows.values()].map((record) => (record as { id: string }).id));

describe('durability by the store', () => {
  it('acknowledges what the store holds, keeps nothing on the disk, and brings all of it back', async () => {
    const scene = rig();
    const fallback = await open(scene);
    scene.sink.down('unavailable');
    const receipts = await Promise.all(Array.from({ length: 100 }, (_, n) => fallback.submit(batchOf(n))));
    expect(receipts.every(({ deferred }) => deferred === ROWS)).toBe(true);
    const objects = scene.store.keys.filter((key) => key.endsWith('.parquet'));
    expect(objects.length).toBeLessThan(20);
    expect(existsSync(join(root, 'data', 'journal'))).toBe(false);
    scene.sink.up();
    expect(await fallback.reconcile()).toMatchObject({ drained: true });
    expect(scene.held.rows.size).toBe(100 * ROWS);
    expect(await fallback.report()).toMatchObject({ balanced: true, pending: 0, rows: 100 * ROWS });
    await fallback.close();
  });

  it('gives rows back to the caller when the put fails, with the words of the store, and acknowledges none', async () => {
    const scene = rig();
    const fallback = await open(scene);
    scene.sink.down('unavailable');
    scene.store.failNext('put', 'STORAGE_DENIED');
    const refusal: unknown = await fallback.submit(batchOf(1)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ChainExhaustedError);
    expect(String(refusal)).toContain('STORAGE_DENIED');
    expect((refusal as ChainExhaustedError).receipt).toMatchObject({
      rejected: ROWS,
      deferred: 0,
      delivered: 0,
    });
    expect(scene.store.keys).toEqual([]);
    expect(fallback.engine.ledger).toMatchObject({ deferred: 0, rejected: ROWS, unaccounted: 0 });
    expect(await fallback.submit(batchOf(1))).toMatchObject({ deferred: ROWS });
    await fallback.close();
  });

  it('finds with a sweep what was stored and never announced, on a machine that has nothing else', async () => {
    const scene = rig();
    const entry = sampleEntry(1, { body: Buffer.from('{"id":"lost"}') });
    const dying = storeJournal({
      store: scene.store,
      chain: 'default',
      clock: systemClock,
      emit: () => undefined,
      announce: () => new Promise(() => undefined),
    });
    let isAcknowledged = false;
    void dying.append(entry).then(() => {
      isAcknowledged = true;
    });
    while (scene.store.keys.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(isAcknowledged).toBe(false);
    const fallback = await open(scene, { dir: join(root, 'another-machine') });
    expect(await fallback.reconcile()).toMatchObject({ drained: true });
    expect(ids(scene)).toEqual(new Set(['lost']));
    await fallback.close();
  });

  it('loses nothing that was acknowledged, whatever puts fail, and keeps each key in order', async () => {
    const scene = rig();
    const { store, sink } = scene;
    const fallback = await open(scene);
    sink.down('unavailable');
    store.isUnreliable = true;
    const acknowledged: number[] = [];
    await Promise.all(
      Array.from({ length: 24 }, async (_, submitter) => {
        for (let turn = 0; turn < 10; turn += 1) {
          const number = submitter * 100 + turn;
          const key = submitter % 2 === 0 ? `key-${submitter}` : undefined;
          await fallback.submit(batchOf(number, key)).then(
            () => acknowledged.push(number),
            (error: unknown) => expect(error).toBeInstanceOf(ChainExhaustedError),
          );
        }
      }),
    );
    // One put that fails opens no circuit: the next one is tried.
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(acknowledged.length).toBeLessThan(240);
    const stored: { readonly key: string; readonly seq: number; readonly number: number }[] = [];
    for (const ref of store.keys.filter((name) => name.endsWith('.parquet'))) {
      for (const { orderingKey, seq, body } of await decodeObject(await store.get(ref))) {
        const number = Number(/"id":"(\d+)/.exec(Buffer.from(body).toString())?.[1]);
        if (orderingKey !== undefined) stored.push({ key: orderingKey, seq, number });
      }
    }
    for (const own of Map.groupBy(stored, ({ key }) => key).values()) {
      const bySeq = own.sort((a, b) => a.seq - b.seq).map(({ number }) => number);
      expect(bySeq).toEqual([...bySeq].sort((a, b) => a - b));
    }
    sink.up();
    store.isUnreliable = false;
    expect(await fallback.reconcile()).toMatchObject({ drained: true });
    const found = ids(scene);
    for (const number of acknowledged) expect(found.has(`${number}/0`), `${number}`).toBe(true);
    expect(await fallback.report()).toMatchObject({ balanced: true, pending: 0 });
    await fallback.close();
  });

  it('moves into the store what an earlier run left in its journal', async () => {
    const scene = rig();
    const before = await open(scene, { durability: 'journal' });
    scene.sink.down('unavailable');
    await before.submit(batchOf(1));
    for (let n = 0; n < 5; n += 1) scene.store.failNext('put');
    await before.close();
    const bus = new EventBus();
    const told: EventName[] = [];
    bus.on('storageFailed', () => told.push('storageFailed'));
    const away = await open(scene, { bus });
    expect(told.length, 'a store that is away keeps nobody from opening').toBe(1);
    await away.close();
    while (await scene.store.put('spent', []).catch(() => 'failed')) if (scene.store.keys.length > 0) break;
    const fallback = await open(scene);
    scene.sink.up();
    await fallback.reconcile();
    expect(ids(scene).has('1/0')).toBe(true);
    await fallback.close();
  });

  it('leaves a directory alone that a writer with a journal owns', async () => {
    const scene = rig();
    const owner = await open(scene, { durability: 'journal' });
    await expect(open(scene)).rejects.toMatchObject({ name: 'DirectoryLockedError' });
    await owner.close();
  });

  it('names what it does not know', async () => {
    await expect(open(rig(), { durability: 'memory' as never })).rejects.toMatchObject({
      name: 'ConfigError',
      path: 'durability',
    });
    await expect(open(rig(), { parquet: 'parquet-wasm' as never })).rejects.toMatchObject({ path: 'parquet' });
  });
});

describe('the option parquet', () => {
  it.each(['journal', 'store'] as const)(
    'chooses what writes objects with durability %s',
    async (durability) => {
      const scene = rig();
      const fallback = await open(scene, { durability, parquet: 'parquetjs-lite' });
      scene.sink.down('unavailable');
      await fallback.submit(batchOf(1));
      await fallback.flush();
      const [ref = ''] = scene.store.keys;
      expect(Buffer.from(await scene.store.get(ref)).includes('parquet.js')).toBe(true);
      scene.sink.up();
      expect(await fallback.reconcile()).toMatchObject({ drained: true });
      expect(ids(scene).size).toBe(ROWS);
      await fallback.close();
    },
  );
});
