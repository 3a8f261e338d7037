/** Opens one side of `tierfall diff`: its format by the ending of its name, its rows as a source. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BatchInput, Format } from '../core/batch.ts';
import { InputError } from '../core/errors.ts';
import { batchSource, columnsSource, type RecordSource } from '../diff/record-source.ts';
import { readBatches } from '../ingress/files.ts';
import { type OpenTable, openArrow, openParquetFile } from './diff-tables.ts';
import { formatOf } from './input-format.ts';

export const DIFF_FORMATS = ['ndjson', 'json', 'csv', 'line-protocol', 'arrow-ipc', 'parquet'] as const;
export type DiffFormat = (typeof DIFF_FORMATS)[number];

const TABLES: Readonly<Record<string, OpenTable>> = { 'arrow-ipc': openArrow, parquet: openParquetFile };

export interface DiffSideOptions {
  readonly cwd: string;
  /** @default by the ending of the name */
  readonly format: DiffFormat | undefined;
  readonly signal: AbortSignal;
  /** Longest record. */
  readonly recordBytesMax: number;
}

/** An input without a record is an empty set, not an error: everything on the other side is then added or removed. */
async function* inputsOf(
  batches: AsyncIterable<{ readonly input: BatchInput }>,
): AsyncGenerator<BatchInput, void> {
  try {
    for await (const { input } of batches) yield input;
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'INPUT_EMPTY') throw error;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/**
 * @param input a path, or `-` for standard input
 * @throws ConfigError when nothing tells the format; InputError for a table that cannot be read
 */
export async function openDiffSide(input: string, options: DiffSideOptions): Promise<RecordSource> {
  const { cwd, signal, recordBytesMax } = options;
  const format = formatOf(input, options.format, undefined);
  const path = input === '-' ? '-' : resolve(cwd, input);
  const bytes = path === '-' ? undefined : await sizeOf(path);
  const openTable = TABLES[format];
  if (openTable) {
    const { columns, parts } = await openTable(path);
    return columnsSource(input, columns, parts(), bytes);
  }
  const batches = readBatches({ input: path, format: format as Format, signal, recordBytesMax });
  return batchSource(input, format as Format, inputsOf(batches), bytes);
}
