/** `tierfall.config.ts`: what a pipeline is, as a module that Node loads without a build. */
import { access } from 'node:fs/promises';
import { join, parse, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DURABILITIES } from '../assembly/durability.ts';
import type { FallbackOptions } from '../assembly/fallback.ts';
import { checkQueue } from '../assembly/open-queue.ts';
import { ConfigError } from '../core/errors.ts';
import { INPUT_FORMATS, type InputFormat } from '../ingress/files.ts';
import { PARQUET_WRITERS } from '../stores/parquet/object-writers.ts';
import type { Store } from '../stores/store.ts';

/** Everything `createFallback` takes, and how input is to be read. Relative paths are relative to the file. */
export interface TierfallConfig
  extends Omit<FallbackOptions, 'clock' | 'random' | 'fs' | 'bus' | 'metrics' | 'dir'> {
  /** @default '.tierfall' */
  readonly dir?: string;
  /** Format of `run --input` when the option is not given. */
  readonly format?: InputFormat;
}

/** Gives a config file its types; returns what it was given. */
export function defineConfig(config: TierfallConfig): TierfallConfig {
  return config;
}

const DEFAULT_FILE = 'tierfall.config.ts';
const KEYS = [
  'dir',
  'format',
  'name',
  'sink',
  'schema',
  'store',
  'queue',
  'registry',
  'keepOriginal',
  'retry',
  'limits',
  'worker',
  'fence',
  'watermarks',
  'overflow',
  'retention',
  'durability',
  'parquet',
  'encryption',
  'inFlightBytesMax',
  'batchBytesMax',
] as const satisfies readonly (keyof TierfallConfig)[];

/**
 * Loads the named file, or `tierfall.config.ts` of the working directory when there is one.
 * @returns undefined when no file is named and there is none
 * @throws ConfigError for a file that cannot be read or loaded, or an option that is unknown or of the wrong kind
 */
export async function loadConfig(named: string | undefined, cwd: string): Promise<TierfallConfig | undefined> {
  const file = named === undefined ? join(cwd, DEFAULT_FILE) : resolve(cwd, named);
  try {
    await access(file);
  } catch (cause) {
    if (named === undefined) return undefined;
    const code = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw new ConfigError('--config', `${file} ${code}`, 'Name a file that can be read.', cause);
  }
  return checkConfig(await importConfig(file), file);
}

async function importConfig(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
    return module.default;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(file, `could not be loaded: ${words}`, hintOf(cause, file), cause);
  }
}

/** What V8 says of module syntax in a file that Node was told to take for CommonJS. */
const MODULE_SYNTAX = /outside a module|Unexpected token 'export'/;

function hintOf(cause: unknown, file: string): string {
  if (!(cause instanceof SyntaxError) || !MODULE_SYNTAX.test(cause.message)) {
    return 'Mend the file; `node FILE` shows where it fails.';
  }
  const renamed = `${parse(file).name}.mts`;
  return `The nearest package.json makes this file CommonJS: set "type": "module" there, or rename the file and pass --config ${renamed}.`;
}

function checkConfig(config: unknown, file: string): TierfallConfig {
  if (typeof config !== 'object' || config === null) {
    throw new ConfigError(
      file,
      'has no default export of an object',
      'Write `export default defineConfig({ … })`.',
    );
  }
  const unknown = Object.keys(config).find((key) => !KEYS.some((known) => known === key));
  if (unknown !== undefined) {
    throw new ConfigError(`${file}: ${unknown}`, 'is not an option', `Options are ${KEYS.join(', ')}.`);
  }
  const { sink, format, dir, name } = config as Readonly<Record<string, unknown>>;
  if (typeof (sink as { write?: unknown } | undefined)?.write !== 'function') {
    throw new ConfigError(
      `${file}: sink`,
      `found ${typeof sink}, expected a sink`,
      'For example sqliteSink({ file, table }).',
    );
  }
  if (format !== undefined && !INPUT_FORMATS.some((known) => known === format)) {
    throw new ConfigError(
      `${file}: format`,
      `found ${JSON.stringify(format)}`,
      `Use one of ${INPUT_FORMATS.join(', ')}.`,
    );
  }
  checkStorage(config, file);
  for (const [key, value] of [
    ['dir', dir],
    ['name', name],
  ] as const) {
    if (value !== undefined && typeof value !== 'string') {
      throw new ConfigError(
        `${file}: ${key}`,
        `found ${typeof value}, expected a string`,
        'Correct the option.',
      );
    }
  }
  return config as TierfallConfig;
}

function checkStorage(config: object, file: string): void {
  const { store, queue, durability, parquet } = config as Readonly<Record<string, unknown>>;
  if (store !== undefined && typeof store !== 'string' && typeof (store as Store | null)?.put !== 'function') {
    throw new ConfigError(
      `${file}: store`,
      `found ${typeof store}, expected a store`,
      "For example s3Store({ bucket, prefix }), or 's3://bucket/prefix'.",
    );
  }
  if (queue !== undefined) checkQueue(queue, `${file}: queue`);
  for (const [key, value, known] of [
    ['durability', durability, DURABILITIES],
    ['parquet', parquet, PARQUET_WRITERS],
  ] as const) {
    if (value === undefined || known.some((one) => one === value)) continue;
    throw new ConfigError(
      `${file}: ${key}`,
      `found ${JSON.stringify(value)}`,
      `Use one of ${known.join(', ')}.`,
    );
  }
}
