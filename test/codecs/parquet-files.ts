import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type ByteSource, openParquet } from '../../src/codecs/parquet.ts';
import type { Cell } from '../../src/core/columns.ts';

/** Bytes as a source; of the slice, so that nothing outside of it can be read by mistake. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  const copy = Uint8Array.from(bytes);
  return { byteLength: copy.length, slice: (start, end) => copy.buffer.slice(start, end) };
}

/** Runs the statements and returns what `copy … to 'FILE'` in the last one wrote. */
export async function duckdbParquet(...statements: readonly string[]): Promise<Uint8Array> {
  const dir = await mkdtemp(join(tmpdir(), 'tierfall-parquet-'));
  try {
    const file = join(dir, 'file.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    for (const statement of statements) await connection.run(statement.replace('FILE', file));
    connection.closeSync();
    return await readFile(file);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Every cell of a file, by column. */
export async function readColumns(bytes: Uint8Array): Promise<Record<string, Cell[]>> {
  const file = await openParquet(sourceOf(bytes));
  const cells = Object.fromEntries(file.columns.map(({ name }) => [name, [] as Cell[]]));
  for (let group = 0; group < file.rowGroups; group += 1) {
    const { rows, columns, vectors } = await file.readRowGroup(group);
    columns.forEach(({ name }, at) => {
      for (let row = 0; row < rows.length; row += 1) cells[name]?.push(vectors[at]?.at(row) ?? null);
    });
  }
  return cells;
}
