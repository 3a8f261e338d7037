/** The database of the SQLite sink: opened so that a commit survives a power cut, and looked at. */
import { DatabaseSync } from 'node:sqlite';
import { SinkError } from '../core/errors.ts';
import { TABLE_COLUMNS, type TableColumn } from './sqlite-table.ts';

/** @param timeout how long SQLite waits for a lock, in milliseconds @throws SinkError when a commit could be lost */
export function openDatabase(file: string, timeout: number, bytesMax: number | undefined): DatabaseSync {
  const database = new DatabaseSync(file, { timeout });
  try {
    if (database.prepare('PRAGMA journal_mode').get()?.['journal_mode'] !== 'wal') {
      // Switching to WAL fails at once when somebody writes; taking the write lock first waits for them.
      database.exec('BEGIN IMMEDIATE; ROLLBACK; PRAGMA journal_mode = WAL');
    }
    database.exec('PRAGMA synchronous = FULL');
    const level = database.prepare('PRAGMA synchronous').get()?.['synchronous'];
    if (level !== 2) {
      throw new SinkError('unavailable', `synchronous is ${String(level)}, not FULL: a commit could be lost`);
    }
    if (bytesMax !== undefined) {
      const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
      database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(bytesMax / pageBytes))}`);
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** No columns when there is no such table. */
export function readTable(database: DatabaseSync, table: string): readonly TableColumn[] {
  const rows = database.prepare(TABLE_COLUMNS).all(table);
  return rows.map((row) => ({ name: String(row['name']), type: String(row['type']) }));
}
