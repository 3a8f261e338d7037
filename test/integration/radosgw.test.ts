import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateMultipartUploadCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3StoreOptions, s3Store } from '../../src/assembly/s3-store.ts';
import type { S3Store } from '../../src/stores/s3-store.ts';
import { storeContract } from '../../src/testing/store-contract.ts';
import { SMALL_LIMITS } from '../support/s3/emulated-store.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
}, 60_000);
afterAll(() => server?.[Symbol.asyncDispose](), 30_000);

/** A store in a part of the bucket that nobody else uses. */
function freshStore(options: Partial<S3StoreOptions> = {}): S3Store {
  return s3Store({ ...server.options, ...SMALL_LIMITS, prefix: `test/${randomUUID()}`, ...options });
}

/** Sends the first part of an upload and dies. */
async function beginUpload(key: string): Promise<void> {
  const { bucket, endpoint, region = 'us-east-1', credentials } = server.options;
  const client = new S3Client({
    forcePathStyle: true,
    region,
    ...(endpoint ? { endpoint } : {}),
    ...(credentials ? { credentials } : {}),
  });
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key }));
  const part = { Bucket: bucket, Key: key, UploadId, PartNumber: 1, Body: 'the first part' };
  await client.send(new UploadPartCommand(part));
  client.destroy();
}

describe.each(['when-supported', 'when-required'] as const)(
  'store on a real S3 server, checksums %s',
  (checksums) => {
    const make = async () => ({ store: freshStore({ checksums }), dispose: async () => {} });
    for (const { name, run } of storeContract(make)) it(name, run);

    it('lets one of twenty stores create a key', async () => {
      const prefix = `test/${randomUUID()}`;
      const stores = Array.from({ length: 20 }, () => freshStore({ checksums, prefix }));
      const puts = stores.map((store, i) => store.put('race', [Buffer.from(`${i}`)]));
      const results = await Promise.all(puts);
      expect(results.filter((result) => result === 'created').length).toBe(1);
      const winner = results.indexOf('created');
      expect(Buffer.from(await freshStore({ checksums, prefix }).get('race')).toString()).toBe(`${winner}`);
      await Promise.all(stores.map((store) => store.close?.()));
    });

    it('refuses a body that is not the one its digest is of', async () => {
      const store = freshStore({ checksums, patienceMs: 0 });
      const sha256 = 'ab'.repeat(32);
      await expect(store.put('k', [Buffer.from('other bytes')], { sha256 })).rejects.toMatchObject({
        code: 'STORAGE_CORRUPT',
      });
      expect(await store.head('k')).toBeUndefined();
      await store.close?.();
    });
  },
);

describe('a real S3 server', () => {
  it('lists what is put right away, over many pages', async () => {
    const store = freshStore({ pageKeys: 7 });
    const keys = Array.from({ length: 40 }, (_, i) => `many/${String(i).padStart(3, '0')}`);
    await Promise.all(keys.map((key) => store.put(key, [Buffer.from(key)])));
    const seen: string[] = [];
    for await (const { key } of store.list('many/')) seen.push(key);
    expect(seen).toEqual(keys);
    await store.close?.();
  });

  it('has uploads that nobody finished removed once they are old, and keeps younger ones', async () => {
    const prefix = `test/${randomUUID()}`;
    const store = freshStore({ prefix });
    await store.put('warm', []);
    await beginUpload(`${prefix}/left`);
    expect(await store.removeOrphans()).toBe(0);
    await sleep(1_100);
    expect(await store.removeOrphans({ olderThanMs: 0 })).toBe(1);
    expect(await store.removeOrphans({ olderThanMs: 0 })).toBe(0);
    await store.close?.();
  });

  it('says who is refused, and what is not there', async () => {
    const wrong = { accessKeyId: 'NOBODY', secretAccessKey: 'wrong' };
    await expect(freshStore({ credentials: wrong }).get('k')).rejects.toMatchObject({
      code: 'STORAGE_CREDENTIALS',
    });
    await expect(freshStore({ bucket: 'no-such-bucket-here' }).get('k')).rejects.toMatchObject({
      code: 'STORAGE_MISCONFIGURED',
    });
    await expect(freshStore().get('k')).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' });
  });

  it('keeps an object under a key of the customer, and shows it to nobody without it', async () => {
    const prefix = `test/${randomUUID()}`;
    const encryption = { kind: 'customer', key: new Uint8Array(32).fill(3) } as const;
    const store = freshStore({ prefix, encryption });
    await store.put('k', [Buffer.from('secret')]);
    expect(Buffer.from(await store.get('k')).toString()).toBe('secret');
    await expect(freshStore({ prefix, patienceMs: 0 }).get('k')).rejects.toMatchObject({
      name: 'StorageError',
    });
    await store.close?.();
  });
});
