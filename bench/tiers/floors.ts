/**
 * The floors: the same rows or bytes with nothing of ours round them. What a floor is given beyond the body
 * (decoded cells, keys, split lines) is made before its clock starts.
 */
import { open } from 'node:fs/promises';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Batch, framer } from '../../src/index.ts';
import type { Running } from './measure.ts';
import { SCHEMA } from './workload.ts';

const STREAM = 'bench';

function batchOf(body: Uint8Array): Batch {
  return new Batch({ body, format: 'ndjson' }, STREAM, framer, 0);
}

/** Work that blocks, measured from when a lane asked for it, as a call into an engine is. */
async function timed(work: () => void): Promise<number> {
  const started = performance.now();
  await undefined;
  work();
  return performance.now() - started;
}

const STORAGE: Readonly<Record<string, string>> = {
  bool: 'INTEGER',
  int: 'INTEGER',
  bigint: 'INTEGER',
  float: 'REAL',
};

function linesOf(body: Uint8Array): readonly string[] {
  return Buffer.from(body).toString('utf8').trimEnd().split('\n');
}

/** The cells that the sink binds for the same row. A number would be bound as REAL, hence the bigint. */
function cellsOf(line: string, row: number, batch: Batch): SQLInputValue[] {
  const record: Readonly<Record<string, string | number | boolean | null>> = JSON.parse(line);
  const cells = SCHEMA.columns.map(({ name, type }): SQLInputValue => {
    const cell = record[name] ?? null;
    if (cell === null || typeof cell === 'string') return cell;
    return type === 'float' ? Number(cell) : BigInt(cell);
  });
  return [batch.rowKey(row), ...cells];
}

/** One transaction per batch through one prepared INSERT; WAL and FULL as in the sink. */
export async function sqliteTransaction(directory: string): Promise<Running> {
  const database = new DatabaseSync(`${directory}/floor.db`);
  const cells = SCHEMA.columns.map(({ name, type }) => `"${name}" ${STORAGE[type] ?? 'TEXT'}`);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec(`CREATE TABLE readings (key TEXT NOT NULL PRIMARY KEY, ${cells.join(', ')}) STRICT`);
  const insert = database.prepare(`INSERT INTO readings VALUES (?${', ?'.repeat(cells.length)})`);
  return {
    take: (body) => {
      const batch = batchOf(body);
      const rows = linesOf(body).map((line, row) => cellsOf(line, row, batch));
      return timed(() => {
        database.exec('BEGIN IMMEDIATE');
        for (const row of rows) insert.run(...row);
        database.exec('COMMIT');
      });
    },
    close: async () => database.close(),
  };
}

/** The same bytes appended to one file, each batch with a write and an fdatasync of its own. */
export async function writeFdatasync(directory: string): Promise<Running> {
  const file = await open(`${directory}/floor.bytes`, 'ax');
  return {
    take: async (body) => {
      const started = performance.now();
      await file.write(body);
      await file.datasync();
      return performance.now() - started;
    },
    close: () => file.close(),
  };
}

/** Line by line, from strings. */
export async function jsonParse(): Promise<Running> {
  return {
    take: (body) => {
      const lines = linesOf(body);
      return timed(() => {
        for (const line of lines) JSON.parse(line);
      });
    },
    close: async () => undefined,
  };
}

/** No floor but a part: framing, decoding and the strict check, from bytes to columns. */
export async function schemaCheck(): Promise<Running> {
  return {
    take: (body) => {
      const batch = batchOf(body);
      return timed(() => {
        if (SCHEMA.check(batch, 'all').residue.length > 0) throw new Error('a row did not conform');
      });
    },
    close: async () => undefined,
  };
}
