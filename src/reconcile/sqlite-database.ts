/**
 * The local state file of reconciliation on `node:sqlite`, and the only file here that knows that package.
 * Queue and quarantine index share one state file; each transaction is short and synchronous.
 *
 * D1 a commit that returned survives a power cut (WAL, `synchronous=FULL`, both asserted), but for hints. D2 writers of
 * several processes are serialised: each transaction begins IMMEDIATE. D3 a damaged file is set aside as
 * `<file>.damaged-<n>`, never deleted, and an empty one takes its place: everything in it can be had again
 * from the store. D4 a file of a newer format is refused and left untouched. D5 on a full disk
 * a transaction that adds no page goes on in the space that file and log have: only so can a disk that is full of deferred
 * rows be drained.
 */
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { StorageError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { createPrivately } from '../core/private-file.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { ADDED_COLUMNS, STATE_FORMAT, STATE_SCHEMA } from './state-schema.ts';

/** Statements inside one transaction. Rows are typed by the caller, who wrote the SQL. */
export interface SqlSession {
  all<R>(sql: string, ...values: SQLInputValue[]): readonly R[];
  get<R>(sql: string, ...values: SQLInputValue[]): R | undefined;
  /** @returns the number of rows changed */
  run(sql: string, ...values: SQLInputValue[]): number;
}

export interface StateDatabase {
  readonly file: string;
  /** Names that damaged predecessors were given, oldest first. */
  readonly setAside: readonly string[];
  /**
   * Runs `work` in one transaction. When the file turns out to be damaged it is replaced by an empty one and
   * `work` runs once more on that; when the disk is full `work` runs once more in the space that the file has.
   * @throws StorageError; nothing of `work` is then applied
   */
  transact<T>(work: (session: SqlSession) => T, options?: TransactOptions): Promise<T>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export interface TransactOptions {
  /**
   * A power cut may take it, a dead process does not: no fsync, which keeps the event loop for as long as the disk
   * takes. For what a sweep finds again. @default false
   */
  readonly isHint?: boolean;
}

export interface StateDatabaseOptions {
  /** Path of the state file; its directory is created. */
  readonly file: string;
  readonly fs: FileSystem;
  /** How long a transaction waits for another process, in milliseconds; the event loop waits too. @default 2000 */
  readonly busyTimeoutMs?: number;
}

/** The first version without the WAL-reset bug, which needs two connections to corrupt a database. */
const SQLITE_VERSION_MIN = '3.51.3';

/**
 * Opens or creates the state file.
 * @throws StorageError when the place cannot be used; never because of damage
 */
export async function openStateDatabase(options: StateDatabaseOptions): Promise<StateDatabase> {
  const directory = dirname(options.file);
  try {
    await options.fs.mkdir(directory);
  } catch (error) {
    throw toStorageError(error, `create ${directory}`);
  }
  const database = new SqliteState(options);
  await database.open();
  return database;
}

class SqliteState implements StateDatabase {
  readonly file: string;
  readonly #fs: FileSystem;
  readonly #busyTimeoutMs: number;
  readonly #setAside: string[] = [];
  #connection: Connection | undefined;
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(options: StateDatabaseOptions) {
    this.file = options.file;
    this.#fs = options.fs;
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 2000;
  }

  get setAside(): readonly string[] {
    return this.#setAside;
  }

  async open(): Promise<void> {
    if (this.#closed) throw closedError(this.file);
    // One opening at a time: two of them would set aside each other's new file.
    this.#opening ??= this.#openOrReplace().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async transact<T>(work: (session: SqlSession) => T, { isHint = false }: TransactOptions = {}): Promise<T> {
    for (let replaced = false; ; ) {
      const connection = this.#connection;
      if (!connection) {
        await this.open();
        continue;
      }
      // No await from here on: another caller could close this connection in between.
      try {
        return isHint ? connection.hint(work) : connection.transact(work);
      } catch (error) {
        if (replaced || !isCorrupt(error)) throw error;
        replaced = true;
        this.#connection = undefined;
        connection.close();
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #openOrReplace(): Promise<void> {
    try {
      this.#connection = await this.#connect();
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      await this.#putAside();
      this.#connection = await this.#connect();
    }
  }

  /** SQLite gives its other files the mode of this one. */
  async #connect(): Promise<Connection> {
    await createPrivately(this.#fs, this.file);
    return new Connection(this.file, this.#busyTimeoutMs);
  }

  async #putAside(): Promise<void> {
    let n = 1;
    while (await this.#fs.stat(`${this.file}.damaged-${n}`)) n += 1;
    const target = `${this.file}.damaged-${n}`;
    await this.#fs.rename(this.file, target);
    // A log left behind would be played into the new file.
    if (await this.#fs.stat(`${this.file}-wal`)) await this.#fs.rename(`${this.file}-wal`, `${target}-wal`);
    await this.#fs.unlink(`${this.file}-shm`);
    await this.#fs.syncDirectory(dirname(this.file));
    this.#setAside.push(target);
  }
}

class Connection implements SqlSession {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string, busyTimeoutMs: number) {
    this.#db = translated(file, () => new DatabaseSync(file, { timeout: busyTimeoutMs }));
    try {
      translated(file, () => this.#prepare(file));
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  all<R>(sql: string, ...values: SQLInputValue[]): readonly R[] {
    return this.#statement(sql).all(...values) as R[];
  }

  get<R>(sql: string, ...values: SQLInputValue[]): R | undefined {
    return this.#statement(sql).get(...values) as R | undefined;
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  transact<T>(work: (session: SqlSession) => T): T {
    return translated(this.#db.location() ?? 'state', () => {
      try {
        return this.#commit(work);
      } catch (error) {
        if (!isSqliteError(error) || primaryCode(error) !== SQLITE_FULL) throw error;
        // Once the log is in the file its own space is written again from the start: work that frees space needs no more.
        this.#db.exec('PRAGMA wal_checkpoint(RESTART)');
        return this.#commit(work);
      }
    });
  }

  #commit<T>(work: (session: SqlSession) => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work(this);
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some faults; a second rollback would hide the first error.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** The next commit of the other kind takes it along to the medium. */
  hint<T>(work: (session: SqlSession) => T): T {
    this.#db.exec('PRAGMA synchronous=NORMAL');
    try {
      return this.transact(work);
    } finally {
      this.#db.exec('PRAGMA synchronous=FULL');
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #prepare(file: string): void {
    const { version } = this.get<{ version: string }>('SELECT sqlite_version() AS version') ?? { version: '0' };
    if (isOlder(version, SQLITE_VERSION_MIN)) throw versionError(version);
    const format = this.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
    if (format > STATE_FORMAT) throw formatError(file, format);
    const mode = this.get<{ journal_mode: string }>('PRAGMA journal_mode=WAL')?.journal_mode;
    this.#db.exec('PRAGMA synchronous=FULL');
    const level = this.get<{ synchronous: number }>('PRAGMA synchronous')?.synchronous;
    if (mode !== 'wal' || level !== 2) throw durabilityError(file, mode, level);
    const check = this.get<{ quick_check: string }>('PRAGMA quick_check(1)')?.quick_check;
    if (check !== 'ok') throw corruptError(file, check ?? 'no answer');
    this.transact(() => {
      this.#db.exec(`${STATE_SCHEMA} PRAGMA user_version=${STATE_FORMAT};`);
      for (const added of ADDED_COLUMNS) this.#addColumn(added);
    });
    // Moved out of the log now, it needs no space for that once the disk is full.
    if (format === 0) this.#db.exec('PRAGMA wal_checkpoint(RESTART)');
  }

  #addColumn({ table, column, type }: (typeof ADDED_COLUMNS)[number]): void {
    const known = this.get('SELECT 1 FROM pragma_table_info(?) WHERE name = ?', table, column);
    if (!known) this.#db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}

function isCorrupt(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'STORAGE_CORRUPT';
}

/** Runs `call` and turns SQLite's errors into StorageError; other errors pass. */
function translated<T>(file: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw isSqliteError(error) ? storageError(file, error) : error;
  }
}

interface SqliteError extends Error {
  readonly errcode: number;
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

type Fault = readonly [code: string, retryable: boolean, hint: string];

const DENIED: Fault = ['STORAGE_DENIED', false, 'Check owner and permissions of the file and its directory.'];
const CORRUPT: Fault = ['STORAGE_CORRUPT', true, 'The file is set aside and filled again from the store.'];
const BUSY: Fault = ['STORAGE_BUSY', true, 'Another process holds the state file; try again.'];
const IO: Fault = ['STORAGE_IO', true, 'The disk reported an error; check the system log.'];

const SQLITE_FULL = 13;

function primaryCode(error: SqliteError): number {
  return error.errcode & 0xff;
}

/** By SQLite's primary result code. */
const FAULTS: ReadonlyMap<number, Fault> = new Map<number, Fault>([
  [3, DENIED],
  [5, BUSY],
  [6, BUSY],
  [8, DENIED],
  [10, IO],
  [11, CORRUPT],
  [SQLITE_FULL, ['STORAGE_FULL', true, 'Free some space on this disk; work resumes by itself.']],
  [14, DENIED],
  [23, DENIED],
  [26, CORRUPT],
]);

function storageError(file: string, error: SqliteError): StorageError {
  const [code, retryable, hint] = FAULTS.get(primaryCode(error)) ?? IO;
  return new StorageError(code, `${file}: ${error.message} (SQLite ${error.errcode})`, {
    hint,
    retryable,
    cause: error,
  });
}

function corruptError(file: string, found: string): StorageError {
  const [code, retryable, hint] = CORRUPT;
  return new StorageError(code, `${file}: ${found}`, { hint, retryable });
}

function versionError(version: string): StorageError {
  return new StorageError('STORAGE_UNSUPPORTED', `SQLite ${version} can corrupt a shared state file`, {
    hint: `Use a Node.js whose SQLite is ${SQLITE_VERSION_MIN} or newer.`,
  });
}

function formatError(file: string, format: number): StorageError {
  return new StorageError(
    'STORAGE_NEWER_FORMAT',
    `${file} has format ${format}, this version knows ${STATE_FORMAT}`,
    {
      hint: 'It was written by a newer version; use that one. The file was not touched.',
    },
  );
}

function durabilityError(file: string, mode: string | undefined, level: number | undefined): StorageError {
  return new StorageError('STORAGE_UNSUPPORTED', `${file}: journal_mode is ${mode}, synchronous is ${level}`, {
    hint: 'The state file must be on a local disk where SQLite can use WAL and synchronous=FULL.',
  });
}

function closedError(file: string): StorageError {
  return new StorageError('STORAGE_CLOSED', `${file} is closed`, { hint: 'Open it again.' });
}
