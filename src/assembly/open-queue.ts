/** The queue of a data directory: its own, or one in Redis that was named. */
import type { Clock } from '../core/clock.ts';
import { ConfigError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { sha256 } from '../core/keys.ts';
import { type BullmqQueueOptions, bullmqQueue } from '../reconcile/bullmq/bullmq-queue.ts';
import { checkConnection } from '../reconcile/bullmq/redis-link.ts';
import { embeddedQueue } from '../reconcile/embedded-queue.ts';
import type { Queue } from '../reconcile/queue.ts';
import type { StateDatabase } from '../reconcile/sqlite-database.ts';

/** A queue in Redis; its chain and clock are those of the pipeline. */
export type RedisQueueOptions = Omit<BullmqQueueOptions, 'chain' | 'clock' | 'warn'>;

/**
 * A queue in Redis as text, `redis://host:6379/0?namespace=…` (`rediss://` for TLS, `redis+cluster://` for a cluster), or as
 * options; or a queue of your own, closed with the pipeline.
 */
export type QueueLike = string | RedisQueueOptions | Queue;

export interface QueuePorts {
  readonly state: StateDatabase;
  readonly clock: Clock;
  readonly chain: string;
  readonly areAnnouncementsHints: boolean;
  readonly emit: Emit;
  /** What the jobs are about. */
  readonly store: string;
}

const METHODS = [
  'announce',
  'claim',
  'checkpoint',
  'complete',
  'postpone',
  'depth',
  'close',
] as const satisfies readonly (keyof Queue)[];

/**
 * @param path of the option, for the error
 * @throws ConfigError for what is neither text, nor options with a connection, nor a whole queue
 */
export function checkQueue(value: unknown, path = 'queue'): asserts value is QueueLike {
  const expected = (found: string): ConfigError =>
    new ConfigError(
      path,
      `${found}, expected a queue`,
      "For example 'redis://127.0.0.1:6379', or { connection: { sentinels, name } }.",
    );
  if (typeof value === 'string') return;
  if (typeof value !== 'object' || value === null)
    throw expected(`found ${value === null ? 'null' : typeof value}`);
  const missing = METHODS.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function');
  if (missing.length === 0) return;
  if (missing.length < METHODS.length) throw expected(`has no method ${missing.join(', ')}`);
  if (!('connection' in value)) throw expected('has neither a connection nor the methods of a queue');
  checkConnection(value.connection, `${path}.connection`);
}

/** @throws ConfigError for what names no queue */
export function openQueue(like: QueueLike | undefined, ports: QueuePorts): Queue {
  const { state, clock, chain, areAnnouncementsHints, emit, store } = ports;
  if (like === undefined) return embeddedQueue({ state, clock, chain, areAnnouncementsHints });
  checkQueue(like);
  if (typeof like === 'object' && 'announce' in like) return like;
  const options = typeof like === 'string' ? parseQueueUrl(like) : like;
  return bullmqQueue({
    // Pipelines of one name over different stores must not take each other's jobs.
    namespace: `tierfall:${sha256(Buffer.from(store)).slice(0, 12)}`,
    ...options,
    chain,
    clock,
    warn: (code, message) => emit('storageFailed', { chain, operation: 'queue', code, message }),
  });
}

const PROTOCOLS: ReadonlySet<string> = new Set(['redis:', 'rediss:', 'redis+cluster:', 'rediss+cluster:']);

/** @throws ConfigError naming the part at fault */
export function parseQueueUrl(text: string): RedisQueueOptions {
  const url = URL.parse(text);
  if (url === null || !PROTOCOLS.has(url.protocol) || url.hostname === '') throw bad(text);
  if (!/^\/?\d*$/.test(url.pathname)) throw bad(text);
  const { namespace, eviction, ...others } = Object.fromEntries(url.searchParams);
  const isKnown = eviction === undefined || eviction === 'refuse' || eviction === 'warn';
  if (!isKnown || Object.keys(others).length > 0) throw bad(text);
  url.search = '';
  const isCluster = url.protocol.endsWith('+cluster:');
  const node = url.href.replace('+cluster:', ':');
  return {
    connection: isCluster ? { cluster: [node], options: clusterOptions(url) } : node,
    ...(namespace === undefined ? {} : { namespace }),
    ...(eviction === undefined ? {} : { eviction }),
  };
}

/** What the nodes that a cluster tells of are connected to with. */
function clusterOptions({ protocol, username, password }: URL): Readonly<Record<string, unknown>> {
  return {
    ...(protocol.startsWith('rediss') ? { tls: {} } : {}),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}

/** The same without user and password, to be kept. */
export function withoutCredentials(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw bad(text);
  url.username = '';
  url.password = '';
  return url.href;
}

/** What a URL is, without anything that could be a secret put into the wrong place. */
function outlineOf(text: string): string {
  const url = URL.parse(text);
  if (url === null) return 'a text that is no URL';
  const names = [...url.searchParams.keys()];
  return `${url.protocol}//${url.host}/…${names.length > 0 ? ` with ${names.join(', ')}` : ''}`;
}

function bad(text: string): ConfigError {
  return new ConfigError(
    'queue',
    `found ${outlineOf(text)}, expected redis://HOST:PORT/DB?namespace=NAME&eviction=refuse`,
    'For example redis://127.0.0.1:6379/0; rediss:// for TLS, redis+cluster:// for a cluster.',
  );
}
