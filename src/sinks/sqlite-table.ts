/**
 * The SQL of the target table, and what about a table or its columns makes an exact write impossible. Pure
 * text: the connection lives with the sink.
 */
import type { Column, ColumnType } from '../core/columns.ts';
import { SinkError } from '../core/errors.ts';

/** The column that holds the record key, and makes writing twice harmless. */
export const KEY_COLUMN = 'tierfall_key';

/** A column as the table has it; `type` is as declared, '' when it was not. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
}

type StorageClass = 'INTEGER' | 'REAL' | 'TEXT' | 'BLOB';

const STORAGE_CLASS: Readonly<Record<ColumnType, StorageClass>> = {
  bool: 'INTEGER',
  int: 'INTEGER',
  bigint: 'INTEGER',
  float: 'REAL',
  decimal: 'TEXT',
  text: 'TEXT',
  json: 'TEXT',
  bytes: 'BLOB',
  date: 'TEXT',
  timestamp: 'TEXT',
};

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** SQLite compares names without regard to ASCII case, and only ASCII. */
function foldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** @throws SinkError `refused` when these columns cannot be the columns of one table */
export function checkColumnNames(columns: readonly Column[], table: string): void {
  const seen = new Map([[KEY_COLUMN, KEY_COLUMN]]);
  for (const { name } of columns) {
    if (name.includes('\0') || !name.isWellFormed()) {
      throw refuse(table, `column name ${JSON.stringify(name)} cannot be written in SQL`, 'Rename the field.');
    }
    const other = seen.get(foldName(name));
    if (other !== undefined) {
      throw refuse(
        table,
        `columns ${JSON.stringify(other)} and ${JSON.stringify(name)} have one name in SQLite`,
        `Rename one of the fields: SQLite ignores case in names, and ${KEY_COLUMN} is the sink's own.`,
      );
    }
    seen.set(foldName(name), name);
  }
}

/**
 * The statements that make the table fit, none when it does.
 * @throws SinkError `refused` naming the column that is missing (without `addColumns`) or would change values
 */
export function fitTable(
  table: string,
  existing: readonly TableColumn[],
  columns: readonly Column[],
  addColumns: boolean,
): readonly string[] {
  if (existing.length === 0) return [createTable(table, columns)];
  const types = new Map(existing.map(({ name, type }) => [foldName(name), type]));
  const missing: string[] = [];
  const statements: string[] = [];
  if (!types.has(KEY_COLUMN)) {
    missing.push(KEY_COLUMN);
    statements.push(addColumn(table, KEY_COLUMN, 'TEXT'), createKeyIndex(table));
  }
  for (const column of columns) {
    const declared = types.get(foldName(column.name));
    if (declared === undefined) {
      missing.push(column.name);
      statements.push(addColumn(table, column.name, STORAGE_CLASS[column.type]));
    } else if (!holdsExactly(declared, column.type)) {
      throw refuse(
        table,
        `column ${JSON.stringify(column.name)} is declared ${declared}, which would change ${column.type} values`,
        `Give the table a column of type ${STORAGE_CLASS[column.type]}, or the field another type or name.`,
      );
    }
  }
  if (missing.length > 0 && !addColumns) {
    const names = missing.map((name) => JSON.stringify(name)).join(', ');
    throw refuse(table, `the table has no column ${names}`, 'Add it, or allow addColumns.');
  }
  return statements;
}

/** `mode` decides what becomes of a row whose key is held: nothing, or all its columns are replaced. */
export function insertStatement(table: string, columns: readonly Column[], mode: 'insert' | 'upgrade'): string {
  const key = quoteIdentifier(KEY_COLUMN);
  const names = columns.map(({ name }) => quoteIdentifier(name));
  const updates = names.map((name) => `${name} = excluded.${name}`).join(', ');
  const onConflict = mode === 'insert' || updates === '' ? 'DO NOTHING' : `DO UPDATE SET ${updates}`;
  const places = ['?', ...names.map(() => '?')].join(', ');
  return `INSERT INTO ${quoteIdentifier(table)} (${[key, ...names].join(', ')}) VALUES (${places}) ON CONFLICT(${key}) ${onConflict}`;
}

/** Which of `count` keys are held. */
export function lookupStatement(table: string, count: number): string {
  return `SELECT ${quoteIdentifier(KEY_COLUMN)} AS held ${whereHeld(table, count)}`;
}

/** How many of `count` keys are held, spelt as they are asked for whatever the column takes for equal. */
export function countStatement(table: string, count: number): string {
  return `SELECT count(*) AS held ${whereHeld(table, count, ' COLLATE BINARY')}`;
}

function whereHeld(table: string, count: number, collation = ''): string {
  const places = Array.from({ length: count }, () => '?').join(', ');
  return `FROM ${quoteIdentifier(table)} WHERE ${quoteIdentifier(KEY_COLUMN)}${collation} IN (${places})`;
}

/** Columns of a table, none when there is no such table; parameter: its name. */
export const TABLE_COLUMNS = 'SELECT name, type FROM pragma_table_info(?)';

function createTable(table: string, columns: readonly Column[]): string {
  const parts = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${STORAGE_CLASS[type]}`);
  const key = `${quoteIdentifier(KEY_COLUMN)} TEXT NOT NULL PRIMARY KEY`;
  return `CREATE TABLE ${quoteIdentifier(table)} (${[key, ...parts].join(', ')}) STRICT`;
}

function addColumn(table: string, name: string, type: StorageClass): string {
  return `ALTER TABLE ${quoteIdentifier(table)} ADD COLUMN ${quoteIdentifier(name)} ${type}`;
}

// An added column cannot be UNIQUE by itself; rows that were there before have no key, and NULLs do not clash.
function createKeyIndex(table: string): string {
  const index = quoteIdentifier(`${table}_${KEY_COLUMN}`);
  return `CREATE UNIQUE INDEX ${index} ON ${quoteIdentifier(table)} (${quoteIdentifier(KEY_COLUMN)})`;
}

/**
 * Whether a column of this declared type keeps our values as they are. A column's affinity rewrites what it is
 * given: '007' becomes 7 under INTEGER, 2^53 + 1 loses its last bit under REAL, and 5 becomes '5' under TEXT.
 */
function holdsExactly(declared: string, type: ColumnType): boolean {
  const affinity = affinityOf(declared);
  if (affinity === 'BLOB' || type === 'bytes') return true;
  // Dates and instants never look like numbers, so no affinity touches them.
  if (type === 'date' || type === 'timestamp') return true;
  if (STORAGE_CLASS[type] === 'TEXT') return affinity === 'TEXT';
  if (affinity === 'TEXT') return false;
  return type !== 'bigint' || affinity !== 'REAL';
}

/** SQLite's own rules, in its own order (https://www.sqlite.org/datatype3.html, 3.1). */
function affinityOf(declared: string): StorageClass | 'NUMERIC' {
  const type = declared.toUpperCase();
  if (type.includes('INT')) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'TEXT';
  if (type === '' || type.includes('BLOB')) return 'BLOB';
  if (/REAL|FLOA|DOUB/.test(type)) return 'REAL';
  return 'NUMERIC';
}

function refuse(table: string, message: string, hint: string): SinkError {
  return new SinkError('refused', `table ${JSON.stringify(table)}: ${message}`, { hint, retryable: false });
}
