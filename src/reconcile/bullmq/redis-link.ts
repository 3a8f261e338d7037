/**
 * The connection to Redis, on ioredis: the only file that knows it. Redis Cluster, Sentinel, TLS and Valkey are a matter of
 * what it is told to connect to.
 *
 * R1 nothing waits for a Redis that is away: a call fails within `connectWithinMs`, and a command that was under way when
 * the connection ended fails at once. R2 each new connection is checked before it is used: a Redis that may evict keys
 * would drop jobs in silence. R3 `era` counts connections, so that whoever relies on what Redis remembers knows when
 * it may have become another Redis.
 */
import type * as IORedis from 'ioredis';
import type { Clock } from '../../core/clock.ts';
import { ConfigError, StorageError } from '../../core/errors.ts';
import { missingPackage, toQueueError } from './redis-fault.ts';
import { SCRIPTS, type ScriptName } from './scripts.ts';

/** A client of ioredis, for who builds on it. */
export type RedisClient = IORedis.Redis | IORedis.Cluster;

/** What to connect to: a URL, or what the constructor of ioredis takes (`sentinels`, `tls` …), or nodes of a cluster. */
export type RedisConnection =
  | string
  | Readonly<Record<string, unknown>>
  | { readonly cluster: readonly string[]; readonly options?: Readonly<Record<string, unknown>> };

/**
 * @param path of the option, for the error, which tells nothing of the value: it may hold a password
 * @throws ConfigError for what is no connection
 */
export function checkConnection(value: unknown, path = 'queue.connection'): asserts value is RedisConnection {
  const refuse = (found: string): never => {
    throw new ConfigError(
      path,
      `found ${found}, expected a URL or the options of a client`,
      "For example 'redis://127.0.0.1:6379', { host, port }, { sentinels, name } or { cluster: ['redis://…'] }.",
    );
  };
  if (typeof value === 'string') {
    if (!isRedisUrl(value)) refuse('a text that is no redis:// or rediss:// URL');
    return;
  }
  if (value === null || typeof value !== 'object') return refuse(value === null ? 'null' : typeof value);
  if (Array.isArray(value)) refuse('an array');
  // It would be spread, and so lead to the port that is everybody's default.
  if ('connect' in value && typeof value.connect === 'function') refuse('a client');
  if (!('cluster' in value)) return;
  const { cluster } = value;
  if (!Array.isArray(cluster) || cluster.length === 0) refuse('a cluster that is no list of URLs');
  else if (!cluster.every(isRedisUrl)) refuse('a cluster with a node that is no redis:// or rediss:// URL');
}

function isRedisUrl(value: unknown): boolean {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  return url !== null && url.hostname !== '' && (url.protocol === 'redis:' || url.protocol === 'rediss:');
}

export interface RedisLinkOptions {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  readonly connectWithinMs: number;
  readonly commandTimeoutMs: number;
  /** What becomes of a Redis that may evict keys. */
  readonly eviction: 'refuse' | 'warn';
  readonly warn: (code: string, message: string) => void;
}

const RECONNECT_MAX_MS = 2_000;
const LISTENERS_MAX = 100_000;

async function loadPackage(): Promise<typeof IORedis> {
  try {
    return await import('ioredis');
  } catch (cause) {
    throw missingPackage('ioredis', cause);
  }
}

export class RedisLink {
  readonly #options: RedisLinkOptions;
  #opening: Promise<RedisClient> | undefined;
  #client: RedisClient | undefined;
  #checkedEra = 0;
  #isClosed = false;
  #lastError: unknown;
  era = 0;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  /** R1, R2. @throws StorageError when it is away; ConfigError when it may not be used, or a package is missing */
  async ready(): Promise<RedisClient> {
    if (this.#isClosed)
      throw new StorageError('QUEUE_CLOSED', 'the queue is closed', { hint: 'Open it again.' });
    this.#opening ??= this.#open();
    const client = await this.#opening;
    if (client.status !== 'ready') await this.#untilReady(client);
    if (this.#checkedEra !== this.era) await this.#check(client);
    return client;
  }

  /** Runs a script of ours. @throws as `ready`, and what Redis answers, as StorageError */
  async run(script: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const client = await this.ready();
    const commands = client as unknown as Record<string, (...all: (string | number)[]) => Promise<unknown>>;
    return this.translated(() => commands[SCRIPTS[script].name]?.(...keys, ...args) ?? Promise.resolve());
  }

  /** Runs `call` with errors of Redis as ours. */
  async translated<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw toQueueError(error);
    }
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => undefined);
    this.#client?.disconnect();
  }

  async #open(): Promise<RedisClient> {
    const ioredis = await loadPackage();
    const client = connect(ioredis, this.#options);
    // Every lane listens to the one connection.
    client.setMaxListeners(LISTENERS_MAX);
    client.on('ready', () => {
      this.era += 1;
    });
    client.on('error', (error: unknown) => {
      this.#lastError = error;
    });
    for (const { name, numberOfKeys, lua } of Object.values(SCRIPTS))
      client.defineCommand(name, { numberOfKeys, lua });
    this.#client = client;
    return client;
  }

  #untilReady(client: RedisClient): Promise<void> {
    const { clock, connectWithinMs } = this.#options;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        cancel();
        client.removeListener('ready', done);
        resolve();
      };
      const giveUp = (): void => {
        client.removeListener('ready', done);
        const why = this.#lastError ?? `no answer within ${connectWithinMs} ms`;
        reject(toQueueError(why instanceof Error ? why : new Error(String(why))));
      };
      const cancel = clock.schedule(connectWithinMs, giveUp, { keepAlive: true });
      client.once('ready', done);
    });
  }

  async #check(client: RedisClient): Promise<void> {
    const { era } = this;
    const memory = await this.translated(() => client.info('memory'));
    const [, policy] = /^maxmemory_policy:(\S+)/m.exec(memory) ?? [];
    if (policy !== undefined && policy !== 'noeviction') {
      const message = `has the maxmemory-policy ${policy}: it may drop jobs when its memory is full`;
      if (this.#options.eviction === 'refuse')
        throw new ConfigError('queue', `this Redis ${message}`, 'Set maxmemory-policy noeviction there.');
      this.#options.warn('QUEUE_EVICTS', `the Redis of the queue ${message}`);
    }
    this.#checkedEra = era;
  }
}

function connect({ Redis, Cluster }: typeof IORedis, options: RedisLinkOptions): RedisClient {
  const { connection, connectWithinMs, commandTimeoutMs } = options;
  const retryStrategy = (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), RECONNECT_MAX_MS);
  // A command that waits for a connection would hang its caller for as long as the outage lasts.
  const patience = { enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy };
  const limits = { connectTimeout: connectWithinMs, commandTimeout: commandTimeoutMs };
  if (typeof connection === 'string') return new Redis(connection, { ...patience, ...limits });
  const { cluster, options: more } = connection as { cluster?: readonly string[]; options?: object };
  if (cluster === undefined) return new Redis({ ...connection, ...patience, ...limits });
  return new Cluster([...cluster], {
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    redisOptions: { ...more, ...limits },
  });
}
