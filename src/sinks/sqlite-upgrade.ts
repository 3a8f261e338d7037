/**
 * Replaces rows of a table that are still as they were delivered (S5 of the port): the statements, and what one row
 * comes to. Called inside a transaction, so nobody can change the row between the look and the change.
 */
import type { Columns } from '../core/columns.ts';
import { cellEncoder, encodeKey, type SqlValue } from './sqlite-cells.ts';
import { KEY_COLUMN, quoteIdentifier } from './sqlite-table.ts';

interface Statement {
  get(...values: SqlValue[]): Readonly<Record<string, unknown>> | undefined;
  run(...values: SqlValue[]): { readonly changes: number | bigint };
}

/** The part of a connection that is needed here. */
export interface UpgradeConnection {
  prepare(sql: string): Statement;
}

/** What became of a row: `upgraded` also when it was before. */
export type Upgrade = 'upgraded' | 'superseded' | 'absent' | 'ignored';

export interface UpgradePlan {
  readonly table: string;
  readonly full: Columns;
  readonly degraded: Columns;
  readonly keys: readonly string[];
}

/** @returns decides about the row at a position; throws what SQLite throws, or SinkError for a cell it cannot hold */
export function rowUpgrader(
  database: UpgradeConnection,
  { table, full, degraded, keys }: UpgradePlan,
): (position: number) => Upgrade {
  const newer = side(full);
  const older = side(degraded);
  const known = new Set(older.names);
  const added = newer.names.filter((name) => !known.has(name));
  const target = quoteIdentifier(table);
  const key = `${quoteIdentifier(KEY_COLUMN)} = ?`;
  // A column that the degraded version did not have was null; a value there is somebody else's.
  const isOlder = conjunction([...older.names.map(isEqual), ...added.map((name) => `${name} IS NULL`)]);
  const isNewer = conjunction(newer.names.map(isEqual));
  const look = database.prepare(`SELECT ${isNewer} AS newer, ${isOlder} AS older FROM ${target} WHERE ${key}`);
  const changes = newer.names.map((name) => `${name} = ?`).join(', ');
  const change = newer.names.length > 0 && database.prepare(`UPDATE ${target} SET ${changes} WHERE ${key}`);
  return (position) => {
    const rowKey = encodeKey(keys[position] ?? '');
    const cells = newer.cells(position);
    const found = look.get(...cells, ...older.cells(position), rowKey);
    if (found === undefined) return 'absent';
    if (Number(found['newer']) === 1) return 'upgraded';
    if (Number(found['older']) !== 1) return 'superseded';
    return change && Number(change.run(...cells, rowKey).changes) > 0 ? 'upgraded' : 'ignored';
  };
}

/** Quoted names of columns, and the cells of a row as they are bound. */
function side({ columns, vectors }: Columns): {
  readonly names: readonly string[];
  cells(position: number): SqlValue[];
} {
  const encoders = columns.map(cellEncoder);
  return {
    names: columns.map(({ name }) => quoteIdentifier(name)),
    cells: (position) => encoders.map((encode, at) => encode(vectors[at]?.at(position) ?? null)),
  };
}

/** `IS`, because null equals null here. */
function isEqual(name: string): string {
  return `${name} IS ?`;
}

function conjunction(conditions: readonly string[]): string {
  return conditions.length === 0 ? '1' : `(${conditions.join(' AND ')})`;
}
