import { describe, expect, it, vi } from 'vitest';
import type { S3StoreOptions } from '../../src/assembly/s3-store.ts';
import { fastClock } from '../support/fast-clock.ts';
import { type EmulatedStore, emulatedStore, storeOn } from '../support/s3/emulated-store.ts';
import type { S3EmulatorOptions } from '../support/s3/s3-emulator.ts';
import type { S3Fault } from '../support/s3/s3-faults.ts';
import type { S3Operation } from '../support/s3/s3-request.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
/** Three parts of 5 MiB. */
const LARGE = Buffer.alloc(11 * MIB, 'large ');
const TWO_PARTS = LARGE.subarray(0, 6 * MIB + 1);

async function warmStore(
  options: Partial<S3StoreOptions> = {},
  emulation: S3EmulatorOptions = {},
): Promise<EmulatedStore> {
  const quick = { clock: fastClock(60), random: () => 0.5, requestTimeoutMs: 600_000, ...options };
  const host = await emulatedStore(quick, emulation);
  await host.store.put('warm', []);
  await vi.waitUntil(() => host.emulator.isIdle && host.emulator.count('ListMultipartUploads') === 1, {
    interval: 5,
  });
  host.emulator.calls.length = 0;
  return host;
}

describe('a large object', () => {
  it('is uploaded in parts, a few at a time, and looked up first', async () => {
    await using host = await warmStore({ partsInFlightMax: 2 }, { latencyMs: 20 });
    const { emulator, store } = host;
    emulator.inFlightMax = 0;
    expect(await store.put('large', [LARGE])).toBe('created');
    expect(emulator.calls.map(({ operation }) => operation)).toEqual([
      'HeadObject',
      'CreateMultipartUpload',
      'UploadPart',
      'UploadPart',
      'UploadPart',
      'CompleteMultipartUpload',
    ]);
    expect(emulator.inFlightMax).toBe(2);
    expect(emulator.calls.at(-1)?.headers['if-none-match']).toBe('*');
    expect(await store.put('large', [LARGE])).toBe('exists');
    expect(emulator.count('CreateMultipartUpload')).toBe(1);
  });

  it('sends only the part again that was lost', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    emulator.faults
      .add({ operation: 'UploadPart', reset: true })
      .add({ operation: 'UploadPart', corrupt: true });
    expect(await store.put('large', [LARGE])).toBe('created');
    expect(emulator.count('UploadPart')).toBe(5);
    expect(Buffer.compare(await store.get('large'), LARGE)).toBe(0);
  });

  it('is aborted when a part cannot be sent, and leaves no part behind', async () => {
    await using host = await warmStore({ patienceMs: 2_000 });
    const { emulator, store } = host;
    emulator.faults.add({ operation: 'UploadPart', code: 'InternalError', times: 100 });
    await expect(store.put('large', [LARGE])).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      retryable: true,
    });
    expect([emulator.uploads.open.size, emulator.uploads.orphanBytes]).toEqual([0, 0]);
    expect(emulator.bucket.objects.has('large')).toBe(false);
    emulator.faults.clear();
    expect(await store.put('large', [LARGE])).toBe('created');
  });

  it('is aborted when its caller gives up', async () => {
    await using host = await warmStore({}, { latencyMs: 30 });
    const { emulator, store } = host;
    const controller = new AbortController();
    const put = store.put('large', [LARGE], { signal: controller.signal });
    await vi.waitUntil(() => emulator.count('UploadPart') > 0);
    controller.abort(new Error('enough'));
    await expect(put).rejects.toThrow('enough');
    await vi.waitUntil(() => emulator.count('AbortMultipartUpload') === 1 && emulator.isIdle);
    expect(emulator.uploads.open.size).toBe(0);
  });

  it('is known as its own when the answer to the last request is lost', async () => {
    for (const fault of [{ reset: true }, { hang: true }, { code: 'InternalError' }] as const) {
      await using host = await warmStore({ requestTimeoutMs: 30_000 });
      const { emulator, store } = host;
      emulator.faults.add({ operation: 'CompleteMultipartUpload', when: 'after', ...fault });
      expect(await store.put('large', [LARGE])).toBe('created');
      expect(emulator.uploads.open.size).toBe(0);
    }
  });

  it("is somebody else's when another one was quicker, and its own parts are removed", async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    emulator.faults.add({ operation: 'CompleteMultipartUpload', delayMs: 300 });
    const put = store.put('large', [LARGE]);
    await vi.waitUntil(() => emulator.count('UploadPart') > 0);
    const other = storeOn(emulator);
    await other.put('large', [Buffer.from('theirs')]);
    expect(await put).toBe('exists');
    expect(Buffer.from(await store.get('large')).toString()).toBe('theirs');
    expect(emulator.uploads.open.size).toBe(0);
    await other.close?.();
  });
});

