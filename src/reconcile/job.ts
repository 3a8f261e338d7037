/**
 * How a stored object and its job hang together. The layout of object keys:
 *
 *     chain=<chain>/date=YYYY-MM-DD/hour=HH/part=<lane>/<order, 16 digits>-<sha256, first 32 hex>.parquet
 *
 * and next to the object, with the same stem: `.settled.json` (settlement.ts), `.incomplete-<hex>.json`
 * (completeness.ts). In key order a settlement follows its object directly. Below `heal/` lie the originals of degraded
 * rows in the same layout, next to them `.healed-<hex>.json` (heal/heal-progress.ts).
 */
import { sha256 } from '../core/keys.ts';
import type { Job } from './queue.ts';

const JOB_ID_DIGITS = 32;
const OBJECT_NAME = /\/part=(\d{1,9})\/(\d{16})-([0-9a-f]{32})\.parquet$/;
const OBJECT_END = '.parquet';
const OBJECT_HOUR = /\/date=(\d{4}-\d\d-\d\d)\/hour=(\d\d)\//;

/** What the name of an object says about it. */
export interface ObjectPlace {
  readonly lane: number;
  readonly order: number;
  /** The first 32 hex digits of its SHA-256. */
  readonly digest: string;
}

/** The job id of an object: the same for everybody who announces it. */
export function jobId(ref: string): string {
  return sha256(Buffer.from(ref)).slice(0, JOB_ID_DIGITS);
}

/** The job that replays an object. */
export function jobOf(chain: string, object: Omit<Job, 'id' | 'chain'>): Job {
  const { ref, lane, order, rows, sha256, priority } = object;
  const job = { id: jobId(ref), chain, ref, lane, order, rows, sha256 };
  return priority === undefined || priority === 'normal' ? job : { ...job, priority };
}

/** The part of a key before everything a chain stores for replay. */
export function chainPrefix(chain: string): string {
  return `chain=${chainSegment(chain)}/`;
}

/** The same of what it keeps to heal degraded rows. */
export function healPrefix(chain: string): string {
  return `heal/${chainPrefix(chain)}`;
}

/** A chain's name as it appears in keys. */
export function chainSegment(chain: string): string {
  return chain.replaceAll(/[^A-Za-z0-9_-]/g, '_');
}

export function isObjectKey(key: string): boolean {
  return key.endsWith(OBJECT_END);
}

/** Lane, order and digest by the object's name; undefined when it does not follow the layout. */
export function placeOf(ref: string): ObjectPlace | undefined {
  const [, lane, order, digest] = OBJECT_NAME.exec(ref) ?? [];
  if (lane === undefined || order === undefined || digest === undefined) return undefined;
  return { lane: Number(lane), order: Number(order), digest };
}

/** The hour in which the first rows of an object were received, `YYYY-MM-DDTHH`, by its name. */
export function hourOf(ref: string): string | undefined {
  const [, date, hour] = OBJECT_HOUR.exec(ref) ?? [];
  return date === undefined || hour === undefined ? undefined : `${date}T${hour}`;
}

/** The key without `.parquet`: the stem that everything about an object shares. */
export function stemOf(ref: string): string {
  return isObjectKey(ref) ? ref.slice(0, -OBJECT_END.length) : ref;
}
