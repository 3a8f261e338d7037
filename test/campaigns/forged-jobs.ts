/** Jobs that nobody announced, put into the queue as somebody with access to that Redis would. */
import type { Redis } from 'ioredis';
import { jobId } from '../../src/reconcile/job.ts';

/** A job as it lies in Redis. */
export interface JobAt {
  /** `{…}:lane-<n>`. */
  readonly lane: string;
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface ForgeContext {
  readonly control: Redis;
  readonly random: () => number;
  /** Of jobs that were seen before, some of them done by now. */
  readonly seen: JobAt[];
}

type Payload = Record<string, unknown>;
type Forge = (context: ForgeContext, job: JobAt) => Promise<void>;

const SEEN_MAX = 200;
const WHOLE = 10 ** 9;

const edited =
  (edit: (payload: Payload, context: ForgeContext) => Payload): Forge =>
  async (context, job) => {
    const payload = JSON.parse(job.fields['data'] ?? '{}') as Payload;
    await setData(context, job, JSON.stringify({ ...payload, ...edit(payload, context) }));
  };

/** Only where the job still is: a field alone would be no job. */
async function setData({ control }: ForgeContext, { lane, id }: JobAt, data: string): Promise<void> {
  if ((await control.exists(`${lane}:${id}`)) === 1) await control.hset(`${lane}:${id}`, 'data', data);
}

async function put({ control }: ForgeContext, { lane, id, fields }: JobAt, score: number): Promise<void> {
  await control.hset(`${lane}:${id}`, { ...fields });
  await control.zadd(`${lane}:prioritized`, Math.floor(score), id);
}

const hex = ({ random }: ForgeContext, digits: number): string =>
  Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');

const pick = <T>({ random }: ForgeContext, from: readonly T[]): T | undefined =>
  from[Math.floor(random() * from.length)];

const otherLane = ({ random }: ForgeContext, lane: string): string =>
  lane.replace(/\d+$/, String(Math.floor(random() * 16)));

/** A job of an object that the store does not have, in the place and under the id that its ref spells. */
async function putUnstored(context: ForgeContext, job: JobAt): Promise<void> {
  const payload = JSON.parse(job.fields['data'] ?? '{}') as Payload;
  const sha256 = hex(context, 64);
  const order = Math.floor(context.random() * 1_000);
  const name = `${String(order).padStart(16, '0')}-${sha256.slice(0, 32)}.parquet`;
  const ref = String(payload['ref']).replace(/[^/]+$/, name);
  const data = JSON.stringify({ ...payload, ref, order, sha256 });
  await put(context, { ...job, id: jobId(ref), fields: { ...job.fields, data } }, order);
}

async function putGarbage(context: ForgeContext, job: JobAt): Promise<void> {
  const { control, random } = context;
  const bytes = Buffer.from(hex(context, 64), 'hex');
  const id = `garbage-${hex(context, 8)}`;
  await control.hset(`${job.lane}:${id}`, { data: random() < 0.5 ? bytes : '{', opts: '{', progress: '[' });
  await control.zadd(`${job.lane}:prioritized`, Math.floor(random() * WHOLE), id);
  await control.lpush(`${job.lane}:wait`, `nothing-${hex(context, 8)}`);
}

export const FORGERIES = {
  'another ref': edited((_, context) => ({
    ref: JSON.parse(pick(context, context.seen)?.fields['data'] ?? '{}').ref,
  })),
  'another digest': edited((_, context) => ({ sha256: hex(context, 64) })),
  'the tail of another digest': edited(({ sha256 }, context) => ({
    sha256: `${String(sha256).slice(0, 32)}${hex(context, 32)}`,
  })),
  'other rows': edited(({ rows }, { random }) => ({ rows: Number(rows) + 1 + Math.floor(random() * 9) })),
  'another lane': edited(({ lane }) => ({ lane: Number(lane) + 1 })),
  'another order': edited((_, { random }) => ({ order: Math.floor(random() * WHOLE) })),
  'another version': edited(() => ({ v: 2 })),
  'another chain': edited(() => ({ chain: 'another' })),
  'no JSON': (context, job) => setData(context, job, '{'),
  'no object': putUnstored,
  garbage: putGarbage,
  'a copy under another id': (context, job) => put(context, { ...job, id: `copy-${hex(context, 8)}` }, 0),
  'a copy in another lane': (context, job) =>
    put(context, { ...job, lane: otherLane(context, job.lane) }, context.random() * WHOLE),
  'one that is done': async (context) => {
    const job = pick(context, context.seen);
    if (!job) return;
    const { order } = JSON.parse(job.fields['data'] ?? '{}') as { order: number };
    await put(context, job, order);
  },
} as const satisfies Readonly<Record<string, Forge>>;

export type ForgeryName = keyof typeof FORGERIES;

export const FORGERY_NAMES = Object.keys(FORGERIES) as readonly ForgeryName[];

/** Forges one from a job that waits now. @returns false when none does */
export async function forge(name: ForgeryName, context: ForgeContext): Promise<boolean> {
  const lists = (await context.control.keys('*:lane-*:prioritized')).toSorted();
  const list = pick(context, lists);
  if (list === undefined) return false;
  const id = pick(context, await context.control.zrange(list, 0, '49'));
  if (id === undefined) return false;
  const lane = list.replace(/:prioritized$/, '');
  const fields = await context.control.hgetall(`${lane}:${id}`);
  if (!isGenuine(fields)) return false;
  const job = { lane, id, fields };
  const forgery: Forge = FORGERIES[name];
  await forgery(context, job);
  if (context.seen.length < SEEN_MAX) context.seen.push(job);
  else context.seen[Math.floor(context.random() * SEEN_MAX)] = job;
  return true;
}

function isGenuine({ data }: Readonly<Record<string, string>>): boolean {
  try {
    const { v, ref, chain } = JSON.parse(data ?? '') as Payload;
    return v === 1 && typeof ref === 'string' && chain !== 'another';
  } catch {
    return false;
  }
}
