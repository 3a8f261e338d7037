/**
 * One process per directory. The lock is SQLite's exclusive lock on `lock.db`: the operating system frees it
 * the moment its owner dies, however it dies, so there is no stale lock to clean up.
 *
 * L1 while a lock is held, every other attempt fails at once, from this process too. L2 `lock.db` is never
 * opened by anything but SQLite: closing any other handle of it would drop the lock silently (POSIX). L3 whoever only asks
 * creates and changes no file.
 */
import { DatabaseSync } from 'node:sqlite';
import { DirectoryLockedError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { createPrivately } from '../core/private-file.ts';
import { toStorageError } from '../core/storage-fault.ts';

const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;
const OWNER_FILE = 'lock.owner';

/** A lock that is held. */
export interface DirectoryLock {
  /** Frees the directory; safe to call twice. */
  release(): void;
}

/** How a journal locks its directory; tests over a simulated file system bring their own. */
export type LockDirectory = (directory: string, fs: FileSystem) => Promise<DirectoryLock>;

function acquire(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function sqliteCode(error: unknown): unknown {
  return error instanceof Error && 'errcode' in error ? error.errcode : undefined;
}

/** By SQLite's primary result code; everything else is about permissions, as far as opening a file goes. */
const ERRNO: ReadonlyMap<number, string> = new Map([
  [10, 'EIO'],
  [13, 'ENOSPC'],
]);

/** SQLite's error as the system would have told it. */
function systemError(error: unknown): Error {
  const code = ERRNO.get(Number(sqliteCode(error)) & 0xff) ?? 'EACCES';
  return Object.assign(new Error(error instanceof Error ? error.message : String(error), { cause: error }), {
    code,
  });
}

async function describeOwner(directory: string, fs: FileSystem): Promise<string> {
  const bytes = await fs.readFile(`${directory}/${OWNER_FILE}`).catch(() => undefined);
  const pid = bytes === undefined ? '' : new TextDecoder().decode(bytes).trim();
  if (!/^\d+$/.test(pid)) return 'another process';
  return Number(pid) === process.pid ? `this process (pid ${pid})` : `the process with pid ${pid}`;
}

/** The owner's pid is for the message only: the lock itself never depends on it. */
async function writeOwner(directory: string, fs: FileSystem): Promise<void> {
  const temporary = `${directory}/${OWNER_FILE}.tmp`;
  await fs.unlink(temporary);
  const file = await fs.open(temporary, 'create');
  await file.append([new TextEncoder().encode(`${process.pid}\n`)]).finally(() => file.close());
  await fs.rename(temporary, `${directory}/${OWNER_FILE}`);
}

async function acquireOrExplain(directory: string, fs: FileSystem): Promise<DatabaseSync> {
  const file = `${directory}/lock.db`;
  await createPrivately(fs, file);
  try {
    return acquire(file);
  } catch (error) {
    const code = sqliteCode(error);
    if (code === SQLITE_BUSY) throw new DirectoryLockedError(directory, await describeOwner(directory, fs));
    if (code !== SQLITE_NOTADB) throw toStorageError(systemError(error), `lock ${directory}`);
  }
  // SQLite says "not a database" only after it got the shared lock, so nobody owns this damaged file.
  await fs.unlink(file).catch((error: unknown) => {
    throw toStorageError(error, `remove the damaged ${file}`);
  });
  await createPrivately(fs, file);
  try {
    return acquire(file);
  } catch (error) {
    throw toStorageError(error, `lock ${directory}`);
  }
}

/**
 * Takes an existing directory for this process.
 * @throws DirectoryLockedError naming the owner's pid when it is taken, at once; StorageError when the
 * directory cannot be written
 */
export async function lockDirectory(directory: string, fs: FileSystem): Promise<DirectoryLock> {
  const database = await acquireOrExplain(directory, fs);
  // A full disk must not keep a journal from opening for the sake of a message.
  await writeOwner(directory, fs).catch(() => undefined);
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/**
 * Who has the directory, without taking it. Somebody who takes it in the very moment of asking may be told once that it is
 * taken.
 * @returns undefined when nobody has it, or when this process may not know
 */
export async function ownerOf(directory: string, fs: FileSystem): Promise<string | undefined> {
  const file = `${directory}/lock.db`;
  if ((await fs.stat(file)) === undefined) return undefined;
  return isTaken(file) ? await describeOwner(directory, fs) : undefined;
}

function isTaken(file: string): boolean {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    // Reads the first page, which nobody may do beside an exclusive lock.
    database.exec('PRAGMA schema_version');
    return false;
  } catch (error) {
    return sqliteCode(error) === SQLITE_BUSY;
  } finally {
    database?.close();
  }
}
