/** The format of an input: as asked for, as configured, or by the ending of its name. */
import { basename, extname } from 'node:path';
import { parsePointer } from '../codecs/json-pointer.ts';
import { ConfigError } from '../core/errors.ts';
import type { InputFormat } from '../ingress/files.ts';

const BY_ENDING: Readonly<Record<string, InputFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.lp': 'line-protocol',
  '.line': 'line-protocol',
  '.parquet': 'parquet',
  '.arrow': 'arrow-ipc',
  '.arrows': 'arrow-ipc',
  '.feather': 'arrow-ipc',
  '.ipc': 'arrow-ipc',
};

/** @throws ConfigError when nothing tells */
export function formatOf(
  input: string,
  asked: InputFormat | undefined,
  configured: InputFormat | undefined,
): InputFormat {
  const format = asked ?? configured ?? BY_ENDING[extname(input).toLowerCase()];
  if (format) return format;
  const name = input === '-' ? 'standard input' : input;
  throw new ConfigError(
    '--format',
    `is missing, and the name of ${name} does not tell`,
    'For example --format ndjson.',
  );
}

/**
 * Where in an input of that format the records are, as asked for.
 * @throws ConfigError when it is no JSON Pointer, or the format is another one
 */
export function jsonPathOf(format: InputFormat, asked: string | undefined): { readonly jsonPath?: string } {
  if (asked === undefined) return {};
  const pointer = parsePointer(asked);
  if (typeof pointer === 'string') throw new ConfigError('--json-path', pointer, 'Write it like /data/items.');
  if (format === 'json') return { jsonPath: asked };
  throw new ConfigError(
    '--json-path',
    `is for format json, found ${format}`,
    'Leave it out, or give --format json.',
  );
}

/** A table name from a file's name: `data/seattle-weather.csv` is `seattle_weather`. */
export function tableNameOf(input: string): string {
  const stem = input === '-' ? 'records' : basename(input, extname(input));
  return stem.replaceAll(/[^A-Za-z0-9_]+/g, '_').replaceAll(/^_+|_+$/g, '') || 'records';
}
