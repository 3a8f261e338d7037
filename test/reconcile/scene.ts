/** Everything a replay needs, in one place: a real store format, a real state file, a fake chain with controls. */
import { extractRows, framer } from '../../src/codecs/codecs.ts';
import type { Batch } from '../../src/core/batch.ts';
import type { SinkError } from '../../src/core/errors.ts';
import type { Emit, EventName, Events } from '../../src/core/events.ts';
import { batchKey, sha256 } from '../../src/core/keys.ts';
import type { Receipt, Residue } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import type { JournalEntry, RawEntry } from '../../src/journal/journal.ts';
import { embeddedQueue } from '../../src/reconcile/embedded-queue.ts';
import { jobOf } from '../../src/reconcile/job.ts';
import { type ReconcileReport, reconcileReport } from '../../src/reconcile/ledger.ts';
import type { Job, Queue } from '../../src/reconcile/queue.ts';
import type { ReplayEngine } from '../../src/reconcile/replay-entry.ts';
import type { StateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { type StoreQuarantine, storeQuarantine } from '../../src/reconcile/store-quarantine.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../src/reconcile/worker.ts';
import { type PackedObject, packEntries } from '../../src/stores/pack.ts';
import { decodeObject, encodeObject } from '../../src/stores/parquet.ts';
import type { Store } from '../../src/stores/store.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';
import { createWorkplace, type Workplace } from './workplace.ts';

export const CHAIN = 'orders';

export type Verdict = { readonly reason: string; readonly detail?: string; readonly retryAfterMs?: number };

/** A chain and its sink in one: lands rows by key, or rejects them as told. */
export class FakeChain implements ReplayEngine {
  /** Rows by key, as bytes in text. */
  readonly rows = new Map<string, string>();
  /** Ordering key and row text of each first landing, in order. */
  readonly landings: { readonly orderingKey: string | undefined; readonly text: string }[] = [];
  readonly seen: Batch[] = [];
  /** Rows that came although they had landed before. */
  rewrites = 0;
  lookups = 0;
  /** Decides per row; undefined lands it. */
  judge: (text: string, batch: Batch) => Verdict | undefined = () => undefined;
  degrade: (text: string) => boolean = () => false;
  /** Awaited before each batch. */
  before: (batch: Batch, signal: AbortSignal | undefined) => Promise<void> = async () => {};
  rejectsByThrowing = false;
  lookupFails: SinkError | undefined;

  readonly sink = {
    lookup: async (keys: readonly string[]): Promise<ReadonlySet<string>> => {
      this.lookups += 1;
      if (this.lookupFails) throw this.lookupFails;
      return new Set(keys.filter((key) => this.rows.has(key)));
    },
  };

  async submitBatch(batch: Batch, options: { readonly signal?: AbortSignal } = {}): Promise<Receipt> {
    this.seen.push(batch);
    await this.before(batch, options.signal);
    options.signal?.throwIfAborted();
    const residue = new Map<string, { verdict: Verdict; rows: number[] }>();
    let degraded = 0;
    for (const row of rowIndices('all', batch.rowCount)) {
      const text = Buffer.from(batch.frame.row(row)).toString();
      const verdict = this.judge(text, batch);
      if (!verdict) {
        if (this.degrade(text)) degraded += 1;
        this.#land(batch, row, text);
      } else {
        const group = residue.get(verdict.reason) ?? { verdict, rows: [] };
        residue.set(verdict.reason, group);
        group.rows.push(row);
      }
    }
    const rejections = [...residue.values()].map(({ verdict, rows }): Residue => ({ ...verdict, rows }));
    const rejected = rejections.reduce((count, { rows }) => count + rows.length, 0);
    const receipt: Receipt = {
      batchKey: batch.key,
      records: batch.rowCount,
      delivered: batch.rowCount - rejected - degraded,
      degraded,
      deferred: 0,
      dropped: 0,
      rejected,
      trail: [],
      loss: undefined,
      refs: [],
      rejections,
    };
    if (rejected > 0 && this.rejectsByThrowing) throw Object.assign(new Error('exhausted'), { receipt });
    return receipt;
  }

  #land(batch: Batch, row: number, text: string): void {
    const key = batch.rowKey(row);
    if (this.rows.has(key)) {
      this.rewrites += 1;
      return;
    }
    this.rows.set(key, text);
    this.landings.push({ orderingKey: batch.orderingKey, text });
  }
}

export interface Happening {
  readonly name: EventName;
  readonly event: Events[EventName];
}

