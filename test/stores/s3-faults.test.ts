import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { S3StoreOptions } from '../../src/assembly/s3-store.ts';
import { fastClock } from '../support/fast-clock.ts';
import { type EmulatedStore, emulatedStore, storeOn } from '../support/s3/emulated-store.ts';
import { EMULATOR_CREDENTIALS } from '../support/s3/s3-emulator.ts';
import type { S3Fault } from '../support/s3/s3-faults.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (body: Uint8Array): string => new TextDecoder().decode(body);

/** A store on a clock sixty times as fast, whose probe and first look for orphans are done. */
async function warmStore(options: Partial<S3StoreOptions> = {}): Promise<EmulatedStore> {
  const host = await emulatedStore({
    clock: fastClock(60),
    random: () => 0.5,
    requestTimeoutMs: 600_000,
    ...options,
  });
  await host.store.put('warm', []);
  await vi.waitUntil(() => host.emulator.isIdle && host.emulator.count('ListMultipartUploads') === 1, {
    interval: 5,
  });
  host.emulator.calls.length = 0;
  return host;
}

describe('a put whose answer is lost', () => {
  const LOST: Readonly<Record<string, S3Fault>> = {
    'a reset before the commit': { operation: 'PutObject', reset: true },
    'a reset after the commit': { operation: 'PutObject', when: 'after', reset: true },
    'a deadline before the commit': { operation: 'PutObject', hang: true },
    'a deadline after the commit': { operation: 'PutObject', when: 'after', hang: true },
    'a 500 before the commit': { operation: 'PutObject', code: 'InternalError' },
    'a 500 after the commit': { operation: 'PutObject', when: 'after', code: 'InternalError' },
  };

  it.each(Object.entries(LOST))(
    "knows its own object after %s, and somebody else's after another",
    async (_, fault) => {
      await using host = await warmStore({ requestTimeoutMs: 50_000 });
      const { emulator, store } = host;
      emulator.faults.add(fault);
      expect(await store.put('own', [bytes('mine')])).toBe('created');
      expect(textOf(await store.get('own'))).toBe('mine');
      emulator.faults.add(fault);
      expect(await store.put('own', [bytes('again')])).toBe('exists');
      expect(textOf(await store.get('own'))).toBe('mine');
      expect(emulator.faults.hits).toBe(2);
    },
  );

  it('says "exists" when another one stored the key between two attempts', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    const other = storeOn(emulator);
    const answers: string[] = [];
    emulator.faults.add({
      operation: 'PutObject',
      key: /^race$/,
      reset: true,
      meanwhile: async () => answers.push(await other.put('race', [bytes('theirs')])),
    });
    answers.push(await store.put('race', [bytes('mine')]));
    expect(answers).toEqual(['created', 'exists']);
    expect(textOf(await store.get('race'))).toBe('theirs');
    await other.close?.();
  });

  it('asks whose object it is only when an outcome is unknown', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    await store.put('k', [bytes('1')]);
    expect(await store.put('k', [bytes('2')])).toBe('exists');
    expect(emulator.calls.map(({ operation }) => operation)).toEqual(['PutObject', 'PutObject']);
    emulator.faults.add({ operation: 'PutObject', when: 'after', reset: true });
    await store.put('l', [bytes('1')]);
    expect(emulator.calls.slice(2).map(({ operation }) => operation)).toEqual([
      'PutObject',
      'PutObject',
      'HeadObject',
    ]);
  });
});

describe('a server that asks to slow down', () => {
  it('is waited for by everybody who puts meanwhile', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    emulator.faults.add({ code: 'SlowDown', times: 6 });
    const puts = Array.from({ length: 4 }, (_, i) => store.put(`slow/${i}`, [bytes(`${i}`)]));
    expect(await Promise.all(puts)).toEqual(['created', 'created', 'created', 'created']);
    expect(emulator.count('PutObject')).toBe(10);
  });

  it('fails a call after its patience with STORAGE_THROTTLED, stays within its budget, and works afterwards', async () => {
    await using host = await warmStore({ patienceMs: 20_000 });
    const { emulator, store } = host;
    emulator.faults.add({ code: 'SlowDown', times: Number.POSITIVE_INFINITY });
    for (let minute = 0; minute < 5; minute += 1) {
      const puts = Array.from({ length: 4 }, (_, i) => store.put(`slow/${i}`, [bytes(`${i}`)]));
      for (const { reason } of (await Promise.allSettled(puts)) as PromiseRejectedResult[])
        expect(reason).toMatchObject({
          name: 'StorageError',
          code: 'STORAGE_THROTTLED',
          retryable: true,
        });
    }
    // One per call, and 20 retries saved up.
    expect(emulator.calls.length).toBeLessThanOrEqual(5 * 4 + 20);
    emulator.faults.clear();
    expect(await store.put('slow/0', [bytes('0')])).toBe('created');
  });

  it('is asked again no earlier than it said', async () => {
    const clock = fastClock(100);
    await using host = await warmStore({ clock });
    const { emulator, store } = host;
    for (const code of ['SlowDown', 'ServiceUnavailable', 'TooManyRequests'] as const) {
      emulator.faults.add({ code, retryAfterS: 30 });
      const startedMs = clock.now();
      await store.put(`k-${code}`, [bytes('1')]);
      expect(clock.now() - startedMs).toBeGreaterThanOrEqual(29_900);
    }
  });

  it('is not waited for beyond the patience of a call', async () => {
    await using host = await warmStore({ patienceMs: 10_000 });
    const { emulator, store } = host;
    emulator.faults.add({ code: 'SlowDown', retryAfterS: 3600 });
    await expect(store.get('warm')).rejects.toMatchObject({ code: 'STORAGE_THROTTLED' });
    await expect(store.get('warm')).rejects.toMatchObject({ code: 'STORAGE_THROTTLED' });
    expect(emulator.calls.length).toBe(1);
  });
});

