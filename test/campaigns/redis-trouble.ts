/** What befalls a Redis in the middle of a drain, by name: each is over, and Redis is back, when its promise resolves. */
import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisServer } from '../support/redis-server.ts';

export interface TroubleContext {
  readonly redis: RedisServer;
  /** A client that waits for a Redis that is away. */
  readonly control: Redis;
  readonly random: () => number;
  /** The longest that Redis may stand still, in milliseconds. */
  readonly pauseMaxMs: number;
}

const PAUSE_MIN_MS = 100;
const MEMORY_MAX = '256mb';
const LOST_TAIL_MS = 1_000;

const pauseMs = ({ random, pauseMaxMs }: TroubleContext): number =>
  Math.round(PAUSE_MIN_MS + random() * (pauseMaxMs - PAUSE_MIN_MS));

async function kill({ redis }: TroubleContext): Promise<void> {
  await redis.kill();
  await redis.start();
}

async function flush({ control }: TroubleContext): Promise<void> {
  await control.flushall();
}

/** As eviction does, but of any part of the keys. */
async function dropKeys({ control, random }: TroubleContext): Promise<void> {
  const share = random();
  const dropped = (await control.keys('*')).filter(() => random() < share);
  if (dropped.length > 0) await control.del(...dropped);
}

/** One that is no job: a lane as a whole, or what says that all is there. Nothing else tells that it is gone. */
async function dropOneKey({ control, random }: TroubleContext): Promise<void> {
  const keys = (await control.keys('*')).filter((key) => !/:[0-9a-f]{32}$/.test(key)).toSorted();
  const one = keys[Math.floor(random() * keys.length)];
  if (one !== undefined) await control.del(one);
}

/** A moment in which the memory is short and Redis may choose what to forget. */
async function evict({ control, random }: TroubleContext): Promise<void> {
  const number = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await control.info('memory'))?.[1]);
  const [used, data] = [await number('used_memory'), await number('used_memory_dataset')];
  await control.config('SET', 'maxmemory-policy', 'allkeys-lru');
  await control.config('SET', 'maxmemory', String(Math.round(used - data * random())));
  await pause(50 + random() * 450);
  await control.config('SET', 'maxmemory', MEMORY_MAX);
  await control.config('SET', 'maxmemory-policy', 'noeviction');
}

async function stop(context: TroubleContext): Promise<void> {
  context.redis.signal('SIGSTOP');
  await pause(pauseMs(context));
  context.redis.signal('SIGCONT');
}

async function clientPause(context: TroubleContext): Promise<void> {
  const { control, random } = context;
  const forMs = pauseMs(context);
  await control.call('CLIENT', 'PAUSE', forMs, random() < 0.5 ? 'WRITE' : 'ALL');
  await pause(forMs);
}

/** As a replica that knew nothing becomes the primary. */
async function failOverToEmpty({ redis }: TroubleContext): Promise<void> {
  await redis.kill();
  rmSync(join(redis.directory, 'appendonlydir'), { recursive: true, force: true });
  await redis.start();
}

/** A power cut takes what was written since the last fdatasync. */
async function loseLastSecond({ redis }: TroubleContext): Promise<void> {
  const before = tailOf(redis);
  await pause(LOST_TAIL_MS);
  await redis.kill();
  const after = tailOf(redis);
  const isSame = before !== undefined && after?.file === before.file;
  if (isSame && after.bytes > before.bytes) truncateSync(after.file, before.bytes);
  await redis.start();
}

function tailOf({ directory }: RedisServer): { readonly file: string; readonly bytes: number } | undefined {
  const files = join(directory, 'appendonlydir');
  const newest = readdirSync(files)
    .filter((name) => name.endsWith('.incr.aof'))
    .toSorted((a, b) => Number(a.split('.').at(-3)) - Number(b.split('.').at(-3)))
    .at(-1);
  if (newest === undefined) return undefined;
  const file = join(files, newest);
  return { file, bytes: statSync(file).size };
}

async function cutConnections({ control }: TroubleContext): Promise<void> {
  await control.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
}

export const TROUBLES = {
  kill,
  flush,
  'drop keys': dropKeys,
  'drop one key': dropOneKey,
  evict,
  stop,
  'client pause': clientPause,
  'fail over to an empty one': failOverToEmpty,
  'lose the last second': loseLastSecond,
  'cut connections': cutConnections,
} as const satisfies Readonly<Record<string, (context: TroubleContext) => Promise<void>>>;

export type TroubleName = keyof typeof TROUBLES;

export const TROUBLE_NAMES = Object.keys(TROUBLES) as readonly TroubleName[];
