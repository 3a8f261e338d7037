import { describe, expect, it } from 'vitest';
import type { S3StoreOptions } from '../../src/assembly/s3-store.ts';
import { storeContract } from '../../src/testing/store-contract.ts';
import { emulatedStore } from '../support/s3/emulated-store.ts';
import type { S3EmulatorOptions } from '../support/s3/s3-emulator.ts';

const SERVERS: Readonly<Record<string, readonly [Partial<S3StoreOptions>, S3EmulatorOptions]>> = {
  'a bucket, with checksums': [{}, {}],
  'a bucket, without checksums': [{ checksums: 'when-required' }, {}],
  'a part of a bucket': [{ prefix: 'pipelines/a b' }, {}],
  'a server that ignores If-None-Match': [
    {},
    { quirks: { conditionalPut: 'ignored', conditionalComplete: 'ignored' } },
  ],
  'a server that refuses If-None-Match': [{}, { quirks: { conditionalPut: 'not-implemented' } }],
  'a server that ignores checksums': [{}, { quirks: { checksums: 'ignored' } }],
};

describe.each(Object.entries(SERVERS))('store in %s', (_, [options, emulation]) => {
  const make = async () => {
    const host = await emulatedStore(options, emulation);
    return { store: host.store, dispose: async () => host[Symbol.asyncDispose]() };
  };
  for (const { name, run } of storeContract(make)) it(name, run);
});

describe('a server without conditions', () => {
  it('lets a put be tried after another one of the same key was refused', async () => {
    await using host = await emulatedStore({}, { quirks: { conditionalPut: 'not-implemented' } });
    const { emulator, store } = host;
    await store.put('warm', []);
    emulator.faults.add({ operation: 'PutObject', key: /^k$/, code: 'AccessDenied' });
    const puts = await Promise.allSettled(['1', '2'].map((text) => store.put('k', [Buffer.from(text)])));
    expect(puts).toMatchObject([
      { status: 'rejected', reason: { code: 'STORAGE_DENIED' } },
      { status: 'fulfilled', value: 'created' },
    ]);
    expect(Buffer.from(await store.get('k')).toString()).toBe('2');
  });
});
