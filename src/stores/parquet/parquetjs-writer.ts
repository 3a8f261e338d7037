/**
 * Objects by parquetjs-lite, for those who want files of a package that others use, too; it is optional and loaded
 * when asked for.
 *
 * What it is kept from, each of it measured: L1 statistics are off for every column: with them it writes a body of
 * 64 MiB as a file of 1 GB, and minima and maxima in the order of decoded text, so that exact lookups by other engines
 * miss rows. L2 integers are safe ones: beyond 2^53 it rounds without a word. L3 it writes to memory: a file of its
 * own ends the process when the disk is full. L4 what it throws, often a text, becomes a StorageError. L5 data pages
 * are of the first version, which older readers want, and have no index, which would point behind the digest.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type * as Library from 'parquetjs-lite';
import { ConfigError, StorageError } from '../../core/errors.ts';
import type { JournalEntry } from '../../journal/journal.ts';
import { COLUMNS, type ObjectColumn } from './object-columns.ts';
import type { WriteObject } from './object-writer.ts';
import { rowGroups } from './row-groups.ts';

/** Smaller than with other writers: it compresses a whole group on the event loop. */
const GROUP_LIMITS = { bytesMax: 2 * 1024 * 1024, rowsMax: 2000 };
const TYPES = { integer: 'INT64', timestamp: 'TIMESTAMP_MILLIS', text: 'UTF8', bytes: 'BYTE_ARRAY' } as const;

type Load = () => Promise<typeof Library & { readonly default?: typeof Library }>;

/**
 * @param load @default the package that is installed
 * @throws ConfigError when there is none
 */
export async function loadParquetjsWriter(load: Load = () => import('parquetjs-lite')): Promise<WriteObject> {
  const library = await loadLibrary(load);
  return async (entries, { keyValues, areBodiesSealed }, push) => {
    try {
      return await write(library, entries, { keyValues, areBodiesSealed }, push);
    } catch (error) {
      throw asStorageError(error);
    }
  };
}

async function loadLibrary(load: Load): Promise<typeof Library> {
  try {
    const module = await load();
    return module.default ?? module;
  } catch (cause) {
    throw new ConfigError(
      'parquet',
      'parquetjs-lite is not installed',
      'Run `npm install parquetjs-lite`, or leave the option out: the built-in writer needs no package.',
      cause,
    );
  }
}

async function write(
  { ParquetSchema, ParquetWriter }: typeof Library,
  entries: readonly JournalEntry[],
  { keyValues, areBodiesSealed }: Parameters<WriteObject>[1],
  push: Parameters<WriteObject>[2],
): Promise<Uint8Array> {
  const sink = new MemorySink();
  const options = { useDataPageV2: false, pageIndex: false, rowGroupSize: GROUP_LIMITS.rowsMax };
  const writer = await ParquetWriter.openStream(new ParquetSchema(fields(areBodiesSealed)), sink, options);
  for (const [key, value] of keyValues) writer.setMetadata(key, value);
  for (const group of rowGroups(entries, GROUP_LIMITS)) {
    writer.setRowGroupSize(group.length);
    for (const entry of group) await writer.appendRow(rowOf(entry));
    for (const bytes of sink.take()) await push(bytes);
    await nextTurn();
  }
  await writer.close();
  const rest = sink.take();
  const footer = rest.pop() ?? new Uint8Array(0);
  for (const bytes of rest) await push(bytes);
  return footer;
}

function fields(areBodiesSealed: boolean): Record<string, Library.Field> {
  return Object.fromEntries(COLUMNS.map((column) => [column.name, fieldOf(column, areBodiesSealed)]));
}

function fieldOf({ kind, optional = false }: ObjectColumn, areBodiesSealed: boolean): Library.Field {
  const compression = kind === 'bytes' && areBodiesSealed ? 'UNCOMPRESSED' : 'GZIP';
  return { type: TYPES[kind], optional, compression, statistics: false };
}

function rowOf(entry: JournalEntry): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const column of COLUMNS) {
    const value = column.of(entry);
    if (value === null) continue;
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new Error(`column ${column.name} holds ${value}, which is no safe integer`);
    }
    row[column.name] = column.kind === 'timestamp' ? new Date(column.of(entry)) : value;
  }
  return row;
}

/** Takes what the library writes; its last write is the footer. */
class MemorySink implements Library.Sink {
  #chunks: Uint8Array[] = [];

  write(bytes: Uint8Array, done: () => void): void {
    this.#chunks.push(bytes);
    done();
  }

  end(done: () => void): void {
    done();
  }

  take(): Uint8Array[] {
    const taken = this.#chunks;
    this.#chunks = [];
    return taken;
  }
}

function asStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new StorageError('STORAGE_ENCODING', `parquetjs-lite could not write an object: ${words}`, {
    hint: 'Leave the option `parquet` out: the built-in writer writes what this package cannot.',
    cause: error,
  });
}
