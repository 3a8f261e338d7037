import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFallback, type Fallback } from '../../src/assembly/fallback.ts';
import type { S3StoreOptions } from '../../src/assembly/s3-store.ts';
import { type MemorySink, memorySink } from '../../src/sinks/memory-sink.ts';
import { type FlakySink, flakySink } from '../../src/testing/flaky-sink.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { fastClock } from '../support/fast-clock.ts';
import { storeOn } from '../support/s3/emulated-store.ts';
import { EMULATOR_CREDENTIALS, S3Emulator } from '../support/s3/s3-emulator.ts';
import type { S3Fault } from '../support/s3/s3-faults.ts';

/** A second passes in 25 milliseconds. */
const SPEED = 40;
const FOREVER = Number.POSITIVE_INFINITY;

interface Pipeline {
  readonly emulator: S3Emulator;
  readonly inner: MemorySink;
  readonly sink: FlakySink;
  readonly dir: string;
  open(options?: Partial<S3StoreOptions>): Promise<Fallback>;
}

/** A pipeline whose objects rest in an emulated bucket. */
async function pipeline(): Promise<Pipeline> {
  const dir = mkdtempSync(join(tmpdir(), 'tierfall-s3-outage-'));
  const emulator = await S3Emulator.start();
  onTestFinished(async () => {
    await emulator.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const inner = memorySink();
  const sink = flakySink(inner);
  return {
    emulator,
    inner,
    sink,
    dir,
    open: (options = {}) => {
      const clock = fastClock(SPEED);
      const store = storeOn(emulator, { clock, patienceMs: 20_000, requestTimeoutMs: 20_000, ...options });
      const retry = { attemptsMax: 1, firstMs: 1 };
      return createFallback({ dir, sink, store, clock, retry, worker: { idleMs: 200, sweepEveryMs: 5_000 } });
    },
  };
}

/** Batches of two records, numbered; every one is acknowledged as deferred. */
async function deferBatches(fallback: Fallback, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n += 1) {
    const body = `{"n":${n},"half":0}\n{"n":${n},"half":1}\n`;
    const receipt = await fallback.submit({ body, format: 'ndjson', orderingKey: `k${n % 5}` });
    expect(receipt.deferred).toBe(2);
  }
}

/** Every record is in the sink, once, and the books say so. */
async function expectAllLanded({ inner }: Pipeline, fallback: Fallback, batches: number): Promise<void> {
  // On a busy machine an answer may come too late by the fast clock: what counts is the end.
  const drain = () => fallback.reconcile({ patienceMs: 600_000 }).catch((error: unknown) => error);
  await expect.poll(drain, { timeout: 60_000 }).toMatchObject({ drained: true });
  const landed = [...inner.rows.values()].map((row) => JSON.stringify(row)).sort();
  expect(new Set(landed).size).toBe(batches * 2);
  expect(inner.order.length).toBe(batches * 2);
  expect(fallback.journal.depth.rows).toBe(0);
  const { rows, delivered, alreadyHeld, pending, quarantined, balanced } = await fallback.report();
  expect({ rows, landed: delivered + alreadyHeld, pending, quarantined, balanced }).toEqual({
    rows: batches * 2,
    landed: batches * 2,
    pending: 0,
    quarantined: 0,
    balanced: true,
  });
}

describe('a bucket that', () => {
  const MINUTES = 180_000 / SPEED;
  const MOMENT = 20_000 / SPEED;
  const OUTAGES: readonly (readonly [string, S3Fault, number])[] = [
    ['asks to slow down for minutes', { code: 'SlowDown' }, MINUTES],
    ['refuses everybody', { code: 'AccessDenied' }, MOMENT],
    ['resets every connection', { reset: true }, MOMENT],
    ['stores and resets every connection for minutes', { when: 'after', reset: true }, MINUTES],
    ['finds every body changed', { operation: 'PutObject', corrupt: true }, MOMENT],
    ['answers what nobody can read', { when: 'after', shortenBytes: 3 }, MOMENT],
    ['never answers', { hang: true }, MOMENT],
  ];

  it.each(OUTAGES)(
    '%s, from the start, loses nothing',
    async (_, fault, lastsMs) => {
      const all = await pipeline();
      const { emulator, sink } = all;
      sink.down('unavailable');
      emulator.faults.add({ ...fault, times: FOREVER });
      const fallback = await all.open();
      await deferBatches(fallback, 0, 20);
      await new Promise((resolve) => setTimeout(resolve, lastsMs));
      await deferBatches(fallback, 20, 5);
      emulator.faults.clear();
      sink.up();
      await expectAllLanded(all, fallback, 25);
      await fallback.close();
    },
    120_000,
  );

  it('lets credentials end goes on with the next ones', async () => {
    const all = await pipeline();
    const { emulator, sink } = all;
    let generation = 0;
    const credentials = async () => ({ accessKeyId: `AKIA${generation}`, secretAccessKey: 's' });
    emulator.credentials = [{ ...(await credentials()), isExpired: true }];
    sink.down('unavailable');
    const fallback = await all.open({ credentials });
    await deferBatches(fallback, 0, 10);
    generation = 1;
    emulator.credentials = [await credentials()];
    sink.up();
    await expectAllLanded(all, fallback, 10);
    await fallback.close();
  });

  it('lists what was, not what is, loses nothing, also when the queue is lost', async () => {
    const all = await pipeline();
    const { emulator, sink, dir } = all;
    sink.down('unavailable');
    const first = await all.open();
    await deferBatches(first, 0, 20);
    await first.flush();
    emulator.listing.freeze();
    await deferBatches(first, 20, 10);
    await first.flush();
    await first.close();
    for (const name of ['state.db', 'state.db-wal', 'state.db-shm']) rmSync(join(dir, name), { force: true });
    const second = await all.open();
    sink.up();
    await second.reconcile({ patienceMs: 60_000 });
    emulator.listing.thaw();
    await expectAllLanded(all, second, 30);
    await second.close();
  });

  it('does not answer does not hold up closing, and gets the rest at the next start', async () => {
    const all = await pipeline();
    const { emulator, sink } = all;
    sink.down('unavailable');
    const first = await all.open({ patienceMs: 3_600_000, requestTimeoutMs: 3_600_000 });
    emulator.faults.add({ hang: true, times: FOREVER });
    await deferBatches(first, 0, 10);
    const startedMs = performance.now();
    await first.close();
    expect((performance.now() - startedMs) * SPEED).toBeLessThan(20_000);
    emulator.faults.clear();
    sink.up();
    const second = await all.open();
    await expectAllLanded(all, second, 10);
    await second.close();
  });
});

describe('faults at random', () => {
  const MENU: readonly S3Fault[] = [
    { code: 'SlowDown' },
    { code: 'SlowDown', retryAfterS: 1 },
    { code: 'InternalError' },
    { code: 'ConditionalRequestConflict', operation: 'PutObject' },
    { reset: true },
    { when: 'after', reset: true },
    { when: 'after', code: 'InternalError' },
    { when: 'after', truncateBytes: 100 },
    { when: 'after', shortenBytes: 100, operation: 'GetObject' },
    { when: 'after', corrupt: true, operation: 'GetObject' },
    { corrupt: true, operation: 'PutObject' },
    { when: 'after', hang: true, operation: 'PutObject' },
  ];

  it.each([1, 2, 3])(
    'lose nothing and deliver nothing twice, seed %i',
    async (seed) => {
      const all = await pipeline();
      const { emulator, sink } = all;
      emulator.faults.atRandom(seededRandom(seed), 0.2, MENU);
      sink.down('unavailable');
      const first = await all.open({ requestTimeoutMs: 5_000 });
      for (let n = 0; n < 60; n += 10) {
        await deferBatches(first, n, 10);
        if (n === 20) emulator.listing.freeze();
        if (n === 40) emulator.listing.thaw();
        await first.flush().catch(() => undefined);
      }
      await first.close();
      sink.up();
      const second = await all.open({ requestTimeoutMs: 5_000 });
      await second.reconcile({ patienceMs: 10_000 });
      emulator.faults.clear();
      await expectAllLanded(all, second, 60);
      expect(emulator.faults.hits).toBeGreaterThan(10);
      await second.close();
    },
    120_000,
  );
});

describe('the store of a data directory', () => {
  it('cannot be changed while jobs wait in it, and can when none does', async () => {
    const all = await pipeline();
    const { dir, sink, emulator } = all;
    sink.down('unavailable');
    const first = await all.open();
    await deferBatches(first, 0, 1);
    await first.flush();
    await first.close();
    for (const store of [undefined, storeOn(emulator, { prefix: 'other' })]) {
      const opening = createFallback({ dir, sink, ...(store ? { store } : {}) });
      await expect(opening).rejects.toMatchObject({
        name: 'ConfigError',
        path: 'store',
        message: expect.stringContaining('s3://bucket'),
      });
    }
    sink.up();
    const second = await all.open();
    await expectAllLanded(all, second, 1);
    await second.close();
    const third = await createFallback({ dir, sink, store: `fs:${join(dir, 'elsewhere')}` });
    expect(third.backlog.store.name).toBe(`fs:${join(dir, 'elsewhere')}`);
    await third.close();
  });

  it('is let in with the credentials that the environment has, when it is named by a URL', async () => {
    const all = await pipeline();
    const { dir, sink, emulator } = all;
    const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = process.env;
    onTestFinished(
      () => void Object.assign(process.env, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret }),
    );
    process.env['AWS_ACCESS_KEY_ID'] = EMULATOR_CREDENTIALS.accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = EMULATOR_CREDENTIALS.secretAccessKey;
    const store = `s3://bucket/by/url?endpoint=${emulator.endpoint}`;
    sink.down('unavailable');
    const fallback = await createFallback({ dir, sink, store, retry: { attemptsMax: 1, firstMs: 1 } });
    await deferBatches(fallback, 0, 2);
    await fallback.flush();
    const keys = [...emulator.bucket.objects.keys()].filter((key) => key.endsWith('.parquet'));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(key).toMatch(/^by\/url\/chain=default\/date=/);
    await fallback.close();
  });
});
