import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../src/journal/journal.ts';
import type { Job } from '../../src/reconcile/queue.ts';
import { sweep } from '../../src/reconcile/sweep.ts';
import { fsStore } from '../../src/stores/fs-store.ts';
import { decodeObject, encodeObject } from '../../src/stores/parquet.ts';
import type { Store } from '../../src/stores/store.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { entryOf } from '../reconcile/scene.ts';

/** Chance of a power cut that takes every name that is not durable. */
const TAKES_NAMES = (): number => 0.9;

describe('an object that is visible and not yet durable', () => {
  it.each([
    ['confirms', true],
    ['puts it again', false],
  ])('is made durable by the sweep, which %s, before its job is announced (W3)', async (_, confirms) => {
    const fs = new MemoryFileSystem();
    const store = fsStore({ directory: '/data/objects', fs });
    const entry: JournalEntry = { ...entryOf(['{"n":1}']), seq: 0 };
    const { chunks, sha256 } = await encodeObject([entry], {});
    const folder = 'chain=c/date=2026-01-01/hour=00/part=0';
    const ref = `${folder}/0000000000000000-${sha256.slice(0, 32)}.parquet`;
    await store.put(`${folder}/other`, [new Uint8Array(1)]);
    // The writer is between giving the name and making it durable.
    fs.failNext('syncDirectory', 'EIO');
    await expect(store.put(ref, chunks)).rejects.toMatchObject({ code: 'STORAGE_IO' });
    const jobs: Job[] = [];
    const queue = {
      announce: async (job: Job): Promise<'added'> => {
        jobs.push(job);
        return 'added';
      },
    };
    const plain: Pick<Store, 'list' | 'get' | 'put'> = {
      list: store.list.bind(store),
      get: store.get.bind(store),
      put: store.put.bind(store),
    };
    await sweep({ store: confirms ? store : plain, chain: 'c', queue, decode: decodeObject, emit: () => {} });
    expect(jobs.map((job) => job.ref)).toEqual([ref]);
    const after = fsStore({ directory: '/data/objects', fs: fs.crash(TAKES_NAMES) });
    await expect(after.get(ref), 'a job without an object blocks its lane for ever').resolves.toBeDefined();
  });
});
