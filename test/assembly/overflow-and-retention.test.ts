/** A whole pipeline over two stores, and one that forgets what was settled. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  ConfigError,
  createFallback,
  type FallbackOptions,
  functionSink,
  SinkError,
  StorageError,
} from '../../src/index.ts';
import { expiredPrefix } from '../../src/reconcile/retention.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A sink that is away until told otherwise, in a directory of its own. */
async function pipeline(options: Partial<FallbackOptions>) {
  const dir = await mkdtemp(join(tmpdir(), 'tierfall-overflow-'));
  opened.push(() => rm(dir, { recursive: true, force: true }));
  const landed = new Set<string>();
  const state = { isUp: false };
  const sink = functionSink(async (_, { keys }) => {
    if (!state.isUp) throw new SinkError('missing-target', 'the table is gone');
    for (const key of keys) landed.add(key);
  });
  const open = async () => {
    const fallback = await createFallback({ dir, sink, worker: false, ...options });
    opened.push(() => fallback.close());
    return fallback;
  };
  const submit = async (fallback: Awaited<ReturnType<typeof open>>, from: number, to: number) => {
    for (let n = from; n < to; n += 1) {
      await fallback.submit({ body: `{"n":${n}}\n`, format: 'ndjson', id: `b${n}` });
    }
  };
  return { open, submit, landed, state };
}

class RefusingStore extends MemoryStore {
  isAway = true;

  override async put(...args: Parameters<MemoryStore['put']>): Promise<'created' | 'exists'> {
    if (this.isAway)
      throw new StorageError('STORAGE_IO', 'the bucket is away', { hint: 'Wait.', retryable: true });
    return super.put(...args);
  }
}

/** Counts the runs of retention: each begins with what expired before. */
class RunsStore extends MemoryStore {
  runs = 0;

  override list(...args: Parameters<MemoryStore['list']>) {
    if (args[0].startsWith(expiredPrefix('default'))) this.runs += 1;
    return super.list(...args);
  }
}

describe('a second store', () => {
  it('takes the oldest records when the first refuses them and the journal is half full', async () => {
    const store = new RefusingStore({ name: 'first' });
    const overflow = new MemoryStore({ name: 'second' });
    const watermarks = { rowsMax: 20, whenFull: 'rotate' } as const;
    const { open, submit, landed, state } = await pipeline({ store, overflow, watermarks });
    const fallback = await open();
    await submit(fallback, 0, 9);
    await expect(fallback.flush()).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect(overflow.keys).toEqual([]);
    await submit(fallback, 9, 12);
    // The oldest go; the rest has room in the journal again, and waits for the first store.
    await expect(fallback.flush()).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect([fallback.journal.depth.rows, store.keys.length]).toEqual([3, 0]);
    expect(overflow.keys.length).toBeGreaterThan(0);
    store.isAway = false;
    await submit(fallback, 12, 15);
    state.isUp = true;
    await fallback.reconcile();
    expect(landed.size).toBe(15);
    const report = await fallback.report();
    expect(report).toMatchObject({ rows: 15, delivered: 15, pending: 0, balanced: true });
  });

  it('is needed for that policy', async () => {
    const { open } = await pipeline({ watermarks: { whenFull: 'rotate' } });
    await expect(open()).rejects.toThrow(ConfigError);
    await expect(open()).rejects.toThrow(/there is no overflow to rotate to/);
  });
});

describe('settled objects', () => {
  it('are gone after their time, and what is open stays', async () => {
    const store = new RunsStore();
    const { open, submit, state } = await pipeline({ store, retention: { settledTtlMs: 1, everyMs: 10 } });
    const fallback = await open();
    await submit(fallback, 0, 3);
    state.isUp = true;
    await fallback.reconcile();
    const isGone = () => !store.keys.some((key) => key.startsWith('chain='));
    await vi.waitUntil(isGone, { interval: 5, timeout: 10_000 });
    state.isUp = false;
    await submit(fallback, 3, 5);
    await fallback.flush();
    // The first of these may have begun before the flush; the next one begins when it has ended.
    const { runs } = store;
    await vi.waitUntil(() => store.runs >= runs + 3, { interval: 5, timeout: 10_000 });
    expect(store.keys.filter((key) => key.endsWith('.parquet')).length).toBeGreaterThan(0);
    const { expired, rows, pending, balanced } = await fallback.report();
    expect([expired.rows, rows, pending, balanced]).toEqual([3, 2, 2, true]);
  });

  it('are not kept shorter than the sink keeps its records', async () => {
    const sink = { ...functionSink(async () => undefined), retentionMs: 60_000 };
    const { open } = await pipeline({ sink, retention: { settledTtlMs: 59_999 } });
    await expect(open()).rejects.toThrow(/shorter than the 60000 ms/);
  });
});
