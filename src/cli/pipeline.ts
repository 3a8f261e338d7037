/**
 * Which pipeline a command is about. A setting is taken from the command line, else from the config file,
 * else from what the data directory was last written with.
 */
import { resolve } from 'node:path';
import type { ObjectOptions } from '../assembly/object-settings.ts';
import { parseQueueUrl, type QueueLike, withoutCredentials } from '../assembly/open-queue.ts';
import type { StoreLike } from '../assembly/open-store.ts';
import { ConfigError } from '../core/errors.ts';
import { nodeFileSystem } from '../platform/node-file-system.ts';
import { type CompiledSchema, compileSchema } from '../schema/compile-schema.ts';
import { fromJsonSchema } from '../schema/declare/from-json-schema.ts';
import { asCompiledSchema } from '../schema/schema-like.ts';
import type { Sink } from '../sinks/sink.ts';
import { loadConfig, type TierfallConfig } from './config.ts';
import { readKeys } from './key-file.ts';
import { namingFile, readSchemaDocument } from './schema-file.ts';
import { readSettings, type Settings } from './settings.ts';
import { keptSpec, openSink } from './sink-spec.ts';

export interface PipelineArguments {
  readonly config?: string | undefined;
  readonly dir?: string | undefined;
  readonly sink?: string | undefined;
  readonly store?: string | undefined;
  readonly queue?: string | undefined;
  readonly keys?: string | undefined;
  readonly table?: string | undefined;
  readonly schema?: string | undefined;
  readonly tolerance?: string | undefined;
}

export interface Pipeline {
  readonly dir: string;
  readonly chain: string;
  /** Undefined when nobody ever named one. */
  readonly sink: Sink | undefined;
  /** Undefined when it is the data directory's own. */
  readonly store: StoreLike | undefined;
  /** Undefined when it is the data directory's own. */
  readonly queue: QueueLike | undefined;
  /** Undefined when there is none. */
  readonly overflow: StoreLike | undefined;
  /** How objects are written, and under which keys. */
  readonly objects: ObjectOptions;
  readonly schema: CompiledSchema | undefined;
  /** Everything else of the config file. */
  readonly config: TierfallConfig | undefined;
  /** What to remember in the data directory. */
  readonly settings: Settings;
}

const DIR = '.tierfall';

/**
 * @param fallbackTable table of a sink named without one
 * @throws ConfigError, SchemaError naming the option or file at fault
 */
export async function resolvePipeline(
  args: PipelineArguments,
  cwd: string,
  fallbackTable?: string,
): Promise<Pipeline> {
  const config = await loadConfig(args.config, cwd);
  const dir = resolve(cwd, args.dir ?? config?.dir ?? DIR);
  const saved = await readSettings(dir);
  const chain = config?.name ?? saved?.chain ?? 'default';
  const tolerance = args.tolerance === undefined ? saved?.tolerance : parseTolerance(args.tolerance);
  const document =
    args.schema === undefined ? undefined : await readSchemaDocument(resolve(cwd, args.schema), '--schema');
  const schemaDocument = document ?? (config?.schema === undefined ? saved?.schema : undefined);
  const schema =
    config?.schema !== undefined && !document
      ? asCompiledSchema(config.schema)
      : compileDocument(schemaDocument, args.schema, tolerance);
  const table = args.table ?? saved?.table ?? fallbackTable;
  const spec = args.sink === undefined ? saved?.sink : keptSpec(args.sink, cwd);
  const sink =
    args.sink === undefined && config ? config.sink : spec === undefined ? undefined : openSink(spec, table);
  const storeSpec = args.store === undefined ? saved?.store : absoluteStore(args.store, cwd);
  const store = args.store === undefined && config?.store !== undefined ? config.store : storeSpec;
  const queueSpec = args.queue === undefined ? saved?.queue : checkedQueue(args.queue);
  const queue = args.queue === undefined && config?.queue !== undefined ? config.queue : queueSpec;
  const settings: Settings = {
    version: 1,
    chain,
    ...(spec === undefined ? {} : { sink: spec }),
    ...(storeSpec === undefined ? {} : { store: storeSpec }),
    ...(queueSpec === undefined ? {} : { queue: withoutCredentials(queueSpec) }),
    ...(table === undefined ? {} : { table }),
    ...(schemaDocument === undefined ? {} : { schema: schemaDocument }),
    ...(tolerance === undefined ? {} : { tolerance }),
  };
  const encryption = (await readKeys(cwd, args.keys)) ?? config?.encryption;
  const { parquet, overflow } = config ?? {};
  const objects = { ...(parquet ? { parquet } : {}), ...(encryption ? { encryption } : {}) };
  return { dir, chain, sink, store, queue, overflow, objects, schema, config, settings };
}

/** A command that only looks must not make an empty directory and call it sound. @throws ConfigError */
export async function requireDirectory({ dir, store }: Pick<Pipeline, 'dir' | 'store'>): Promise<void> {
  // With a store elsewhere, a data directory can be lost and lose nothing that was packed.
  if (store !== undefined || (await nodeFileSystem.stat(dir)) !== undefined) return;
  throw new ConfigError(
    '--dir',
    `${dir} does not exist`,
    'Name the data directory that "tierfall run" or a pipeline writes to.',
  );
}

/** The sink, which this command cannot do without. @throws ConfigError */
export function requireSink(pipeline: Pipeline): Sink {
  if (pipeline.sink) return pipeline.sink;
  throw new ConfigError(
    '--sink',
    `is missing, and ${pipeline.dir} does not remember one`,
    'Name it, for example --sink sqlite:records.db, or point --dir at a directory that was written to.',
  );
}

/** @param file where the document is from; undefined when it was kept in the data directory */
function compileDocument(
  document: object | undefined,
  file: string | undefined,
  tolerance: number | undefined,
): CompiledSchema | undefined {
  if (document === undefined) return undefined;
  const compile = () => compileSchema(fromJsonSchema(document), tolerance === undefined ? {} : { tolerance });
  return file === undefined ? compile() : namingFile(file, '--schema', compile);
}

function parseTolerance(text: string): number {
  const tolerance = /^(?:0|1|0?\.\d+|1\.0+)$/.test(text) ? Number(text) : Number.NaN;
  if (tolerance >= 0 && tolerance <= 1) return tolerance;
  throw new ConfigError(
    '--tolerance',
    `found ${JSON.stringify(text)}, expected a share from 0 to 1`,
    'For example 0.9 coerces a batch in which nine cells of ten do not match.',
  );
}

/** Told apart before anything is kept. @throws ConfigError */
function checkedQueue(text: string): string {
  parseQueueUrl(text);
  return text;
}

/** Text that names no store is told apart where the store is opened. */
function absoluteStore(spec: string, cwd: string): string {
  const [, directory] = /^fs:(.+)$/.exec(spec) ?? [];
  return directory === undefined ? spec : `fs:${resolve(cwd, directory)}`;
}
