/**
 * Records as rows of one SQLite table; the owner of node:sqlite among the sinks.
 *
 * Q1 nothing is awaited between BEGIN and COMMIT: concurrent writes share the connection, and a transaction where they come
 * in one turn (sqlite-group.ts). Q2 a row is reported
 * as landed only after its COMMIT, with synchronous=FULL. Q3 a row that failed alone is named, and the rest of
 * its transaction commits. Q4 a column is never dropped, and no value is changed to fit. Q5 a row the table
 * swallowed without an error (ON CONFLICT IGNORE, a trigger) is not taken for a row that is held. Q6 every
 * transaction makes sure that the table fits: by looking, or because SQLite's schema version has not moved since.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import type { Column, Columns } from '../core/columns.ts';
import { SinkError } from '../core/errors.ts';
import { columnsOf } from './request-input.ts';
import { type RowFailure, residuesOf } from './row-failures.ts';
import type { Sink, UpgradeRequest, UpgradeResult, WriteRequest, WriteResult } from './sink.ts';
import { cellEncoder, encodeKey, type SqlValue } from './sqlite-cells.ts';
import { openDatabase, readTable } from './sqlite-database.ts';
import { isBusy, isRowFault, spoilsConnection, translateSqliteError } from './sqlite-errors.ts';
import { type Write, WriteGroup } from './sqlite-group.ts';
import { checkOptions, type SqliteSinkOptions } from './sqlite-options.ts';
import {
  checkColumnNames,
  countStatement,
  fitTable,
  insertStatement,
  KEY_COLUMN,
  lookupStatement,
} from './sqlite-table.ts';
import { rowUpgrader, type UpgradePlan } from './sqlite-upgrade.ts';
import { degradedOf, type Judged, upgradeResultOf } from './upgrade-result.ts';

export type { SqliteSinkOptions };

export interface SqliteSink extends Sink {
  upgrade(request: UpgradeRequest): Promise<UpgradeResult>;
  lookup(keys: readonly string[]): Promise<ReadonlySet<string>>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

const ROWS_PER_TRANSACTION = 5_000;
const KEYS_PER_LOOKUP = 500;
// SQLite waits by blocking the event loop, so without a clock it waits in slices with a turn of the loop between.
const BUSY_SLICE_MS = 20;

/**
 * Opens nothing until the first write or lookup. A request of more than 5,000 rows is several transactions
 * with a turn of the event loop between; keys are idempotent, so a partial commit is safe to write again. When
 * a later transaction fails or the signal is aborted, the rows not yet committed are the residue.
 *
 * `bool` is stored as 0/1, `timestamp` as ISO 8601 UTC text, `decimal` and `date` as text, integers exactly. An
 * existing table without `tierfall_key` is given that column and a unique index on it.
 * @throws ConfigError for an unusable file or table name
 */
export function sqliteSink(options: SqliteSinkOptions): SqliteSink {
  checkOptions(options);
  return new TableSink(options);
}

/** What requests with the same columns have in common. */
interface Shape {
  readonly columns: readonly Column[];
  readonly mode: WriteRequest['mode'];
  readonly insert: string;
  readonly encoders: readonly ReturnType<typeof cellEncoder>[];
}

/** One request, ready to be written. */
interface Plan {
  readonly shape: Shape;
  readonly vectors: Columns['vectors'];
  readonly keys: readonly string[];
}

/** Positions `from` to before `to` of a plan. */
interface Part extends Write {
  readonly plan: Plan;
  readonly from: number;
  readonly to: number;
}

/** Prepared on this connection for a table that fits, and good for as long as the schema version stays. */
interface Statements {
  readonly shape: Shape;
  readonly version: unknown;
  readonly insert: StatementSync;
  readonly check: StatementSync;
}

/** Prepared on this connection for so many keys, and good for as long as the schema version stays. */
interface Lookup {
  readonly keys: number;
  readonly version: unknown;
  readonly find: StatementSync;
  readonly count: StatementSync;
}

