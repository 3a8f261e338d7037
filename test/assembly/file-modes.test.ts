import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFallback } from '../../src/assembly/fallback.ts';
import { createPrivately } from '../../src/core/private-file.ts';
import { lockDirectory } from '../../src/journal/lock.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { openStateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { functionSink } from '../../src/sinks/function-sink.ts';

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tierfall-modes-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Files below a directory that others than the owner may read or write, with their mode. */
function exposed(directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  expect(files.length).toBeGreaterThan(0);
  return files.flatMap(({ parentPath, name }) => {
    const { mode } = statSync(join(parentPath, name));
    return (mode & 0o077) === 0 ? [] : [`${name} ${(mode & 0o777).toString(8)}`];
  });
}

const down = (): Promise<never> => Promise.reject(Object.assign(new Error('down'), { status: 503 }));

describe('the files of a data directory', () => {
  it('are readable by nobody but their owner, those of SQLite included', async () => {
    const dir = temporaryDirectory();
    const fallback = await createFallback({
      dir,
      sink: functionSink(down, { name: 's' }),
      retry: { attemptsMax: 1 },
    });
    await fallback.submit({ format: 'ndjson', body: '{"n":1}\n' });
    await fallback.flush();
    const names = readdirSync(dir, { recursive: true }).map(String);
    for (const name of ['state.db', 'state.db-wal', 'state.db-shm', 'journal/lock.db']) {
      expect(names).toContain(name);
    }
    expect(exposed(dir)).toEqual([]);
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await fallback.close();
    expect(exposed(dir)).toEqual([]);
  });

  it('stay so when a damaged state file or lock is replaced', async () => {
    const dir = temporaryDirectory();
    for (const name of ['state.db', 'lock.db']) {
      const file = await nodeFileSystem.open(join(dir, name), 'create');
      await file.append([Buffer.from('this is no database, however long one looks at it'.repeat(40))]);
      await file.close();
    }
    const state = await openStateDatabase({ file: join(dir, 'state.db'), fs: nodeFileSystem });
    expect(state.setAside).toHaveLength(1);
    const lock = await lockDirectory(dir, nodeFileSystem);
    expect(exposed(dir)).toEqual([]);
    lock.release();
    await state.close();
  });
});

describe('a file created privately', () => {
  it('leaves one that is there alone, and the lock on it too', async () => {
    const dir = temporaryDirectory();
    const path = join(dir, 'x.db');
    await Promise.all([createPrivately(nodeFileSystem, path), createPrivately(nodeFileSystem, path)]);
    const holder = new DatabaseSync(path);
    holder.exec('CREATE TABLE t (a); PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    await createPrivately(nodeFileSystem, path);
    const other = new DatabaseSync(path, { timeout: 0 });
    expect(() => other.exec('BEGIN EXCLUSIVE')).toThrow('locked');
    other.close();
    holder.close();
    expect(statSync(path).size).toBeGreaterThan(0);
    expect(readdirSync(dir)).toEqual(['x.db']);
  });

  it('is not made, and nothing is thrown, where that cannot be', async () => {
    await createPrivately(nodeFileSystem, join(temporaryDirectory(), 'absent', 'x.db'));
  });
});