export interface Scene {
  readonly clock: ManualClock;
  readonly place: Workplace;
  readonly store: MemoryStore;
  readonly chain: FakeChain;
  readonly events: Happening[];
  readonly state: StateDatabase;
  readonly queue: Queue;
  readonly quarantine: StoreQuarantine;
  /** Stores an object of these entries and announces it unless told not to. */
  put(lane: number, entries: readonly RawEntry[], announce?: boolean): Promise<Job>;
  worker(options?: Partial<WorkerOptions>): Worker;
  /** Everything again on a state file that was closed, lost or kept. */
  reopen(): Promise<Scene>;
  report(): Promise<ReconcileReport>;
  /** Moves time until the promise settles. */
  until<T>(promise: Promise<T>, stepMs?: number): Promise<T>;
  close(): Promise<void>;
}

interface World {
  readonly clock: ManualClock;
  readonly place: Workplace;
  readonly store: MemoryStore;
  readonly chain: FakeChain;
  readonly events: Happening[];
  seq: number;
}

export async function createScene(): Promise<Scene> {
  return openScene({
    clock: new ManualClock(),
    place: await createWorkplace(),
    store: new MemoryStore(),
    chain: new FakeChain(),
    events: [],
    seq: 0,
  });
}

/** An entry of ndjson rows, as the first tier chain would have deferred it. */
export function entryOf(lines: readonly string[], changes: Partial<RawEntry> = {}): RawEntry {
  const body = Buffer.from(`${lines.join('\n')}\n`);
  return {
    purpose: 'replay',
    key: batchKey(CHAIN, undefined, body),
    orderingKey: undefined,
    priority: 'normal',
    format: 'ndjson',
    attributes: {},
    receivedAtMs: 1_700_000_000_000,
    reason: 'unavailable',
    trail: '[]',
    rowCount: lines.length,
    rows: undefined,
    sha256: sha256(body),
    body,
    ...changes,
  };
}

async function openScene(world: World): Promise<Scene> {
  const { clock, place, store, chain } = world;
  const state = await place.open();
  const queue = embeddedQueue({ state, clock });
  const put = async (lane: number, entries: readonly RawEntry[], announce = true): Promise<Job> => {
    const job = await storeObject(world, lane, entries);
    if (announce) await queue.announce(job);
    return job;
  };
  const emit: Emit = (name, event) => void world.events.push({ name, event });
  const announce = async ({ ref, lane, order, rows, sha256: digest }: PackedObject): Promise<void> => {
    await queue.announce(jobOf(CHAIN, { ref, lane, order, rows, sha256: digest }));
  };
  const defer = (entries: readonly RawEntry[]): Promise<void> =>
    packEntries(entries, { store, chain: CHAIN, emit, announce });
  const quarantine = storeQuarantine({ store, chain: CHAIN, clock, index: state, defer });
  const shared = { queue, store, quarantine, clock, emit, engine: chain, sink: chain.sink, chain: CHAIN };
  const pure = { decode: decodeObject, framer, extractRows, keysOf, random: () => 0.5 };
  return {
    ...world,
    state,
    queue,
    quarantine,
    put,
    worker: (options = {}) => createWorker({ ...shared, ...pure, ...options }),
    reopen: () => openScene(world),
    report: () => reconcileReport({ store, chain: CHAIN, decode: decodeObject }),
    until: (promise, stepMs = 50) => advanceUntil(clock, promise, stepMs),
    close: () => place.close(),
  };
}

export function keysOf(batch: Batch, rows: readonly number[]): readonly string[] {
  return rows.map((row) => batch.rowKey(row));
}

async function storeObject(world: World, lane: number, entries: readonly RawEntry[]): Promise<Job> {
  const order = world.seq;
  const placed: JournalEntry[] = entries.map((entry, at) => ({ ...entry, seq: order + at }));
  world.seq += entries.length;
  const { chunks, sha256: digest } = await encodeObject(placed, {});
  const name = `${String(order).padStart(16, '0')}-${digest.slice(0, 32)}`;
  const ref = `chain=${CHAIN}/date=2026-11-20/hour=00/part=${lane}/${name}.parquet`;
  await (world.store as Store).put(ref, chunks);
  const rows = entries.reduce((count, { rowCount }) => count + rowCount, 0);
  return jobOf(CHAIN, { ref, lane, order, rows, sha256: digest });
}

async function advanceUntil<T>(clock: ManualClock, promise: Promise<T>, stepMs: number): Promise<T> {
  let isSettled = false;
  const watched = promise.finally(() => {
    isSettled = true;
  });
  watched.catch(() => undefined);
  for (let steps = 0; !isSettled; steps += 1) {
    if (steps > 20_000) throw new Error('nothing settles however long one waits');
    await clock.advance(stepMs);
  }
  return watched;
}
