/**
 * What a job in Redis carries: a claim check with a version, and no byte of any record. Anybody who reaches that Redis
 * can write jobs there, so whatever comes out is checked before it is believed.
 *
 * Y1 a payload is taken only when its id, lane, order and digest are those that its ref spells, and it lies in the
 * lane it names: a copy under another id, or in another lane, is no job. Y2 what the ref cannot tell (rows, the rest of
 * the digest) is compared with the object before anything of it is sent.
 */
import { PRIORITIES } from '../../core/batch.ts';
import { chainPrefix, jobId, jobOf, placeOf } from '../job.ts';
import type { Job } from '../queue.ts';

const VERSION = 1;
const SHA256 = /^[0-9a-f]{64}$/;

export interface Progress {
  readonly entriesDone: number;
  readonly progress?: string;
}

/** @param by names the announcement, so that whoever made it knows its own */
export function encodePayload(
  { chain, ref, lane, order, rows, sha256, priority = 'normal' }: Job,
  by: string,
): object {
  return { v: VERSION, chain, ref, lane, order, rows, sha256, priority: PRIORITIES.indexOf(priority), by };
}

/** The ref of a payload, whether or not it would be taken. */
export function refOf(text: string): string | undefined {
  const ref = recordOf(text)?.['ref'];
  return typeof ref === 'string' ? ref : undefined;
}

/** Y1. @returns the job, or what is wrong with it, in words */
export function decodePayload(
  text: string | undefined,
  at: { readonly id: string; readonly chain: string; readonly lane: number },
): Job | string {
  const payload = text === undefined ? undefined : recordOf(text);
  if (!payload) return 'has no payload';
  const { v, chain, ref, lane, order, rows, sha256 } = payload;
  if (v !== VERSION) return `has a payload of version ${JSON.stringify(v)}`;
  if (typeof ref !== 'string' || typeof sha256 !== 'string' || !SHA256.test(sha256)) return 'names no object';
  if (chain !== at.chain || !ref.startsWith(chainPrefix(at.chain))) return 'is of another chain';
  if (at.id !== jobId(ref)) return 'has an id that is not of its ref';
  const place = placeOf(ref);
  if (!place || place.lane !== lane || place.order !== order || lane !== at.lane) return 'is not in its place';
  if (!sha256.startsWith(place.digest)) return 'has a digest that is not of its ref';
  if (typeof rows !== 'number' || !Number.isSafeInteger(rows) || rows < 0) return 'has no count of rows';
  // Whoever forges it changes which lane goes first, and nothing that is delivered.
  const priority = PRIORITIES[Number(payload['priority'])];
  return jobOf(at.chain, {
    ref,
    lane: place.lane,
    order: place.order,
    rows,
    sha256,
    ...(priority ? { priority } : {}),
  });
}

/** What a worker remembered; nothing when it is not what one writes. */
export function decodeProgress(text: string | undefined): Progress {
  const { entriesDone, progress } = (text === undefined ? undefined : recordOf(text)) ?? {};
  if (typeof entriesDone !== 'number' || !Number.isSafeInteger(entriesDone) || entriesDone < 0)
    return { entriesDone: 0 };
  return typeof progress === 'string' ? { entriesDone, progress } : { entriesDone };
}

function recordOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
