import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { batchKey, sha256 } from '../../src/core/keys.ts';
import { createFallback, fromJsonSchema, sqliteSink } from '../../src/index.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { embeddedQueue } from '../../src/reconcile/embedded-queue.ts';
import type { Queue } from '../../src/reconcile/queue.ts';
import { openStateDatabase, type StateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { fsStore } from '../../src/stores/fs-store.ts';
import { makeObject } from '../../src/stores/packed-object.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';
import { watchTurns } from '../support/longest-turn.ts';

const LEASE_MS = 3_000;
const MIB = 1024 * 1024;

let cwd = '';
let state: StateDatabase;
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tierfall-long-'));
  state = await openStateDatabase({ file: join(cwd, 'queue.db'), fs: nodeFileSystem });
});
afterEach(async () => {
  await state.close();
  rmSync(cwd, { recursive: true, force: true });
});

/** One entry of so many rows, each of about so many bytes. */
function entryOf(rows: number, rowBytes: number): JournalEntry {
  const filler = rowBytes > 20 ? `,"s":"${'x'.repeat(rowBytes - 20)}"` : '';
  const lines = Array.from({ length: rows }, (_, n) => `{"n":${n % 10}${filler}}\n`);
  const body = Buffer.from(lines.join(''));
  return {
    ...{ seq: 0, purpose: 'replay', key: batchKey('default', undefined, body), orderingKey: 'k' },
    ...{ priority: 'normal', format: 'ndjson', attributes: {}, receivedAtMs: 1_767_225_600_000 },
    ...{ reason: 'unavailable', trail: '[]', rowCount: rows, rows: undefined, sha256: sha256(body), body },
  };
}

/** CPU time of this thread from renewal to renewal, in milliseconds: what a busy machine takes away is not counted. */
function countingQueue(gapsMs: number[]): Queue {
  const queue = embeddedQueue({ state, clock: systemClock, chain: 'default' });
  const plain = Object.fromEntries(
    (['announce', 'announceAll', 'knows', 'complete', 'postpone', 'depth', 'close'] as const).map((name) => [
      name,
      (queue[name] as (...args: unknown[]) => unknown).bind(queue),
    ]),
  ) as unknown as Queue;
  let since = cpuStopwatch();
  return {
    ...plain,
    claim: (worker, leaseMs) => {
      since = cpuStopwatch();
      return queue.claim(worker, leaseMs);
    },
    checkpoint: (...args) => {
      gapsMs.push(since());
      since = cpuStopwatch();
      return queue.checkpoint(...args);
    },
  };
}

describe('the largest job there can be', () => {
  it.each([
    ['a million rows in one entry of 8 MB', 1_000_000, 8],
    ['one entry of 64 MB', 640_000, 105],
  ])(
    '%s: its lease of three seconds is renewed in time',
    async (_, rows, rowBytes) => {
      const entry = entryOf(rows, rowBytes);
      expect(entry.body.length).toBeGreaterThan(rowBytes === 8 ? 7 * MIB : 60 * MIB);
      const watch = watchTurns();
      await new Promise((resolve) => setImmediate(resolve));
      watch.longestMs();
      const group = { purpose: 'replay' as const, lane: 0, first: entry, entries: [entry] };
      const { object, chunks } = await makeObject(group, { chain: 'default' });
      expect(watch.longestMs()).toBeLessThan(LEASE_MS / 3);
      const store = fsStore({ directory: join(cwd, 'data/objects'), fs: nodeFileSystem });
      await store.put(object.ref, chunks);
      const gapsMs: number[] = [];
      await using fallback = await createFallback({
        dir: join(cwd, 'data'),
        sink: sqliteSink({ file: join(cwd, 'sink.db'), table: 't' }),
        schema: fromJsonSchema({
          type: 'object',
          properties: { n: { type: 'integer', minimum: 0, maximum: 9 }, s: { type: 'string' } },
          required: ['n'],
        }),
        queue: countingQueue(gapsMs),
        // One at a time: on a machine that others keep busy nobody takes the job, however late a renewal comes.
        worker: { leaseMs: LEASE_MS, pace: false, concurrency: 1 },
      });
      watch.longestMs();
      const taken = cpuStopwatch();
      const report = await fallback.reconcile();
      const replayMs = taken();
      expect(report).toMatchObject({ drained: true, done: { settled: 1, lost: 0, delivered: rows } });
      // Two are the job's own; the others come by the clock, every third of the lease.
      expect(gapsMs.length).toBeGreaterThanOrEqual(2 + Math.floor(replayMs / LEASE_MS));
      expect(Math.max(...gapsMs)).toBeLessThan(LEASE_MS);
      expect(watch.longestMs()).toBeLessThan(LEASE_MS / 2);
      watch.stop();
    },
    240_000,
  );
});
