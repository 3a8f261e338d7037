/**
 * The demo's warehouse as an outsider sees it: takes it away, and reads it back. Nothing of the pipeline is used.
 */
import { DatabaseSync } from 'node:sqlite';

export type WarehouseCell = string | number | bigint | Uint8Array | null;

export interface WarehouseRow {
  readonly key: string;
  /** By column, the key column left out. */
  readonly cells: ReadonlyMap<string, WarehouseCell>;
}

const LOCK_TIMEOUT_MS = 5_000;
const KEY_COLUMN = 'tierfall_key';

/**
 * Takes the write lock and keeps it: every other connection is told that the database is locked.
 * @returns gives it back; safe to call twice
 */
export function takeAway(file: string): () => void {
  const database = new DatabaseSync(file, { timeout: LOCK_TIMEOUT_MS });
  database.exec('BEGIN EXCLUSIVE');
  return () => {
    if (database.isOpen) database.close();
  };
}

/** All rows of a table; none when there is no such table. Integers are bigint, so that none loses a digit. */
export function readWarehouse(file: string, table: string): readonly WarehouseRow[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: LOCK_TIMEOUT_MS });
  try {
    const exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table);
    if (exists === undefined) return [];
    const rows = database.prepare(`SELECT * FROM "${table.replaceAll('"', '""')}"`);
    rows.setReadBigInts(true);
    return rows.all().map((row) => {
      const { [KEY_COLUMN]: key, ...cells } = row;
      return { key: String(key), cells: new Map(Object.entries(cells)) };
    });
  } finally {
    database.close();
  }
}