describe('uploads that nobody finished', () => {
  /** Dies in the middle: the parts stay. */
  async function leaveOrphan({ emulator }: EmulatedStore, key: string): Promise<void> {
    const dying = storeOn(emulator, { patienceMs: 0 });
    emulator.faults.add({ operation: 'CompleteMultipartUpload', code: 'InternalError' });
    emulator.faults.add({ operation: 'AbortMultipartUpload', code: 'InternalError' });
    await expect(dying.put(key, [LARGE])).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    await dying.close?.();
  }

  it('are removed once they are old, over all pages, and no younger ones', async () => {
    await using host = await warmStore();
    const { emulator, store } = host;
    for (const key of ['a', 'b', 'c']) await leaveOrphan(host, key);
    emulator.uploads.age(DAY_MS + 60_000);
    await leaveOrphan(host, 'young');
    expect(emulator.uploads.open.size).toBe(4);
    expect(await store.removeOrphans()).toBe(3);
    expect([...emulator.uploads.open.values()].map(({ key }) => key)).toEqual(['young']);
    expect(await store.removeOrphans({ olderThanMs: 3_600_000 })).toBe(0);
    emulator.uploads.age(3_700_000);
    expect(await store.removeOrphans({ olderThanMs: 3_600_000 })).toBe(1);
    expect(emulator.uploads.orphanBytes).toBe(0);
  });

  it('are removed by the first put of the next process, by themselves, and only below the prefix', async () => {
    await using host = await warmStore();
    const { emulator } = host;
    for (const key of ['mine/a', 'other/b']) await leaveOrphan(host, key);
    emulator.uploads.age(DAY_MS + 60_000);
    const next = storeOn(emulator, { prefix: 'mine' });
    await next.put('x', []);
    await vi.waitUntil(() => emulator.uploads.open.size === 1);
    expect([...emulator.uploads.open.values()].map(({ key }) => key)).toEqual(['other/b']);
    await next.close?.();
  });

  it('do not keep a store from working where they may not be listed', async () => {
    await using host = await emulatedStore();
    host.emulator.faults.add({ operation: 'ListMultipartUploads', code: 'AccessDenied', times: 100 });
    expect(await host.store.put('k', [])).toBe('created');
    await expect(host.store.removeOrphans()).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
  });
});

describe('every request of a put, hit by every fault', () => {
  const MODES: readonly S3Fault[] = [
    ...(['before', 'after'] as const).flatMap((when): S3Fault[] => [
      { when, reset: true },
      { when, hang: true },
      { when, code: 'InternalError' },
      { when, code: 'ServiceUnavailable' },
    ]),
    { code: 'SlowDown' },
    { code: 'SlowDown', retryAfterS: 2 },
    { code: 'RequestTimeout' },
    { code: 'ConditionalRequestConflict' },
    { corrupt: true },
  ];
  const STEPS: readonly (readonly [S3Operation, Uint8Array])[] = [
    ['PutObject', Buffer.from('small')],
    ['HeadObject', TWO_PARTS],
    ['CreateMultipartUpload', TWO_PARTS],
    ['UploadPart', TWO_PARTS],
    ['CompleteMultipartUpload', TWO_PARTS],
  ];

  it.each(STEPS)(
    '%s: creates the object once, whole, and leaves no parts that are not removed',
    async (operation, body) => {
      for (const mode of MODES) {
        await using host = await warmStore({ requestTimeoutMs: 40_000 });
        const { emulator, store } = host;
        emulator.faults.add({ ...mode, operation, key: /^k$/ });
        const told = JSON.stringify(mode);
        expect(await store.put('k', [body]), told).toBe('created');
        expect(emulator.faults.hits, told).toBe(1);
        expect(Buffer.compare(await store.get('k'), body), told).toBe(0);
        expect(await store.put('k', [Buffer.from('second')]), told).toBe('exists');
        emulator.uploads.age(DAY_MS + 60_000);
        await store.removeOrphans();
        expect(emulator.uploads.orphanBytes, told).toBe(0);
      }
    },
    60_000,
  );
});
