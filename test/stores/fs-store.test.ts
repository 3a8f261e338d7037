import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { fsStore } from '../../src/stores/fs-store.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { type StoreHost, storeContract } from '../../src/testing/store-contract.ts';

async function onDisk(): Promise<StoreHost & { directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'tierfall-store-'));
  return {
    directory,
    store: fsStore({ directory: join(directory, 'a', 'b'), fs: nodeFileSystem }),
    dispose: () => rm(directory, { recursive: true }),
  };
}

async function inMemory(): Promise<StoreHost> {
  return { store: fsStore({ directory: '/s', fs: new MemoryFileSystem() }), dispose: async () => undefined };
}

/** A file system without hard links. */
class Linkless extends MemoryFileSystem {
  override async link(): Promise<void> {
    throw Object.assign(new Error('no links here'), { code: 'EPERM' });
  }
}

async function withoutLinks(): Promise<StoreHost> {
  return { store: fsStore({ directory: '/s', fs: new Linkless() }), dispose: async () => undefined };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('store in a directory', () => {
  for (const { name, run } of storeContract(onDisk)) it(name, run);

  it('keeps objects from other users: files 0600, directories 0700', async () => {
    const host = await onDisk();
    await host.store.put('x/y', [bytes('secret')]);
    expect((await stat(join(host.directory, 'a/b/x/y'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(host.directory, 'a/b/x'))).mode & 0o777).toBe(0o700);
    await host.dispose();
  });

  it('leaves no temporary file behind and never lists one', async () => {
    const host = await onDisk();
    const temporary = join(host.directory, 'a/b/.tierfall-tmp');
    await mkdir(temporary, { recursive: true });
    await writeFile(join(temporary, `${process.pid}-1`), 'half an object');
    await host.store.put('x', [bytes('1')]);
    await host.store.put('x', [bytes('1')]);
    expect(await readdir(temporary)).toEqual([`${process.pid}-1`]);
    const keys: string[] = [];
    for await (const object of host.store.list('')) keys.push(object.key);
    expect(keys).toEqual(['x']);
    await expect(host.store.get('.tierfall-tmp/1')).rejects.toMatchObject({ code: 'STORAGE_KEY_INVALID' });
    await host.dispose();
  });

  it('removes temporary files of dead processes once they are an hour old, and no younger ones', async () => {
    const host = await onDisk();
    const temporary = join(host.directory, 'a/b/.tierfall-tmp');
    await mkdir(temporary, { recursive: true });
    for (const name of ['old', 'young']) await writeFile(join(temporary, name), 'x');
    const hourAndMore = new Date(Date.now() - 3_700_000);
    await utimes(join(temporary, 'old'), hourAndMore, hourAndMore);
    await host.store.put('x', [bytes('1')]);
    expect(await readdir(temporary)).toEqual(['young']);
    await host.dispose();
  });

  it('stores a name of 255 bytes and refuses a longer one', async () => {
    const host = await onDisk();
    await host.store.put('n'.repeat(255), [bytes('1')]);
    await expect(host.store.put('n'.repeat(256), [bytes('1')])).rejects.toMatchObject({
      code: 'STORAGE_KEY_INVALID',
    });
    await host.dispose();
  });

  it('refuses a key that another one has as its directory, and says so instead of "exists"', async () => {
    for (const host of [await onDisk(), await inMemory()]) {
      await host.store.put('a/b', [bytes('1')]);
      const clash = { name: 'StorageError', code: 'STORAGE_KEY_CLASH', retryable: false };
      await expect(host.store.put('a', [bytes('2')])).rejects.toMatchObject(clash);
      expect(await host.store.head('a')).toBeUndefined();
      expect(await host.store.put('a/c', [bytes('3')])).toBe('created');
      await host.dispose();
    }
    const host = await onDisk();
    await host.store.put('a/b', [bytes('1')]);
    const below = host.store.put('a/b/c', [bytes('2')]);
    await expect(below).rejects.toMatchObject({ code: 'STORAGE_KEY_CLASH' });
    await host.dispose();
  });

  it('writes thousands of chunks, more than one system call takes', async () => {
    const host = await onDisk();
    const chunks = Array.from({ length: 5000 }, (_, i) => bytes(`${i},`));
    await host.store.put('many', chunks);
    expect(Buffer.compare(await host.store.get('many'), Buffer.concat(chunks))).toBe(0);
    await host.dispose();
  });

  it('gives one of two processes the key, and both the same bytes', async () => {
    const host = await onDisk();
    const other = fsStore({ directory: join(host.directory, 'a', 'b'), fs: nodeFileSystem });
    for (let round = 0; round < 20; round += 1) {
      const results = await Promise.all([
        host.store.put(`k${round}`, [bytes('first')]),
        other.put(`k${round}`, [bytes('second')]),
      ]);
      expect(results.sort()).toEqual(['created', 'exists']);
    }
    await host.dispose();
  });
});

describe('store in memory', () => {
  for (const { name, run } of storeContract(inMemory)) it(name, run);
});

describe('store on a file system without hard links', () => {
  for (const { name, run } of storeContract(withoutLinks)) it(name, run);
});

describe('store after a power cut', () => {
  it('holds every object whose put resolved, whole, and no part of any other', async () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const fs = new MemoryFileSystem();
      const store = fsStore({ directory: '/new/s', fs });
      const random = mulberry(seed);
      for (let n = 0; n < 3; n += 1) await store.put(`p${n % 2}/k${n}`, [bytes(`object ${n}`)]);
      const unfinished = store.put('p0/late', [bytes('never acknowledged')]).catch(() => undefined);
      for (let turn = Math.floor(random() * 30); turn > 0; turn -= 1) await Promise.resolve();
      const after = fs.crash(random);
      await unfinished;
      const reopened = fsStore({ directory: '/new/s', fs: after });
      for (let n = 0; n < 3; n += 1) {
        expect(new TextDecoder().decode(await reopened.get(`p${n % 2}/k${n}`))).toBe(`object ${n}`);
      }
      const late = await reopened.get('p0/late').catch(() => undefined);
      if (late) expect(new TextDecoder().decode(late)).toBe('never acknowledged');
      expect(await reopened.put('p1/after', [bytes('x')])).toBe('created');
    }
  });

  it('says STORAGE_FULL, STORAGE_DENIED or STORAGE_IO with a hint, stores nothing, and works again afterwards', async () => {
    const codes = { ENOSPC: 'STORAGE_FULL', EROFS: 'STORAGE_DENIED', EIO: 'STORAGE_IO' };
    for (const [errno, code] of Object.entries(codes)) {
      for (const operation of ['open', 'append', 'datasync', 'link', 'syncDirectory'] as const) {
        const fs = new MemoryFileSystem();
        const store = fsStore({ directory: '/s', fs });
        await store.put('warm', [bytes('1')]);
        fs.failNext(operation, errno);
        await expect(store.put('warm2', [bytes('1')])).rejects.toMatchObject({ code, name: 'StorageError' });
        await store.put('warm2', [bytes('1')]);
        expect(new TextDecoder().decode(await store.get('warm2'))).toBe('1');
      }
    }
  });
});

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
