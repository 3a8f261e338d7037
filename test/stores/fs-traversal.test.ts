import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../src/core/errors.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { fsStore } from '../../src/stores/fs-store.ts';

const CLIMBS = [
  '..',
  '.',
  '',
  '...',
  '..;',
  '.. ',
  ' ..',
  '.\u200b.',
  '\uff0e\uff0e',
  '．．',
  '%2e%2e',
  '%252e%252e',
];
const ENCODED = [
  '..%2f',
  '..%5c',
  '%2e%2e%2f',
  '..%c0%af',
  '..%u2215',
  '\u002e\u002e',
  '..\u2215..',
  '..\u2044..',
];
const SEPARATORS = ['/', '//', '/./', '\\', '\\\\', '/\\', '\0/', '\u2215'];
const STARTS = [
  '',
  '/',
  '//',
  '\\\\host\\share\\',
  'C:\\',
  'C:/',
  'file:///',
  '~/',
  '$HOME/',
  '%HOME%/',
  './',
  'a/b/',
];
const TARGETS = [
  'etc/passwd',
  'outside',
  'secret.txt',
  '.tierfall-tmp/x',
  'a\0.parquet',
  'a\n',
  'CON',
  '-rf',
  '..',
  '.',
  '\ud800',
  'n'.repeat(256),
];

/** Every way up, of every depth, towards every target: the first `count` that differ. */
function payloads(count: number): string[] {
  const found = new Set<string>();
  for (const depth of [1, 2, 3, 8]) {
    for (const climb of [...CLIMBS, ...ENCODED]) {
      for (const separator of SEPARATORS) {
        for (const start of STARTS) {
          for (const target of TARGETS) found.add(`${start}${`${climb}${separator}`.repeat(depth)}${target}`);
        }
      }
    }
  }
  const all = [...found];
  const step = all.length / count;
  return Array.from({ length: count }, (_, i) => all[Math.floor(i * step)] ?? '');
}

const scratches: string[] = [];
afterEach(async () => {
  for (const scratch of scratches.splice(0)) await rm(scratch, { recursive: true });
});

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

describe('keys that try to leave the root', () => {
  it('never touch anything outside it, and name one file each inside, in 10,000 attempts', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'tierfall-traversal-'));
    scratches.push(scratch);
    await mkdir(join(scratch, 'deep', 'down'), { recursive: true });
    for (const name of ['outside', 'secret.txt', 'deep/outside'])
      await writeFile(join(scratch, name), 'untouched');
    const store = fsStore({ directory: join(scratch, 'deep', 'down', 'root'), fs: nodeFileSystem });
    const keys = payloads(10_000);
    expect(new Set(keys).size).toBe(10_000);
    const stored = new Map<string, string>();
    const refused = { STORAGE_KEY_INVALID: 0, STORAGE_KEY_CLASH: 0 };
    for (const [index, key] of keys.entries()) {
      const outcome = await store.put(key, [Buffer.from(`${index}`)]).catch((error: unknown) => error);
      if (outcome === 'created') {
        stored.set(key, `${index}`);
        continue;
      }
      expect(outcome).toBeInstanceOf(StorageError);
      const { code } = outcome as StorageError;
      expect(Object.keys(refused)).toContain(code);
      refused[code as keyof typeof refused] += 1;
      if (code === 'STORAGE_KEY_CLASH') continue;
      for (const call of [store.get(key), store.head(key), store.delete(key)])
        await expect(call).rejects.toMatchObject({ code });
    }
    expect(refused.STORAGE_KEY_INVALID).toBeGreaterThan(5_000);
    expect(stored.size).toBeGreaterThan(500);
    for (const [key, text] of stored) expect(Buffer.from(await store.get(key)).toString()).toBe(text);
    const files = await filesBelow(scratch);
    const outside = files.filter((file) => !file.startsWith('deep/down/root/'));
    expect(outside.sort()).toEqual(['deep/outside', 'outside', 'secret.txt']);
    expect(files.length - outside.length).toBe(stored.size);
    for (const file of outside) expect(await readFile(join(scratch, file), 'utf8')).toBe('untouched');
  });
});
