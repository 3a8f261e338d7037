import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type Fallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';
import { freshNamespace, type RedisServer, startRedis } from '../support/redis-server.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

let root = '';
let held = memorySink();
let sink = flakySink(held);
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tierfall-changed-store-'));
  held = memorySink();
  sink = flakySink(held);
  await redis.client().flushall();
});
afterEach(() => rmSync(root, { recursive: true }));

type Changes = Partial<Pick<FallbackOptions, 'store' | 'overflow'>> & { readonly queue?: string };

function open({ queue = redis.url, ...stores }: Changes): Promise<Fallback> {
  const where = queue === 'embedded' ? {} : { queue };
  const dir = join(root, 'data');
  return createFallback({ dir, sink, retry: { attemptsMax: 1 }, worker: false, ...where, ...stores });
}

async function deferOne(options: Changes): Promise<void> {
  sink.down('unavailable');
  const fallback = await open(options);
  await fallback.submit({ body: '{"n":1}', format: 'ndjson' });
  await fallback.flush();
  await fallback.close();
  sink.up();
}

async function drain(options: Changes): Promise<void> {
  const fallback = await open(options);
  expect(await fallback.reconcile()).toMatchObject({ drained: true });
  await fallback.close();
}

const named = (name: string): MemoryStore => new MemoryStore({ name });
const refusal = { name: 'ConfigError', path: 'store' };

describe('a store that is changed while jobs wait in Redis', () => {
  it.each([
    ['by default', ''],
    ['of its own', `?namespace=${freshNamespace()}`],
  ])('is refused with a namespace %s, and taken when nothing waits', async (_, query) => {
    const queue = redis.url + query;
    const before = { store: named('before'), queue };
    const after = { store: named('after'), queue };
    await deferOne(before);
    await expect(open(after)).rejects.toMatchObject(refusal);
    await drain(before);
    expect([...held.rows.values()]).toEqual([{ n: 1 }]);
    await (await open(after)).close();
  });

  it('is refused when the queue may have forgotten what waits', async () => {
    const store = named('before');
    await deferOne({ store });
    await redis.client().flushall();
    await expect(open({ store: named('after') })).rejects.toMatchObject(refusal);
    await drain({ store });
    await (await open({ store: named('after') })).close();
  });

  it('is looked at itself when it is a directory, whatever a queue says', async () => {
    await deferOne({});
    await redis.client().flushall();
    const store = `fs:${join(root, 'elsewhere')}`;
    await expect(open({ store })).rejects.toMatchObject(refusal);
    await drain({});
    await deferOne({ store });
    await redis.client().flushall();
    await expect(open({})).rejects.toMatchObject(refusal);
    await drain({ store });
    await (await open({})).close();
  });

  it('is refused when jobs wait in the data directory, and when an overflow may hold some', async () => {
    await deferOne({ queue: 'embedded' });
    await expect(open({ store: named('after') })).rejects.toMatchObject(refusal);
    await drain({ queue: 'embedded' });
    const overflowing = { store: `fs:${join(root, 'first')}`, overflow: named('second') };
    await drain(overflowing);
    await redis.client().flushall();
    await expect(open({ store: named('after') })).rejects.toMatchObject(refusal);
    await drain(overflowing);
    await (await open({ store: named('after') })).close();
  });

  it('needs no Redis for a directory where nothing was ever stored', async () => {
    const fallback = await open({ store: named('first'), queue: 'redis://127.0.0.1:1' });
    await fallback.close();
  });
});