describe('bytes that change on the way', () => {
  it('are sent again when the server finds them changed', async () => {
    for (const checksums of ['when-supported', 'when-required'] as const) {
      await using host = await warmStore({ checksums });
      const { emulator, store } = host;
      emulator.faults.add({ operation: 'PutObject', corrupt: true, times: 2 });
      expect(await store.put('k', [bytes('exactly this')])).toBe('created');
      expect(textOf(await store.get('k'))).toBe('exactly this');
      expect(emulator.count('PutObject')).toBe(3);
    }
  });

  const DAMAGED: Readonly<Record<string, S3Fault>> = {
    'cut off': { when: 'after', truncateBytes: 5 },
    'cut off in silence': { when: 'after', shortenBytes: 5 },
    changed: { when: 'after', corrupt: true },
  };

  it.each(Object.entries(DAMAGED))(
    'are read again when they are %s, and never handed out',
    async (_, fault) => {
      for (const checksums of ['when-supported', 'when-required'] as const) {
        await using host = await warmStore({ checksums });
        const { emulator, store } = host;
        await store.put('k', [bytes('exactly this')]);
        emulator.faults.add({ operation: 'GetObject', ...fault, times: 2 });
        expect(textOf(await store.get('k'))).toBe('exactly this');
        emulator.faults.add({ operation: 'GetObject', ...fault, times: Number.POSITIVE_INFINITY });
        await expect(store.get('k')).rejects.toMatchObject({ name: 'StorageError', retryable: true });
      }
    },
  );

  it('say STORAGE_CORRUPT when they rotted at rest', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    await store.put('k', [bytes('exactly this')]);
    const object = emulator.bucket.objects.get('k');
    if (object) emulator.bucket.objects.set('k', { ...object, body: Buffer.from('exactly that') });
    await expect(store.get('k')).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
    expect(emulator.count('GetObject')).toBe(3);
  });

  it('are noticed in a range that is cut off in silence', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    await store.put('k', [bytes('0123456789')]);
    emulator.faults.add({ operation: 'GetObject', when: 'after', shortenBytes: 2 });
    expect(textOf(await store.get('k', { range: { start: 2, end: 8 } }))).toBe('234567');
    expect(emulator.count('GetObject')).toBe(2);
  });
});

