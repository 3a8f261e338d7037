import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { freshNamespace, sharedRedis } from '../support/redis-server.ts';

let redis: Awaited<ReturnType<typeof sharedRedis>>;
beforeAll(async () => {
  redis = await sharedRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tierfall-rotten-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** The objects of the data directory, oldest first. */
function objectFiles(): string[] {
  return readdirSync(join(dir, 'objects'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .sort()
    .map((name) => join(dir, 'objects', name));
}

function flipByte(file: string): void {
  const bytes = readFileSync(file);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

const QUEUES: readonly [string, () => Pick<FallbackOptions, 'queue'>][] = [
  ['the embedded queue', () => ({})],
  ['the queue in Redis', () => ({ queue: `${redis.url}?namespace=${freshNamespace()}` })],
];

describe.each(QUEUES)('an object that rots, with %s', (_, queueOf) => {
  it('keeps its lane waiting until it is restored, and nothing newer of its key overtakes it', async () => {
    const held = memorySink();
    const sink = flakySink(held);
    sink.down('unavailable');
    const retry = { attemptsMax: 1 };
    await using fallback = await createFallback({ dir, sink, retry, worker: false, ...queueOf() });
    for (const n of [1, 2]) {
      await fallback.submit({ body: `{"n":${n}}`, format: 'ndjson', orderingKey: 'k' });
      await fallback.flush();
    }
    const [oldest = '', ...newer] = objectFiles();
    expect(newer).toHaveLength(1);
    flipByte(oldest);
    sink.up();
    const report = await fallback.reconcile({ patienceMs: 300 });
    expect([...held.rows.values()]).toEqual([]);
    expect(report).toMatchObject({ drained: false, lastObstacle: 'STORAGE_CORRUPT', done: { settled: 0 } });
    expect(report.left.rows).toBe(2);
    flipByte(oldest);
    expect(await fallback.reconcile({ patienceMs: 40_000 })).toMatchObject({ drained: true });
    expect([...held.rows.values()]).toEqual([{ n: 1 }, { n: 2 }]);
  });
});
