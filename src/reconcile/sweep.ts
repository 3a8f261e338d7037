/**
 * Finds the forgotten: objects that are stored, not settled, and unknown to the queue. The store is the truth,
 * so a queue that was wiped is filled again from here.
 *
 * W1 a sweep only announces; doing it twice, or beside a running worker, changes nothing. W2 an object that cannot
 * be read is reported and left, it never stops the sweep. W3 only a durable object is announced: what a listing
 * shows may not be durable yet, and putting it again resolves when it is.
 */
import { StorageError, TierfallError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Store } from '../stores/store.ts';
import { chainPrefix, isObjectKey, jobId, jobOf, placeOf } from './job.ts';
import type { Queue } from './queue.ts';
import { inspectObject } from './replay.ts';
import { isSettled, settledRef } from './settlement.ts';

export interface SweepOptions {
  readonly store: Pick<Store, 'list' | 'get' | 'put'>;
  readonly chain: string;
  readonly queue: Pick<Queue, 'announce' | 'knows'>;
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
  readonly emit: Emit;
  /** Reads each settlement instead of trusting that it is there. @default false */
  readonly checkSettlements?: boolean;
  /** Ends the sweep early; its reason is thrown. */
  readonly signal?: AbortSignal;
}

export interface SweepReport {
  readonly objects: number;
  readonly settled: number;
  /** Open objects whose job the queue had. */
  readonly known: number;
  readonly announced: number;
  /** Open objects that could not be read or whose name is not of the layout. */
  readonly unreadable: readonly string[];
}

const KNOWN_CHUNK = 256;

/** @throws StorageError when the store cannot be listed; what the queue throws */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const counts = { objects: 0, settled: 0, known: 0, announced: 0 };
  const unreadable: string[] = [];
  let chunk: string[] = [];
  const flush = async (): Promise<void> => {
    const refs = chunk;
    chunk = [];
    const held = await options.queue.knows?.(refs.map(jobId));
    for (const ref of refs) {
      options.signal?.throwIfAborted();
      const answer = held?.has(jobId(ref)) ? 'known' : await announceObject(ref, options);
      if (answer === 'known') counts.known += 1;
      else if (answer === 'added') counts.announced += 1;
      else unreadable.push(ref);
    }
  };
  for await (const { ref, settlement } of listObjects(options.store, options.chain)) {
    options.signal?.throwIfAborted();
    counts.objects += 1;
    if (settlement && (!options.checkSettlements || (await isSettled(options.store, ref)))) counts.settled += 1;
    else chunk.push(ref);
    if (chunk.length >= KNOWN_CHUNK) await flush();
  }
  await flush();
  return { ...counts, unreadable };
}

/**
 * The replay objects of a chain in key order, and whether a settlement lies next to each.
 * @param prefix of their keys, to list only some
 */
export async function* listObjects(
  store: Pick<Store, 'list'>,
  chain: string,
  prefix = chainPrefix(chain),
): AsyncGenerator<{ readonly ref: string; readonly settlement: boolean }> {
  let last: string | undefined;
  for await (const { key } of store.list(prefix)) {
    // A settlement sorts right behind its object, so one object of memory is enough.
    if (last !== undefined && settledRef(key) === last) {
      yield { ref: last, settlement: true };
      last = undefined;
    } else if (isObjectKey(key)) {
      if (last !== undefined) yield { ref: last, settlement: false };
      last = key;
    }
  }
  if (last !== undefined) yield { ref: last, settlement: false };
}

async function announceObject(ref: string, options: SweepOptions): Promise<'added' | 'known' | 'unreadable'> {
  const { chain, queue, emit } = options;
  const place = placeOf(ref);
  try {
    if (!place) throw foreign(ref);
    const { rows, sha256, bytes } = await inspectObject(ref, options);
    // W3: somebody may be storing it right now. A job whose object a power cut takes would block its lane for ever.
    await options.store.put(ref, [bytes]);
    const job = jobOf(chain, { ref, lane: place.lane, order: place.order, rows, sha256 });
    const answer = await queue.announce(job);
    if (answer === 'added') emit('jobAnnounced', { chain, job: job.id, ref, rows });
    return answer;
  } catch (error) {
    if (!isAboutObject(error)) throw error;
    const { code, message } = error;
    emit('storageFailed', { chain, operation: `sweep ${ref}`, code, message });
    return 'unreadable';
  }
}

/** Faults of this one object; a store or queue that is away ends the sweep, which is then tried again. */
const OBJECT_FAULTS: ReadonlySet<string> = new Set([
  'STORAGE_CORRUPT',
  'STORAGE_NOT_FOUND',
  'STORAGE_ROWS_MISMATCH',
  'STORAGE_FOREIGN',
]);

function isAboutObject(error: unknown): error is TierfallError {
  return error instanceof TierfallError && OBJECT_FAULTS.has(error.code);
}

function foreign(ref: string): StorageError {
  return new StorageError('STORAGE_FOREIGN', `${ref} does not follow the layout of object names`, {
    hint: 'Move it elsewhere, or give it the name it was stored under.',
  });
}
