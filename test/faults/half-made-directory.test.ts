import { describe, expect, it } from 'vitest';
import { makeDirectory } from '../../src/core/durable-file.ts';
import { fsStore } from '../../src/stores/fs-store.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';

/** Chance of a power cut that takes every directory it may, and no file. */
const TAKES_DIRECTORIES = (): number => 0.4;
const object = (): Uint8Array[] => [new TextEncoder().encode('kept')];

describe('a directory whose maker died, or failed, before its name was durable', () => {
  it('is durable once the next process has made it', async () => {
    const fs = new MemoryFileSystem();
    await fs.mkdir('/data/journal');
    await makeDirectory(fs, '/data/journal');
    const after = fs.crash(TAKES_DIRECTORIES);
    expect(await after.stat('/data/journal')).toBeDefined();
  });

  it('does not take the objects of a store with it', async () => {
    const fs = new MemoryFileSystem();
    await fs.mkdir('/data');
    await fs.syncDirectory('/');
    const store = fsStore({ directory: '/data/objects', fs });
    fs.failNext('syncDirectory', 'EIO');
    await expect(store.put('a/one', object())).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect(await store.put('a/two', object())).toBe('created');
    const after = fsStore({ directory: '/data/objects', fs: fs.crash(TAKES_DIRECTORIES) });
    expect(new TextDecoder().decode(await after.get('a/two'))).toBe('kept');
  });

  it('may lie in a directory that this user must not sync', async () => {
    const fs = new MemoryFileSystem();
    await fs.mkdir('/data/journal');
    fs.failNext('syncDirectory', 'EACCES');
    await expect(makeDirectory(fs, '/data/journal')).resolves.toBeUndefined();
  });
});
