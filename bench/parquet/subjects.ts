/** What is measured: the floor, our writer, and the peers, each set up as well as it can be for this schema. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { blobValue, type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { COLUMNS, type ObjectColumn } from '../../src/stores/parquet/object-columns.ts';
import { loadObjectWriter } from '../../src/stores/parquet/object-writers.ts';
import { encodeObject } from '../../src/stores/parquet.ts';

export interface Workload {
  readonly entries: readonly JournalEntry[];
  /** All bodies, one after the other. */
  readonly bodies: Uint8Array;
}

export interface Subject {
  readonly label: string;
  /** @returns the bytes it made */
  write(workload: Workload): Promise<number> | number;
  close?(): Promise<void>;
}

const LEVEL_1 = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

const floor: Subject = {
  label: 'zstd -1 of the bodies (floor)',
  write: ({ bodies }) => zstdCompressSync(bodies, LEVEL_1).length,
};

const own: Subject = {
  label: 'tierfall, built-in',
  write: async ({ entries }) => (await encodeObject(entries, {})).bytes,
};

async function parquetjs(): Promise<Subject> {
  const write = await loadObjectWriter('parquetjs-lite');
  return {
    label: 'tierfall, parquetjs-lite (gzip)',
    write: async ({ entries }) => (await encodeObject(entries, {}, { write })).bytes,
  };
}

const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8' } as const;

function schemaElement({ name, kind, optional }: ObjectColumn) {
  const repetition_type = optional ? ('OPTIONAL' as const) : ('REQUIRED' as const);
  if (kind === 'text') return { name, ...TEXT, repetition_type };
  if (kind === 'bytes') return { name, type: 'BYTE_ARRAY' as const, repetition_type };
  return { name, type: 'INT64' as const, repetition_type };
}

function columnSource(column: ObjectColumn, entries: readonly JournalEntry[]): ColumnSource {
  const isInteger = column.kind === 'integer' || column.kind === 'timestamp';
  const data = entries.map((entry) => (isInteger ? BigInt(column.of(entry)) : column.of(entry)));
  const repeats = 'repeats' in column && column.repeats;
  return {
    name: column.name,
    data,
    ...(repeats ? {} : { encoding: 'PLAIN' as const }),
    ...(column.kind === 'bytes' ? { statistics: false } : {}),
  };
}

/** No dictionary where nothing repeats, no statistics on bodies, zstd from Node, one row group. */
const hyparquetWriter: Subject = {
  label: 'hyparquet-writer, tuned',
  write: async ({ entries, bodies }) => {
    const writer = new ByteWriter(bodies.length / 2);
    const parquet = new ParquetWriter({
      writer,
      schema: [{ name: 'root', num_children: COLUMNS.length }, ...COLUMNS.map(schemaElement)],
      codec: 'ZSTD',
      compressors: { ZSTD: (page) => zstdCompressSync(page, LEVEL_1) },
    });
    await parquet.write({
      columnData: COLUMNS.map((column) => columnSource(column, entries)),
      rowGroupSize: entries.length,
    });
    await parquet.finish();
    return writer.getBytes().length;
  },
};

const DUCK_TYPES = { integer: 'BIGINT', timestamp: 'BIGINT', text: 'VARCHAR', bytes: 'BLOB' } as const;

/** Appended to a table before the clock starts: what is timed is COPY to a file and reading the file. */
async function duckdb(): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'tierfall-bench-'));
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const tables = new Map<Workload, string>();
  const file = join(directory, 'out.parquet');
  return {
    label: 'DuckDB COPY, zstd 1',
    write: async (workload) => {
      const table = tables.get(workload) ?? (await fillTable(connection, `t${tables.size}`, workload.entries));
      tables.set(workload, table);
      await connection.run(
        `copy ${table} to '${file}' (format parquet, compression zstd, compression_level 1)`,
      );
      return (await readFile(file)).length;
    },
    close: async () => {
      connection.closeSync();
      await rm(directory, { recursive: true });
    },
  };
}

async function fillTable(
  connection: DuckDBConnection,
  table: string,
  entries: readonly JournalEntry[],
): Promise<string> {
  const columns = COLUMNS.map(({ name, kind }) => `"${name}" ${DUCK_TYPES[kind]}`);
  await connection.run(`create table ${table} (${columns.join(', ')})`);
  const appender = await connection.createAppender(table);
  for (const entry of entries) {
    for (const column of COLUMNS) {
      const value = column.of(entry);
      if (value === null) appender.appendNull();
      else if (typeof value === 'string') appender.appendVarchar(value);
      else if (typeof value === 'number') appender.appendBigInt(BigInt(value));
      else appender.appendBlob(blobValue(value).bytes);
    }
    appender.endRow();
  }
  appender.closeSync();
  return table;
}

export interface Subjects {
  readonly floor: Subject;
  readonly own: Subject;
  readonly peers: readonly Subject[];
}

export async function openSubjects(): Promise<Subjects> {
  return { floor, own, peers: [hyparquetWriter, await duckdb(), await parquetjs()] };
}
