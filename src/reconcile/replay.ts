/**
 * Replays one stored object from where an earlier attempt got to, proves that it is complete, and settles it.
 *
 * P1 entries of one ordering key go in order, and the next one starts only when every row of the one before is in the sink,
 * held by it, or in quarantine; entries of different keys go side by side (replay-flow.ts). P2 an object whose bytes or counts differ from its job is never delivered. P3 a settlement
 * is written only when the account balances and no key is missing. P4 progress is
 * remembered whenever entries are done that follow what was done before.
 */
import type { Clock, Random } from '../core/clock.ts';
import { StorageError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { sha256InTurns } from '../core/keys.ts';
import { rowIndices } from '../core/row-set.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Store } from '../stores/store.ts';
import { type Expected, proveComplete, writeIncomplete } from './completeness.ts';
import { deferralOf } from './deferral.ts';
import { placeOf } from './job.ts';
import type { Lease } from './lease.ts';
import type { Admission, ReplayPace } from './pace/replay-pace.ts';
import { advanced, encodeProgress, freshProgress, landedAhead, type Progress, progressOf } from './progress.ts';
import type { Aside } from './quarantine.ts';
import type { ClaimedJob, Job } from './queue.ts';
import {
  type EntryDeps,
  type EntryResult,
  type Obstacle,
  obstacleOf,
  rebuildBatch,
  replayEntry,
} from './replay-entry.ts';
import { ReplayFlow, type Stretch } from './replay-flow.ts';
import { type Proof, readSettlement, type Settlement, writeSettlement } from './settlement.ts';

export interface ReplayDeps extends EntryDeps {
  readonly store: Pick<Store, 'get' | 'put'>;
  /** Reads the entries of an object. @throws StorageError when its bytes are damaged */
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

/** What it takes to read an object. */
export interface ReadDeps extends Pick<ReplayDeps, 'decode'> {
  readonly store: Pick<Store, 'get'>;
}

export type ReplayResult =
  /** `fresh` is false when an earlier attempt or another worker had settled it. */
  | { readonly state: 'settled'; readonly settlement: Settlement; readonly fresh: boolean }
  | { readonly state: 'postponed'; readonly reason: string; readonly delayMs: number }
  /** The caller asked to stop between two entries, or nothing can be sent now. */
  | { readonly state: 'stopped' };

export interface ReplayControl {
  readonly lease: Pick<Lease, 'signal' | 'checkpoint'>;
  /** Asked before each entry. */
  readonly isStopping: () => boolean;
  /** When the next entry may be sent. @default at once */
  readonly pace?: Pick<ReplayPace, 'enter' | 'met'> | undefined;
}

/** What became of one entry. */
type Passed =
  | { readonly state: 'replayed'; readonly result: EntryResult }
  | Exclude<Admission, { state: 'go' }>;

const NONE: ReadonlySet<number> = new Set();

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;

/** Full jitter over an exponential step, and never less than what the sink asked for. */
export function backoffMs(failures: number, random: Random, retryAfterMs = 0): number {
  const stepMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.max(retryAfterMs, Math.ceil(random() * stepMs));
}

/**
 * Replays the object of a claimed job. The caller completes or postpones the job by the result.
 * @throws LeaseLostError; anything unexpected, upon which the job is to be postponed
 */
export async function replayObject(
  job: ClaimedJob,
  deps: ReplayDeps,
  control: ReplayControl,
): Promise<ReplayResult> {
  try {
    const found = await readSettlement(deps.store, job.ref);
    if (found.state === 'valid') return { state: 'settled', settlement: found.settlement, fresh: false };
    const entries = await loadEntries(job, deps);
    return await new Replay(job, entries, deps, control).run();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const { code, message } = error;
    deps.emit('storageFailed', { chain: deps.chain, operation: `replay ${job.ref}`, code, message });
    return { state: 'postponed', reason: code, delayMs: backoffMs(job.attempts, deps.random) };
  }
}

/**
 * The entries of an object, in order. P2.
 * @throws StorageError `STORAGE_CORRUPT` when the object is not the one that its name tells; `STORAGE_JOB_MISMATCH` or
 * `STORAGE_ROWS_MISMATCH` when it is, and the job tells of another one; what store and decoder throw
 */
export async function loadEntries(
  job: Pick<Job, 'ref' | 'sha256' | 'rows'>,
  { store, decode }: ReadDeps,
): Promise<readonly JournalEntry[]> {
  const bytes = await store.get(job.ref);
  const digest = await sha256InTurns([bytes]);
  if (digest !== job.sha256) {
    const found = `its SHA-256 is ${digest}, announced was ${job.sha256}`;
    throw isNamedBy(digest, job.ref) ? notTheJob(job.ref, found) : notTheObject(job.ref, found);
  }
  const entries = await decode(bytes);
  const rows = countEntryRows(entries);
  if (rows === job.rows) return entries;
  throw new StorageError('STORAGE_ROWS_MISMATCH', `${job.ref} holds ${rows} rows, announced were ${job.rows}`, {
    hint: 'Nothing of it is delivered. Restore the object from a copy.',
  });
}

export interface InspectedObject {
  readonly rows: number;
  readonly sha256: string;
  readonly bytes: Uint8Array;
  readonly entries: readonly JournalEntry[];
}

/** Reads an object that only the store knows. @throws as `loadEntries`, also when the bytes belie the name */
export async function inspectObject(ref: string, deps: ReadDeps): Promise<InspectedObject> {
  const bytes = await deps.store.get(ref);
  const digest = await sha256InTurns([bytes]);
  if (placeOf(ref) && !isNamedBy(digest, ref)) throw notTheObject(ref, `its SHA-256 is ${digest}`);
  const entries = await deps.decode(bytes);
  return { rows: countEntryRows(entries), sha256: digest, bytes, entries };
}

export function countEntryRows(entries: readonly JournalEntry[]): number {
  return entries.reduce((count, entry) => count + entry.rowCount, 0);
}

/** Whether the name of an object tells this digest. */
function isNamedBy(digest: string, ref: string): boolean {
  const place = placeOf(ref);
  return place !== undefined && digest.startsWith(place.digest);
}

function notTheJob(ref: string, found: string): StorageError {
  return new StorageError('STORAGE_JOB_MISMATCH', `the job of ${ref} is not that of the object: ${found}`, {
    hint: 'Nothing of it is delivered by this job. A queue in Redis throws it out and is filled again from the store.',
  });
}

export function notTheObject(ref: string, found: string): StorageError {
  return new StorageError('STORAGE_CORRUPT', `${ref} is not the object that was stored: ${found}`, {
    hint: 'Nothing of it is delivered. Restore the object from a copy.',
  });
}

class Replay {
  readonly #job: ClaimedJob;
  readonly #entries: readonly JournalEntry[];
  readonly #deps: ReplayDeps;
  readonly #control: ReplayControl;
  #progress: Progress;

  constructor(job: ClaimedJob, entries: readonly JournalEntry[], deps: ReplayDeps, control: ReplayControl) {
    this.#job = job;
    this.#entries = entries;
    this.#deps = deps;
    this.#control = control;
    this.#progress = progressOf(job);
  }

  async run(): Promise<ReplayResult> {
    const entries = this.#entries;
    const aside = await this.#deps.quarantine.asideOf(this.#job.ref);
    const flow = new ReplayFlow<Passed>({
      entries,
      from: this.#progress.entriesDone,
      pass: (entry) => this.#pass(entry, aside.get(entry.seq) ?? NONE),
      isDone,
      isStopping: this.#control.isStopping,
    });
    try {
      while (this.#progress.entriesDone < entries.length) {
        this.#control.lease.signal.throwIfAborted();
        const end = this.#advance(await flow.next());
        await this.#remember();
        if (end) return end;
      }
    } finally {
      await flow.end();
    }
    return this.#settle();
  }

  async #pass(entry: JournalEntry, aside: ReadonlySet<number>): Promise<Passed> {
    const { ref, attempts } = this.#job;
    const { signal } = this.#control.lease;
    const turn = await this.#control.pace?.enter(entry, signal);
    if (turn !== undefined && turn.state !== 'go') return turn;
    const confirm = (): Promise<void> => this.#remember();
    let result: EntryResult | undefined;
    try {
      result = await replayEntry(entry, this.#deps, { ref, attempts: attempts + 1, aside, signal, confirm });
    } finally {
      turn?.leave(result);
    }
    for (const [reason, rows] of result.quarantined) {
      this.#deps.emit('rowsQuarantined', { chain: this.#deps.chain, ref, reason, rows });
    }
    return { state: 'replayed', result };
  }

  /**
   * Everything up to the first entry that has to wait is done; what landed behind it is found again.
   * @returns why the job ends here, if it does
   * @throws what an entry threw
   */
  #advance(passed: Stretch<Passed>): ReplayResult | undefined {
    const end = passed.findIndex((each) => !isSettledWell(each));
    for (const [at, each] of passed.entries()) {
      if (each?.status !== 'fulfilled' || each.value.state !== 'replayed') continue;
      const { result } = each.value;
      const isAhead = end >= 0 && at >= end;
      this.#progress = isAhead
        ? landedAhead(this.#progress, result)
        : advanced(this.#progress, result, this.#job.attempts);
    }
    if (end < 0 && passed.length > 0) return undefined;
    const stop = passed.find((each) => each !== undefined && !isSettledWell(each));
    if (stop?.status === 'rejected') throw stop.reason;
    if (stop === undefined || stop.value.state === 'stopped') return { state: 'stopped' };
    const { obstacle } = stop.value.result;
    return obstacle && this.#postponed(obstacle);
  }

  async #settle(): Promise<ReplayResult> {
    const { ref, sha256: digest, rows, attempts } = this.#job;
    const { delivered, degraded, alreadyHeld } = this.#progress;
    const aside = await this.#deps.quarantine.asideOf(ref);
    let quarantined = 0;
    for (const { seq } of this.#entries) quarantined += aside.get(seq)?.size ?? 0;
    // Differs only when two workers had the object at once and put different rows aside: count again.
    if (delivered + degraded + alreadyHeld + quarantined !== rows) return this.#startOver('unbalanced');
    const proof = await this.#prove(aside);
    if ('reason' in proof) {
      this.#control.pace?.met(proof);
      return this.#postponed(proof);
    }
    const settledAt = new Date(this.#deps.clock.wallNow()).toISOString();
    if (proof.missing.length > 0) {
      await writeIncomplete(this.#deps.store, { version: 1, ref, foundAt: settledAt, proof });
      return this.#startOver('missing-after-replay');
    }
    await this.#remember();
    const counts = { rows, delivered, degraded, quarantined, alreadyHeld };
    const settlement: Settlement = {
      version: 1,
      ref,
      sha256: digest,
      settledAt,
      ...counts,
      ...deferralOf(this.#entries),
      proof,
      attempts: attempts + 1,
    };
    const standing = await writeSettlement(this.#deps.store, settlement);
    return { state: 'settled', settlement: standing, fresh: standing === settlement };
  }

  async #prove(aside: Aside): Promise<Proof | Obstacle> {
    const { sink, keysOf } = this.#deps;
    const lookup = sink?.lookup?.bind(sink);
    try {
      return await proveComplete(this.#expected(aside), keysOf, lookup);
    } catch (error) {
      return obstacleOf(error);
    }
  }

  *#expected(aside: Aside): Generator<Expected> {
    for (const entry of this.#entries) {
      const batch = rebuildBatch(entry, this.#deps);
      const known = aside.get(entry.seq) ?? NONE;
      const all = rowIndices('all', batch.rowCount);
      const rows = known.size === 0 ? all : all.filter((row) => !known.has(row));
      if (rows.length > 0) yield { batch, rows };
    }
  }

  /** From the first entry again: rows the sink holds are then skipped, and those it lacks are sent. */
  async #startOver(reason: string): Promise<ReplayResult> {
    this.#progress = { ...freshProgress(this.#job.attempts), movedAt: this.#progress.movedAt };
    await this.#remember();
    return { state: 'postponed', reason, delayMs: backoffMs(this.#job.attempts, this.#deps.random) };
  }

  async #remember(): Promise<void> {
    await this.#control.lease.checkpoint(this.#progress.entriesDone, encodeProgress(this.#progress));
  }

  #postponed({ reason, retryAfterMs }: Obstacle): ReplayResult {
    const failures = Math.max(0, this.#job.attempts - this.#progress.movedAt);
    return { state: 'postponed', reason, delayMs: backoffMs(failures, this.#deps.random, retryAfterMs) };
  }
}

function isSettledWell(each: Stretch<Passed>[number]): boolean {
  return each?.status === 'fulfilled' && isDone(each.value);
}

function isDone(passed: Passed): boolean {
  return passed.state === 'replayed' && passed.result.obstacle === undefined;
}
