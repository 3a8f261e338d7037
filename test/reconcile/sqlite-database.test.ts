import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../src/core/errors.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { openStateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { createWorkplace, type Workplace } from './workplace.ts';

const COUNT = 'SELECT COUNT(*) AS n FROM state_facts';
const ADD = 'INSERT INTO state_facts (name, value) VALUES (?, ?)';

describe('the state database', () => {
  let place: Workplace;
  beforeEach(async () => {
    place = await createWorkplace();
  });
  afterEach(() => place.close());

  it('writes with WAL and synchronous=FULL', async () => {
    const state = await place.open();
    const mode = await state.transact((session) => session.get('PRAGMA journal_mode'));
    const level = await state.transact((session) => session.get('PRAGMA synchronous'));
    expect([{ ...(mode as object) }, { ...(level as object) }]).toEqual([
      { journal_mode: 'wal' },
      { synchronous: 2 },
    ]);
  });

  it('waits for no disk with a hint, keeps it, and is as careful as before with what follows', async () => {
    const state = await place.open();
    const level = (session: { get<R>(sql: string): R | undefined }) =>
      session.get<{ synchronous: number }>('PRAGMA synchronous')?.synchronous;
    const during = await state.transact(
      (session) => {
        session.run(ADD, 'a', '1');
        return level(session);
      },
      { isHint: true },
    );
    const failing = state.transact(
      () => {
        throw new Error('mine');
      },
      { isHint: true },
    );
    await expect(failing).rejects.toThrow('mine');
    expect([during, await state.transact(level)]).toEqual([1, 2]);
    expect(await state.transact((session) => session.get<{ n: number }>(COUNT)?.n)).toBe(1);
  });

  it('applies nothing of a transaction that throws, and passes the error on', async () => {
    const state = await place.open();
    const failure = new Error('mine');
    const work = state.transact((session) => {
      session.run(ADD, 'a', '1');
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(await state.transact((session) => session.get<{ n: number }>(COUNT)?.n)).toBe(0);
  });

  it.each([
    [
      'is not a database',
      async (file: string) => writeFile(file, 'this is not a database, by far'.repeat(100)),
    ],
    ['has a damaged page', damagePage],
  ])('sets a file that %s aside, keeps its bytes and starts empty', async (_what, damage) => {
    await fill(place.file);
    await damage(place.file);
    const bytes = await readFile(place.file);
    const state = await place.open();
    expect(state.setAside).toEqual([`${place.file}.damaged-1`]);
    expect(await readFile(`${place.file}.damaged-1`)).toEqual(bytes);
    expect(await state.transact((session) => session.get<{ n: number }>(COUNT)?.n)).toBe(0);
  });

  it('numbers the files it sets aside, and overwrites none', async () => {
    for (const name of ['one', 'two']) {
      await writeFile(place.file, `${name} is no database `.repeat(50));
      await (await place.open()).close();
    }
    const names = (await readdir(place.directory)).filter((name) => name.includes('damaged'));
    expect(names).toEqual(['state.db.damaged-1', 'state.db.damaged-2']);
    expect(await readFile(`${place.file}.damaged-1`, 'utf8')).toContain('one');
  });

  it('replaces a file that turns out damaged while it is in use, and serves the call', async () => {
    const state = await place.open();
    await fillFromOutside(place.file);
    await damagePage(place.file);
    const n = await state.transact(
      (session) => session.all<{ value: string }>('SELECT * FROM state_facts').length,
    );
    expect(n).toBe(0);
    expect(state.setAside).toHaveLength(1);
  });

  it('replaces a damaged file once when many calls meet it together', async () => {
    const state = await place.open();
    await fillFromOutside(place.file);
    await damagePage(place.file);
    const calls = Array.from({ length: 8 }, (_, n) =>
      state.transact((session) => {
        session.all('SELECT * FROM state_facts');
        session.run(ADD, `n${n}`, '1');
      }),
    );
    await Promise.all(calls);
    expect(state.setAside).toHaveLength(1);
    expect(await state.transact((session) => session.get<{ n: number }>(COUNT)?.n)).toBe(8);
  });

  it('refuses a file of a newer format and leaves it as it was', async () => {
    const db = new DatabaseSync(place.file);
    db.exec('CREATE TABLE future (a); PRAGMA user_version=99');
    db.close();
    const bytes = await readFile(place.file);
    await expect(place.open()).rejects.toMatchObject({ code: 'STORAGE_NEWER_FORMAT' });
    expect(await readFile(place.file)).toEqual(bytes);
  });

  it('says that another process holds the file, and that trying again may help', async () => {
    const state = await openStateDatabase({ file: place.file, fs: nodeFileSystem, busyTimeoutMs: 20 });
    const other = new DatabaseSync(place.file);
    other.exec('BEGIN IMMEDIATE');
    const error = await state.transact((session) => session.run(ADD, 'a', '1')).catch((e: unknown) => e);
    other.exec('ROLLBACK');
    other.close();
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: 'STORAGE_BUSY', retryable: true });
    await state.transact((session) => session.run(ADD, 'a', '1'));
    await state.close();
  });

  it('keeps others out from the first statement, so that what was read still holds at the write', async () => {
    const state = await place.open();
    const other = await openStateDatabase({ file: place.file, fs: nodeFileSystem, busyTimeoutMs: 1 });
    let attempt: Promise<unknown> = Promise.resolve();
    await state.transact((session) => {
      session.get(COUNT);
      attempt = other.transact((theirs) => theirs.run(ADD, 'theirs', '1')).catch((error: unknown) => error);
      session.run(ADD, 'mine', '1');
    });
    expect(await attempt).toMatchObject({ code: 'STORAGE_BUSY' });
    expect(await other.transact((session) => session.get<{ n: number }>(COUNT)?.n)).toBe(1);
    await other.close();
  });

  it('reports a full disk as such, and works again when there is room', async () => {
    const state = await place.open();
    await state.transact((session) => session.get('PRAGMA max_page_count=30'));
    const big = 'x'.repeat(1 << 20);
    await expect(state.transact((session) => session.run(ADD, 'big', big))).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      retryable: true,
    });
    await state.transact((session) => session.run(ADD, 'small', '1'));
  });

  it('names the problem when the place is a directory', async () => {
    await mkdir(place.file);
    await expect(place.open()).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
    await chmod(place.file, 0o700);
  });

  it('survives eight processes that open and write a new file at the same moment', async () => {
    const script = join(import.meta.dirname, 'state-writers.ts');
    const run = spawnSync(process.execPath, [script, place.file, '8', '25'], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(run.stderr).toBe('');
    const state = await place.open();
    expect(await state.transact((session) => session.get<{ n: number }>(COUNT)?.n)).toBe(200);
  });
});

async function fill(file: string): Promise<void> {
  const state = await openStateDatabase({ file, fs: nodeFileSystem });
  await state.transact((session) => {
    for (let n = 0; n < 500; n += 1) session.run(ADD, `name-${n}`, 'v'.repeat(100));
  });
  await state.close();
}

/** By another connection, so that the pages are in nobody's cache. */
async function fillFromOutside(file: string): Promise<void> {
  const db = new DatabaseSync(file);
  const add = db.prepare(ADD);
  for (let n = 0; n < 500; n += 1) add.run(`name-${n}`, 'v'.repeat(100));
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

/** Overwrites all but the first page. */
async function damagePage(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes.fill(0xa5, 4096);
  await writeFile(file, bytes);
}
