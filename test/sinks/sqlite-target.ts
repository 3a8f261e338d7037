import { rmSync } from 'node:fs';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import type { Cell, Column, ColumnType } from '../../src/core/columns.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Sink, WriteRequest } from '../../src/sinks/sink.ts';
import { type SqliteSink, type SqliteSinkOptions, sqliteSink } from '../../src/sinks/sqlite-sink.ts';
import { type WriteRequestParts, writeRequest } from '../../src/testing/write-request.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface Target {
  readonly directory: string;
  readonly file: string;
  /** A sink on table `t`, closed with the test. */
  open(options?: Partial<SqliteSinkOptions>): SqliteSink;
  /** Runs SQL on a connection of its own. */
  sql(text: string): void;
  all(query: string): Record<string, SQLOutputValue>[];
  keys(): string[];
}

/** A database file in a fresh directory, removed when the test ends. */
export function sqliteTarget(): Target {
  const directory = temporaryDirectory();
  const file = `${directory}/target.db`;
  const sinks: SqliteSink[] = [];
  onTestFinished(async () => {
    for (const sink of sinks) await sink.close();
    rmSync(directory, { recursive: true });
  });
  const all = (query: string): Record<string, SQLOutputValue>[] => {
    const database = new DatabaseSync(file, { readBigInts: true });
    const rows = database.prepare(query).all();
    database.close();
    return rows.map((row) => ({ ...row }));
  };
  return {
    directory,
    file,
    open: (options) => {
      const sink = sqliteSink({ file, table: 't', ...options });
      sinks.push(sink);
      return sink;
    },
    sql: (text) => {
      const database = new DatabaseSync(file);
      database.exec(text);
      database.close();
    },
    all,
    keys: () => all('SELECT tierfall_key AS k FROM t ORDER BY tierfall_key').map((row) => String(row['k'])),
  };
}

export const column = (name: string, type: ColumnType = 'text'): Column => ({
  name,
  type,
  nullable: true,
  key: false,
});

/** A request of one column `n` (int) holding these cells, keyed k-0, k-1 … */
export function numbers(cells: readonly Cell[], extra: Partial<WriteRequestParts> = {}): WriteRequest {
  return table(
    [column('n', 'int')],
    cells.map((cell) => [cell]),
    extra,
  );
}

export function table(
  columns: readonly Column[],
  cells: readonly (readonly Cell[])[],
  extra: Partial<WriteRequestParts> = {},
): WriteRequest {
  return writeRequest({ columns, cells, keys: cells.map((_, row) => `k-${row}`), ...extra });
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, row) => row);

/** What a write throws, which must be a SinkError. */
export async function failure(sink: Sink, request: WriteRequest): Promise<SinkError> {
  try {
    await sink.write(request);
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
  throw new Error('the write did not fail');
}