describe('credentials', () => {
  it('that are wrong fail at the second try, without the secret in the error', async () => {
    await using host = await warmStore();
    const { emulator } = host;
    const wrong = { accessKeyId: EMULATOR_CREDENTIALS.accessKeyId, secretAccessKey: 'canary-4711' };
    const store = storeOn(emulator, { credentials: wrong });
    const refused = await store.get('warm').catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'StorageError', code: 'STORAGE_CREDENTIALS' });
    const told = `${(refused as Error).stack}${JSON.stringify(refused)}`;
    expect(`${told}${inspect(refused, { depth: 20, showHidden: true })}`).not.toContain('canary-4711');
    expect(emulator.calls.length).toBe(2);
    await store.close?.();
  });

  it('without permission fail at once', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    emulator.faults.add({ code: 'AccessDenied', times: Number.POSITIVE_INFINITY });
    const denied = { code: 'STORAGE_DENIED', retryable: false };
    await expect(store.head('warm')).rejects.toMatchObject(denied);
    await expect(store.put('k', [])).rejects.toMatchObject(denied);
    expect(emulator.calls.length).toBe(2);
  });

  it('that were rotated, and the old ones removed, are asked for again', async () => {
    await using host = await warmStore();
    const { emulator } = host;
    let generation = 1;
    const key = (n: number) => ({ accessKeyId: `AKIA${n}`, secretAccessKey: 's' });
    emulator.credentials = [key(1)];
    const store = storeOn(emulator, { credentials: async () => key(generation), clock: fastClock(100) });
    await store.put('before', []);
    emulator.credentials = [key(2)];
    generation = 2;
    expect(await store.put('after', [])).toBe('created');
    await store.close?.();
  });

  it('that are refused without a word are asked for again by the next call', async () => {
    await using host = await warmStore();
    const { emulator } = host;
    let generation = 1;
    const key = (n: number) => ({ accessKeyId: `AKIA${n}`, secretAccessKey: 's' });
    emulator.credentials = [key(1)];
    const store = storeOn(emulator, { credentials: async () => key(generation), clock: fastClock(100) });
    await store.head('warm');
    emulator.credentials = [key(2)];
    generation = 2;
    await expect(store.head('warm')).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
    expect((await store.head('warm'))?.bytes).toBe(0);
    await store.close?.();
  });

  it('that end are asked for again, without a restart', async () => {
    await using host = await warmStore();
    const { emulator } = host;
    let generation = 1;
    const key = (n: number) => ({ accessKeyId: `AKIA${n}`, secretAccessKey: 's', sessionToken: `t${n}` });
    emulator.credentials = [key(1)];
    const store = storeOn(emulator, { credentials: async () => key(generation), clock: fastClock(100) });
    expect(await store.put('before', [bytes('1')])).toBe('created');
    emulator.credentials = [{ ...key(1), isExpired: true }];
    await expect(store.put('between', [bytes('1')])).rejects.toMatchObject({
      code: 'STORAGE_CREDENTIALS',
      retryable: true,
    });
    emulator.credentials = [{ ...key(1), isExpired: true }, key(2)];
    generation = 2;
    expect(await store.put('after', [bytes('1')])).toBe('created');
    expect(await store.put('between', [bytes('1')])).toBe('created');
    await store.close?.();
  });

  it('that end while nobody asks are asked for again by a HEAD, whose answer has no words', async () => {
    await using host = await warmStore();
    const { emulator } = host;
    let generation = 1;
    const key = (n: number) => ({ accessKeyId: `AKIA${n}`, secretAccessKey: 's' });
    emulator.credentials = [key(1), key(2)];
    const store = storeOn(emulator, { credentials: async () => key(generation), clock: fastClock(100) });
    await store.head('warm');
    emulator.credentials = [{ ...key(1), isExpired: true }, key(2)];
    generation = 2;
    expect((await store.head('warm'))?.bytes).toBe(0);
    await store.close?.();
  });
});

describe('a server that is not there', () => {
  it('is waited for, and then told as STORAGE_UNAVAILABLE', async () => {
    await using host = await warmStore({ patienceMs: 5_000 });
    await host.emulator.stop();
    await expect(host.store.get('warm')).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      retryable: true,
    });
    await expect(host.store.put('k', [])).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
  });

  it('or a bucket that is not, or another region, is a mistake in the options', async () => {
    await using host = await warmStore();
    const store = storeOn(host.emulator, { bucket: 'other-bucket' });
    await expect(store.get('k')).rejects.toMatchObject({ code: 'STORAGE_MISCONFIGURED', retryable: false });
    await store.close?.();
  });

  it('lets go of a call that is aborted while it waits', async () => {
    await using host = await warmStore({ clock: fastClock(1) });
    const { emulator, store } = host;
    for (const fault of [{ hang: true }, { code: 'SlowDown', times: 100 }] as const) {
      emulator.faults.clear();
      emulator.faults.add(fault);
      const controller = new AbortController();
      const put = store.put('k', [bytes('1')], { signal: controller.signal });
      setTimeout(() => controller.abort(new Error('enough')), 20);
      await expect(put).rejects.toThrow('enough');
    }
  });
});

describe('a listing', () => {
  it('that is stale shows what was there, while what is there can be got', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    for (const key of ['s/a', 's/b']) await store.put(key, [bytes(key)]);
    emulator.listing.freeze();
    await store.put('s/c', [bytes('s/c')]);
    await store.delete('s/a');
    const seen: string[] = [];
    for await (const { key } of store.list('s/')) seen.push(key);
    expect(seen).toEqual(['s/a', 's/b']);
    expect(textOf(await store.get('s/c'))).toBe('s/c');
    await expect(store.get('s/a')).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' });
  });

  it('goes on with the page that failed', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    const keys = Array.from({ length: 11 }, (_, i) => `p/${String(i).padStart(2, '0')}`);
    for (const key of keys) await store.put(key, []);
    const seen: string[] = [];
    for await (const { key } of store.list('p/')) {
      if (seen.length % 3 === 0)
        emulator.faults.add({ operation: 'ListObjectsV2', when: 'after', reset: true });
      seen.push(key);
    }
    expect(seen).toEqual(keys);
    expect(emulator.faults.hits).toBeGreaterThan(0);
  });

  it('fetches a page only when it is wanted', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    for (let n = 0; n < 12; n += 1) await store.put(`q/${n}`, []);
    for await (const { key } of store.list('q/')) if (key === 'q/1') break;
    expect(emulator.count('ListObjectsV2')).toBe(1);
  });
});
