import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { S3Fault } from '../../src/stores/s3-fault.ts';
import { isShort, readObject } from '../../src/stores/s3-limit.ts';
import { S3Slots } from '../../src/stores/s3-slots.ts';
import { emulatedStore } from '../support/s3/emulated-store.ts';

const MIB = 1024 * 1024;

describe('an answer without end', () => {
  it.each(['ListObjectsV2', 'GetObject', 'PutObject', 'ListMultipartUploads'] as const)(
    'of %s fails the call and does not fill the memory',
    async (operation) => {
      await using host = await emulatedStore({ patienceMs: 0 });
      const { emulator, store } = host;
      await store.put('k', [Buffer.from('x')]);
      const before = process.memoryUsage().rss;
      emulator.faults.add({ operation, when: 'after', floodBytes: 512 * MIB });
      const calls = {
        ListObjectsV2: async () => {
          for await (const _ of store.list(''));
        },
        GetObject: () => store.get('k'),
        PutObject: () => store.put('new', [Buffer.from('x')]),
        ListMultipartUploads: () => store.removeOrphans(),
      };
      await calls[operation]().catch((error: unknown) => expect(error).toMatchObject({ name: 'StorageError' }));
      expect(process.memoryUsage().rss - before).toBeLessThan(128 * MIB);
      expect(Buffer.from(await store.get('k')).toString()).toBe('x');
    },
  );

  it('is told by its length, when that is whole and small', () => {
    expect([undefined, '', '-1', '1e3', '16777217'].map(isShort)).toEqual(Array(5).fill(false));
    expect(['0', '16777216'].map(isShort)).toEqual([true, true]);
  });

  it('or an object above the limit is not read', async () => {
    await using host = await emulatedStore({ objectBytesMax: 10 });
    await host.store.put('k', [Buffer.alloc(11)]);
    await expect(host.store.get('k')).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    expect((await host.store.get('k', { range: { start: 0, end: 10 } })).length).toBe(10);
  });
});

describe('an object that is above the limit', () => {
  it('keeps no connection', async () => {
    await using host = await emulatedStore({ socketsMax: 2, objectBytesMax: 10, patienceMs: 0 });
    await host.store.put('k', [Buffer.alloc(4 * MIB)]);
    for (let call = 0; call < 6; call += 1) {
      await expect(host.store.get('k'), `call ${call}`).rejects.toMatchObject({ code: 'STORAGE_REFUSED' });
    }
    expect(await host.store.put('other', [Buffer.from('x')])).toBe('created');
  });

  it('or has no length is not read, and its body is let go', async () => {
    for (const length of [undefined, 11]) {
      const body = Readable.from([Buffer.alloc(11)]);
      await expect(readObject(body, length, 10)).rejects.toBeInstanceOf(S3Fault);
      expect(body.destroyed).toBe(true);
    }
  });
});

describe('requests', () => {
  it('wait for a connection without ending by the deadline of connecting', async () => {
    await using host = await emulatedStore(
      { socketsMax: 2, connectTimeoutMs: 150, patienceMs: 0 },
      { latencyMs: 60 },
    );
    const { emulator, store } = host;
    await store.put('warm', []);
    emulator.calls.length = 0;
    emulator.inFlightMax = 0;
    const puts = Array.from({ length: 12 }, (_, i) => store.put(`k${i}`, [Buffer.from('x')]));
    expect(new Set(await Promise.all(puts))).toEqual(new Set(['created']));
    expect(emulator.inFlightMax).toBeLessThanOrEqual(2);
    expect(emulator.connections).toBeLessThanOrEqual(3);
  });

  it('get their slots in the order of asking', async () => {
    const slots = new S3Slots(2);
    const order: number[] = [];
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => slots.with(undefined, async () => void order.push(n))));
    expect(order).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each(['before', 'after'])('give a slot back that comes just %s they are given up', async (when) => {
    const slots = new S3Slots(1);
    const gate = Promise.withResolvers<void>();
    const first = slots.with(undefined, () => gate.promise);
    const controller = new AbortController();
    const second = slots.with(controller.signal, async () => 'second');
    const third = slots.with(undefined, async () => 'third');
    if (when === 'before') gate.resolve();
    controller.abort(new Error('enough'));
    gate.resolve();
    await first;
    await expect(second).rejects.toThrow('enough');
    expect(await third).toBe('third');
    expect(await slots.with(undefined, async () => 'fourth')).toBe('fourth');
  });
});
