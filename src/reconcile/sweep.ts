/**
 * Finds the forgotten: objects that are stored, not settled, and unknown to the queue. The store is the truth,
 * so a queue that was wiped is filled again from here.
 *
 * W1 a sweep only announces; doing it twice, or beside a running worker, changes nothing. W2 an object that cannot
 * be read is reported and left, it never stops the sweep. W3 only a durable object is announced: what a listing
 * shows may not be durable yet. A store that can confirm it is asked, of others the object is put again, which resolves when
 * it is. W4 objects go through in parts, the next is listed while one is announced; what a part holds is bounded, however
 * many objects there are and however large. Their order does not matter: a queue places them.
 */
import { TierfallError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { mapInFlight } from '../core/in-flight.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Store } from '../stores/store.ts';
import { chainPrefix, isObjectKey, jobId, jobOf } from './job.ts';
import type { Job, Queue } from './queue.ts';
import { isSettled, settledRef } from './settlement.ts';
import { type FactsDeps, readFacts } from './stored-object.ts';

export interface SweepOptions {
  readonly store: Pick<Store, 'list' | 'get' | 'put' | 'confirm'>;
  readonly chain: string;
  readonly queue: Pick<Queue, 'announce' | 'announceAll' | 'knows'>;
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
  /** The records of an object as it says itself, so that it need not be opened. @default they are counted */
  readonly factsOf?: FactsDeps['factsOf'];
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

/** Objects that go through together. */
const PART_OBJECTS = 512;
/** Of which so many are read at the same time, with so many bytes. */
const READ_LIMITS = { atOnceMax: 64, bytesMax: 64 * 1024 * 1024, bytesOf: ({ bytes }: Listed) => bytes };

/** @throws StorageError when the store cannot be listed; what the queue throws */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const sweeping = new Sweep(options);
  let part: Listed[] = [];
  let passing: Promise<void> | undefined;
  for await (const object of listObjects(options.store, options.chain)) {
    options.signal?.throwIfAborted();
    part.push(object);
    if (part.length < PART_OBJECTS) continue;
    await passing;
    passing = sweeping.pass(part);
    // It is waited for with the next part; until then nobody listens.
    passing.catch(() => undefined);
    part = [];
  }
  await passing;
  await sweeping.pass(part);
  return sweeping.report;
}

/** An object as a listing tells it. */
interface Listed {
  readonly ref: string;
  readonly bytes: number;
  /** Whether a settlement lies next to it. */
  readonly settlement: boolean;
}

/**
 * The replay objects of a chain in key order, and whether a settlement lies next to each.
 * @param prefix of their keys, to list only some
 */
export async function* listObjects(
  store: Pick<Store, 'list'>,
  chain: string,
  prefix = chainPrefix(chain),
): AsyncGenerator<Listed> {
  let last: Omit<Listed, 'settlement'> | undefined;
  for await (const { key, bytes } of store.list(prefix)) {
    // A settlement sorts right behind its object, so one object of memory is enough.
    if (last !== undefined && settledRef(key) === last.ref) {
      yield { ...last, settlement: true };
      last = undefined;
    } else if (isObjectKey(key)) {
      if (last !== undefined) yield { ...last, settlement: false };
      last = { ref: key, bytes };
    }
  }
  if (last !== undefined) yield { ...last, settlement: false };
}

class Sweep {
  readonly #options: SweepOptions;
  readonly #counts = { objects: 0, settled: 0, known: 0, announced: 0 };
  readonly #unreadable: string[] = [];

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  get report(): SweepReport {
    return { ...this.#counts, unreadable: this.#unreadable };
  }

  /** Announces those of a part that are open and unknown. */
  async pass(part: readonly Listed[]): Promise<void> {
    const open = await this.#open(part);
    const held = await this.#options.queue.knows?.(open.map(({ ref }) => jobId(ref)));
    const unknown = open.filter(({ ref }) => !held?.has(jobId(ref)));
    const found = await mapInFlight(unknown, READ_LIMITS, ({ ref }) => this.#jobOf(ref));
    const jobs = found.filter((job) => job !== undefined);
    this.#options.signal?.throwIfAborted();
    await this.#announce(jobs);
    this.#counts.objects += part.length;
    this.#counts.settled += part.length - open.length;
    this.#counts.known += open.length - unknown.length;
  }

  async #open(part: readonly Listed[]): Promise<readonly Listed[]> {
    const { store, checkSettlements = false, signal } = this.#options;
    const settled = await mapInFlight(part, READ_LIMITS, async ({ ref, settlement }) => {
      signal?.throwIfAborted();
      return settlement && (!checkSettlements || (await isSettled(store, ref)));
    });
    return part.filter((_, at) => !settled[at]);
  }

  /** W2. @returns undefined when it cannot be read */
  async #jobOf(ref: string): Promise<Job | undefined> {
    const { chain, store, decode, factsOf, emit, signal } = this.#options;
    signal?.throwIfAborted();
    try {
      const { bytes, ...facts } = await readFacts(ref, { store, decode, factsOf });
      if (!store.confirm) await store.put(ref, [bytes], { sha256: facts.sha256 });
      return jobOf(chain, { ref, ...facts });
    } catch (error) {
      if (!isAboutObject(error)) throw error;
      const { code, message } = error;
      emit('storageFailed', { chain, operation: `sweep ${ref}`, code, message });
      this.#unreadable.push(ref);
      return undefined;
    }
  }

  async #announce(jobs: readonly Job[]): Promise<void> {
    const { chain, store, queue, emit } = this.#options;
    if (jobs.length === 0) return;
    // W3: somebody may be storing it right now. A job whose object a power cut takes would block its lane for ever.
    await store.confirm?.(jobs.map(({ ref }) => ref));
    const answers = queue.announceAll
      ? await queue.announceAll(jobs)
      : await mapInFlight(jobs, { atOnceMax: 1 }, (job) => queue.announce(job));
    for (const [at, { id, ref, rows }] of jobs.entries()) {
      if (answers[at] === 'known') this.#counts.known += 1;
      else {
        this.#counts.announced += 1;
        emit('jobAnnounced', { chain, job: id, ref, rows });
      }
    }
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
