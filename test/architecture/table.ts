/**
 * The one table of who may import whom, and of what every file must keep to. Paths are relative to `src/`.
 *
 * An entry of `folders` names whole folders (`core`) or single files (`sinks/sink.ts`, a port); `type:` allows
 * nothing but types. A folder may always import itself, and nothing that is not listed.
 */
export interface ArchitectureTable {
  /** What each folder (or file at the root of `src/`) may import; `*` is everything. */
  readonly folders: Readonly<Record<string, readonly string[]>>;
  /** The files that own each third-party package; no other file may name it, not even for its types. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  /** Files or folders that own what Node offers and must stay behind a port. */
  readonly builtins: Readonly<Record<string, readonly string[]>>;
  /** Files or folders that may read a clock, start a timer or draw a random number. */
  readonly ambient: readonly string[];
  readonly fileLinesMax: number;
  readonly functionLinesMax: number;
}

const SINK = 'sinks/sink.ts';
const STORE = 'stores/store.ts';
const JOURNAL = 'journal/journal.ts';
const QUEUE = 'reconcile/queue.ts';
const TIER = 'tiers/tier.ts';

export const TABLE: ArchitectureTable = {
  folders: {
    core: [],
    schema: ['core', 'codecs'],
    codecs: ['core'],
    diff: ['core', 'codecs', 'schema'],
    platform: ['core'],
    telemetry: ['core'],
    sinks: ['core'],
    stores: ['core', JOURNAL],
    journal: ['core', STORE],
    tiers: ['core', 'schema', 'codecs', 'diff', SINK, STORE, JOURNAL],
    chain: ['core', TIER],
    reconcile: [
      'core',
      'codecs',
      'diff/missing.ts',
      'type:chain/engine.ts',
      'type:chain/fence.ts',
      SINK,
      STORE,
      JOURNAL,
    ],
    ingress: ['core', 'codecs'],
    testing: ['core', 'platform', 'codecs', SINK, STORE, JOURNAL, QUEUE, TIER, 'schema/declare/registry.ts'],
    assembly: ['*'],
    cli: ['*'],
    'index.ts': ['*'],
  },
  packages: {
    '@aws-sdk/client-s3': ['stores/s3-client.ts'],
    '@aws-sdk/lib-storage': ['stores/s3-multipart.ts'],
    'apache-arrow': ['schema/arrow.ts', 'codecs/arrow.ts'],
    bullmq: ['reconcile/bullmq/lanes.ts'],
    cockatiel: ['chain/breaker.ts'],
    hyparquet: ['stores/parquet.ts'],
    ioredis: ['reconcile/bullmq/redis-link.ts'],
    'parquetjs-lite': ['stores/parquet/parquetjs-writer.ts'],
    'p-retry': ['tiers/retry-patiently.ts'],
  },
  builtins: {
    'node:fs': ['platform', 'ingress', 'cli'],
    'node:fs/promises': ['platform', 'ingress', 'cli'],
    'node:sqlite': [
      'sinks/sqlite-database.ts',
      'sinks/sqlite-sink.ts',
      'reconcile/sqlite-database.ts',
      'cli/demo/warehouse.ts',
      'journal/lock.ts',
    ],
  },
  ambient: ['platform', 'cli'],
  fileLinesMax: 400,
  functionLinesMax: 70,
};