class TableSink implements SqliteSink {
  readonly name: string;
  readonly accepts = 'columns';
  readonly idempotent = true;
  readonly settlesOnAbort = true;
  readonly #options: SqliteSinkOptions;
  readonly #busyTimeoutMs: number;
  readonly #group: WriteGroup<Part>;
  #database: DatabaseSync | undefined;
  #schemaVersion: StatementSync | undefined;
  #statements: Statements | undefined;
  #lookup: Lookup | undefined;
  #shape: Shape | undefined;
  #identity: string | undefined;
  #closed = false;

  constructor(options: SqliteSinkOptions) {
    this.name = options.name ?? `sqlite:${options.table}`;
    this.#options = options;
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 5_000;
    this.#group = new WriteGroup({
      rowsMax: ROWS_PER_TRANSACTION,
      commit: (wanted) => this.#commit(wanted),
      aborted: () => abortedBefore(this.name),
    });
  }

  async write(request: WriteRequest): Promise<WriteResult | undefined> {
    const plan = this.#plan(request);
    const count = plan.keys.length;
    const failures: RowFailure[] = [];
    for (let from = 0; from < count; from += ROWS_PER_TRANSACTION) {
      const to = Math.min(from + ROWS_PER_TRANSACTION, count);
      try {
        failures.push(...(await this.#group.add({ plan, from, to, rows: to - from, signal: request.signal })));
      } catch (error) {
        if (!(error instanceof SinkError) || from === 0) throw error;
        // Rows before this one are committed, so the failure is theirs no more.
        for (let position = from; position < count; position += 1) {
          failures.push({ position, reason: error.reason, detail: error.message, whole: true });
        }
        break;
      }
    }
    return failures.length === 0 ? undefined : { residue: residuesOf(failures, request.rows, count) };
  }

  async upgrade(request: UpgradeRequest): Promise<UpgradeResult> {
    const full = columnsOf(request, this.name);
    const degraded = columnsOf(degradedOf(request), this.name);
    const plan = { table: this.#options.table, full, degraded, keys: request.keys };
    const judged: Judged[] = [];
    const isAborted = (): boolean => request.signal.aborted;
    for (let from = 0; from < plan.keys.length; from += ROWS_PER_TRANSACTION) {
      if (from > 0) await yieldToLoop();
      const to = Math.min(from + ROWS_PER_TRANSACTION, plan.keys.length);
      judged.push(
        ...(await this.#transact(isAborted, (database) => this.#upgradeRows(database, plan, from, to))),
      );
    }
    return upgradeResultOf(judged, request);
  }

  async lookup(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const held = new Set<string>();
    // Ill-formed text would be looked up as U+FFFD and could match a key that was never asked for.
    const storable = keys.filter((key) => key.isWellFormed());
    for (let from = 0; from < storable.length; from += KEYS_PER_LOOKUP) {
      if (from > 0) await yieldToLoop();
      const chunk = storable.slice(from, from + KEYS_PER_LOOKUP);
      for (const key of await this.#attempt(NEVER, (database) => this.#held(database, chunk))) held.add(key);
    }
    return held;
  }

  /** Closes the connection; the next call opens a new one. */
  async reset(): Promise<void> {
    this.#disconnect();
  }

  /** Closes for good; calls after it fail with `unavailable`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#disconnect();
  }

  #plan(request: WriteRequest): Plan {
    const { columns, vectors } = columnsOf(request, this.name);
    return { shape: this.#shapeOf(columns, request.mode), vectors, keys: request.keys };
  }

  /** The last one again where it can be: batch after batch has the columns of one schema. */
  #shapeOf(columns: readonly Column[], mode: WriteRequest['mode']): Shape {
    const last = this.#shape;
    if (last?.mode === mode && isSame(last.columns, columns)) return last;
    checkColumnNames(columns, this.#options.table);
    const insert = insertStatement(this.#options.table, columns, mode);
    this.#shape = { columns, mode, insert, encoders: columns.map(cellEncoder) };
    return this.#shape;
  }

  #commit(wanted: () => readonly Part[]): Promise<ReadonlyMap<Part, readonly RowFailure[]>> {
    const isAborted = (): boolean => wanted().length === 0;
    return this.#transact(isAborted, (database) => {
      const parts = wanted().map(
        (part) => [part, this.#insert(database, part.plan, part.from, part.to)] as const,
      );
      return new Map(parts);
    });
  }

  #transact<T>(isAborted: () => boolean, work: (database: DatabaseSync) => T): Promise<T> {
    return this.#attempt(isAborted, (database) => {
      let committing = false;
      try {
        database.exec('BEGIN IMMEDIATE');
        const result = work(database);
        committing = true;
        database.exec('COMMIT');
        return result;
      } catch (error) {
        throw isBusy(error) ? error : translateSqliteError(error, this.name, committing);
      }
    });
  }

  /** Runs `work` in one go, again while the database is busy and the time for that has not run out. */
  async #attempt<T>(isAborted: () => boolean, work: (database: DatabaseSync) => T): Promise<T> {
    const { clock } = this.#options;
    const startedMs = clock?.now() ?? 0;
    for (let attempts = 1; ; attempts += 1) {
      if (isAborted()) throw abortedBefore(this.name);
      try {
        return work(this.#connect());
      } catch (error) {
        if (this.#isSpoilt(error)) this.#disconnect();
        const waitedMs = clock ? clock.now() - startedMs : attempts * BUSY_SLICE_MS;
        if (!isBusy(error) || waitedMs >= this.#busyTimeoutMs) throw translateSqliteError(error, this.name);
      }
      if (clock) await pause(clock);
      else await yieldToLoop();
    }
  }

  #insert(database: DatabaseSync, plan: Plan, from: number, to: number): RowFailure[] {
    const statements = this.#prepare(database, plan.shape);
    const failures: RowFailure[] = [];
    for (let position = from; position < to; position += 1) {
      const detail = insertRow(database, statements, plan, position);
      if (detail !== undefined) failures.push({ position, reason: 'refused', detail });
    }
    return failures;
  }

  /** Makes the table fit. Called inside the transaction, so that nobody can change the table before the rows are in. */
  #prepare(database: DatabaseSync, shape: Shape): Statements {
    const version = this.#readVersion(database);
    const last = this.#statements;
    if (last?.shape === shape && last.version === version) return last;
    const { table, addColumns = true } = this.#options;
    const changes = fitTable(table, readTable(database, table), shape.columns, addColumns);
    for (const statement of changes) database.exec(statement);
    const insert = database.prepare(shape.insert);
    const statements = { shape, version, insert, check: database.prepare(lookupStatement(table, 1)) };
    // What was changed here may be rolled back yet, and somebody else's change may then get the same version.
    if (changes.length === 0) this.#statements = statements;
    return statements;
  }

  #upgradeRows(database: DatabaseSync, plan: UpgradePlan, from: number, to: number): readonly Judged[] {
    const { table, addColumns = true } = this.#options;
    const existing = readTable(database, table);
    if (existing.length === 0) return Array.from({ length: to - from }, () => 'absent');
    fitTable(table, existing, plan.degraded.columns, false);
    checkColumnNames(plan.full.columns, table);
    for (const statement of fitTable(table, existing, plan.full.columns, addColumns)) database.exec(statement);
    const upgradeRow = rowUpgrader(database, plan);
    return Array.from({ length: to - from }, (_, at) => {
      try {
        const verdict = upgradeRow(from + at);
        return verdict === 'ignored' ? { detail: IGNORED } : verdict;
      } catch (error) {
        return { detail: rowFaultOf(error, database) };
      }
    });
  }

  #held(database: DatabaseSync, keys: readonly string[]): readonly string[] {
    const lookup = this.#prepareLookup(database, keys.length);
    if (!lookup) return [];
    // The keys of a table are unique: as many as were asked for are all of them, and need not be read.
    if (lookup.count.get(...keys)?.['held'] === keys.length) return keys;
    return lookup.find.all(...keys).map((row) => String(row['held']));
  }

  /** Undefined where no key is held: a table that does not exist yet, or was never written to by this sink. */
  #prepareLookup(database: DatabaseSync, keys: number): Lookup | undefined {
    const version = this.#readVersion(database);
    const last = this.#lookup;
    if (last?.keys === keys && last.version === version) return last;
    const { table } = this.#options;
    const columns = readTable(database, table).map(({ name }) => name.toLowerCase());
    if (!columns.includes(KEY_COLUMN)) return undefined;
    const find = database.prepare(lookupStatement(table, keys));
    const count = database.prepare(countStatement(table, keys));
    this.#lookup = { keys, version, find, count };
    return this.#lookup;
  }

  #readVersion(database: DatabaseSync): unknown {
    this.#schemaVersion ??= database.prepare('PRAGMA schema_version');
    return this.#schemaVersion.get()?.['schema_version'];
  }

  #connect(): DatabaseSync {
    if (this.#closed) {
      throw new SinkError('unavailable', `${this.name}: the sink is closed`, {
        hint: 'Create a new sink.',
        retryable: false,
      });
    }
    const identity = this.#options.identityOf?.(this.#options.file);
    if (this.#database !== undefined && identity !== this.#identity) this.#disconnect();
    if (this.#database === undefined) {
      this.#database = openDatabase(
        this.#options.file,
        this.#options.clock ? 0 : Math.min(BUSY_SLICE_MS, this.#busyTimeoutMs),
        this.#options.bytesMax,
      );
      this.#identity = this.#options.identityOf?.(this.#options.file);
    }
    return this.#database;
  }

  // Closing rolls back, also where ROLLBACK itself would fail and every later BEGIN with it.
  #isSpoilt(error: unknown): boolean {
    const cause = error instanceof SinkError ? error.cause : error;
    return spoilsConnection(cause) || this.#database?.isTransaction === true;
  }

  #disconnect(): void {
    const database = this.#database;
    this.#database = undefined;
    this.#schemaVersion = undefined;
    this.#statements = undefined;
    this.#lookup = undefined;
    database?.close();
  }
}

const NEVER = (): boolean => false;

function abortedBefore(name: string): SinkError {
  return new SinkError('unavailable', `${name}: aborted before the write`);
}

function isSame(some: readonly Column[], others: readonly Column[]): boolean {
  return some.length === others.length && some.every((column, at) => column === others[at]);
}

/** @returns why the row is not in, or undefined when it is */
function insertRow(
  database: DatabaseSync,
  { insert, check }: Statements,
  { shape, vectors, keys }: Plan,
  position: number,
): string | undefined {
  try {
    const key = encodeKey(keys[position] ?? '');
    const cells: SqlValue[] = [key];
    for (let at = 0; at < shape.encoders.length; at += 1) {
      cells.push(shape.encoders[at]?.(vectors[at]?.at(position) ?? null) ?? null);
    }
    if (Number(insert.run(...cells).changes) > 0 || check.get(key) !== undefined) return undefined;
    return IGNORED;
  } catch (error) {
    return rowFaultOf(error, database);
  }
}

const IGNORED = 'the table ignored the row: look for ON CONFLICT IGNORE or a trigger';

/** The words of a fault that is the row's own. @throws any other error */
function rowFaultOf(error: unknown, database: DatabaseSync): string {
  // Without its transaction the rows before this one are gone too (ON CONFLICT ROLLBACK): that is no row fault.
  if (!database.isTransaction || !isRowFault(error)) throw error;
  return error instanceof Error ? error.message : String(error);
}

function pause(clock: Pick<Clock, 'schedule'>): Promise<void> {
  return new Promise((resolve) => clock.schedule(BUSY_SLICE_MS, resolve, { keepAlive: true }));
}
