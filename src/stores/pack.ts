/**
 * Moves what the journal holds into the store, in the background: durable first, announced second, and only
 * then forgotten by the journal.
 *
 * A1 ranges of entries are packed in seq order, one at a time; the journal is checkpointed only after every
 * object of a range is in the store and `announce` has resolved for it: the queue has its job, or the job is kept
 * until the queue takes it, and the sweep finds the object. A2 the end of a range is durable before its first put,
 * so a packer that starts after a crash makes the very same objects. A3 a store that fails is asked again with
 * backoff; appends never wait for it. A4 `flush` and the background never pack at the same time.
 */
import type { Cancel, Clock, Random } from '../core/clock.ts';
import { readState, writeState } from '../core/durable-file.ts';
import { TierfallError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { FileSystem } from '../core/file-system.ts';
import { toStorageError } from '../core/storage-fault.ts';
import type { Journal, JournalEntry } from '../journal/journal.ts';
import { LANES, type PackedObject, storeEntries } from './packed-object.ts';
import type { EncodeOptions } from './parquet.ts';
import type { Store } from './store.ts';

export { laneOf, type PackEntriesOptions, type PackedObject, packEntries } from './packed-object.ts';

const PLAN_FILE = 'packing';
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 30_000;

export interface PackerOptions {
  readonly journal: Pick<Journal, 'read' | 'checkpoint' | 'checkpointed' | 'depth'>;
  readonly store: Pick<Store, 'put'>;
  readonly chain: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly fs: FileSystem;
  /** Directory of the journal: where the plan of the current range is kept. */
  readonly directory: string;
  readonly emit: Emit;
  /** Parts that replay in parallel; a change takes effect with the next range. @default 16 */
  readonly lanes?: number;
  /** Bytes of body in one range; reaching it starts packing at once. @default 8 MiB */
  readonly objectBytes?: number;
  /** Records in one range; reaching them starts packing at once. One entry may exceed both. @default 1_000_000 */
  readonly objectRows?: number;
  /** How long entries may wait for company, in milliseconds. @default 1000 */
  readonly objectAgeMs?: number;
  /** Writer and seal of objects. @default the built-in writer, no seal */
  readonly encode?: EncodeOptions;
  /** Told of the replay objects of a range, which are durable, before the first is announced; again after a crash. */
  readonly stored?: ((objects: readonly PackedObject[]) => Promise<void>) | undefined;
  /** Told of the last seq that the store owns. */
  readonly forgot?: ((seq: number) => void) | undefined;
  /** Announces the job of a replay object, now or later; called again for the same object after a crash. */
  announce(object: PackedObject): Promise<void>;
}

export interface Packer {
  /** Begins packing in the background, with what a former process left. */
  start(): void;
  /** Says that something was appended; costs next to nothing. */
  nudge(): void;
  /** Packs at once what is there, without waiting for company; a store that fails is still given its time. */
  hurry(): void;
  /** Packs all that is in the journal now. @throws the error of the store, the queue or the journal */
  flush(): Promise<void>;
  /** Stops; packs what it can. Never throws, safe to call twice. */
  close(): Promise<void>;
}

/** A range of entries that becomes objects: after `after`, up to `end`. */
interface Plan {
  readonly after: number;
  readonly end: number;
  readonly lanes: number;
}

function toPlan(state: Readonly<Record<string, unknown>> | undefined): Plan | undefined {
  const { after, end, lanes } = state ?? {};
  const isPlan = typeof after === 'number' && typeof end === 'number' && typeof lanes === 'number';
  return isPlan ? { after, end, lanes } : undefined;
}

/** The first entries that have no more than `rowsMax` records; one at least. */
function upToRows(entries: readonly JournalEntry[], rowsMax: number): readonly JournalEntry[] {
  let rows = 0;
  const end = entries.findIndex(({ rowCount }, i) => {
    rows += rowCount;
    return i > 0 && rows > rowsMax;
  });
  return end < 0 ? entries : entries.slice(0, end);
}

class JournalPacker implements Packer {
  readonly #options: PackerOptions;
  readonly #objectBytes: number;
  readonly #objectRows: number;
  readonly #objectAgeMs: number;
  readonly #lanes: number;
  #plan: Plan | undefined;
  #isPlanLoaded = false;
  #isStarted = false;
  #isRunning = false;
  /** Asked while it ran, for what came too late for that. */
  #isHurried = false;
  #failures = 0;
  #cancelTimer: Cancel | undefined;
  /** Ends when the packing that is under way, and all that waits behind it, ends. Never rejects. */
  #busy: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: PackerOptions) {
    this.#options = options;
    this.#objectBytes = options.objectBytes ?? 8 * 1024 * 1024;
    this.#objectRows = options.objectRows ?? 1_000_000;
    this.#objectAgeMs = options.objectAgeMs ?? 1000;
    this.#lanes = options.lanes ?? LANES;
  }

  start(): void {
    this.#isStarted = true;
    this.nudge();
  }

  nudge(): void {
    if (!this.#isStarted || this.#isRunning || this.#failures > 0) return;
    const { entries, rows, bytes } = this.#options.journal.depth;
    if (bytes >= this.#objectBytes || rows >= this.#objectRows) this.#run();
    else if (entries > 0 && this.#cancelTimer === undefined) this.#wait(this.#objectAgeMs);
  }

  hurry(): void {
    if (!this.#isStarted || this.#failures > 0) return;
    if (this.#isRunning) this.#isHurried = true;
    else this.#run();
  }

  flush(): Promise<void> {
    const done = this.#busy.then(() => this.#packAll());
    this.#busy = done.catch(() => undefined);
    return done;
  }

  close(): Promise<void> {
    this.#isStarted = false;
    this.#cancelTimer?.();
    this.#closing ??= this.flush().catch((error: unknown) => this.#report(error));
    return this.#closing;
  }

  #wait(delayMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.schedule(delayMs, () => this.#run());
  }

  #run(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#isRunning = true;
    void this.flush().then(
      () => this.#afterRun(),
      (error: unknown) => this.#afterFailure(error),
    );
  }

  #afterRun(): void {
    this.#isRunning = false;
    this.#failures = 0;
    const isHurried = this.#isHurried;
    this.#isHurried = false;
    if (isHurried && this.#options.journal.depth.entries > 0) this.#run();
    else this.nudge();
  }

  #afterFailure(error: unknown): void {
    this.#isRunning = false;
    this.#report(error);
    if (!this.#isStarted) return;
    const limitMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#wait(this.#options.random() * limitMs);
  }

  #report(error: unknown): void {
    const code = error instanceof TierfallError ? error.code : 'UNEXPECTED';
    const message = error instanceof Error ? error.message : String(error);
    this.#options.emit('storageFailed', { chain: this.#options.chain, operation: 'pack', code, message });
  }

  /** Everything that is in the journal at this moment; what arrives meanwhile may wait. */
  async #packAll(): Promise<void> {
    let left = this.#options.journal.depth.entries;
    while (left > 0) {
      const packed = await this.#packRange();
      if (packed === 0) return;
      left -= packed;
    }
  }

  /** @returns the number of entries that the store owns now */
  async #packRange(): Promise<number> {
    const { store, chain, emit, announce, stored, forgot, journal, encode = {} } = this.#options;
    const range = await this.#nextRange();
    if (range === undefined) return 0;
    const { lanes } = range.plan;
    const objects = await storeEntries(range.entries, { store, chain, lanes, emit, encode });
    const replayed = objects.filter(({ purpose }) => purpose === 'replay');
    await stored?.(replayed);
    for (const object of replayed) await announce(object);
    await journal.checkpoint(range.plan.end);
    forgot?.(range.plan.end);
    return range.entries.length;
  }

  async #nextRange(): Promise<{ plan: Plan; entries: readonly JournalEntry[] } | undefined> {
    const { journal } = this.#options;
    const after = journal.checkpointed;
    const plan = await this.#loadPlan();
    if (plan?.after === after) {
      const entries = await this.#readThrough(plan);
      if (entries.length > 0) return { plan, entries };
    }
    const entries = upToRows(await journal.read(after, this.#objectBytes), this.#objectRows);
    const last = entries.at(-1);
    if (last === undefined) return undefined;
    const next = { after, end: last.seq, lanes: this.#lanes };
    await this.#savePlan(next);
    return { plan: next, entries };
  }

  async #readThrough({ after, end }: Plan): Promise<JournalEntry[]> {
    const found: JournalEntry[] = [];
    for (let at = after; at < end; ) {
      const entries = await this.#options.journal.read(at, this.#objectBytes);
      for (const entry of entries) if (entry.seq <= end) found.push(entry);
      at = entries.at(-1)?.seq ?? end;
    }
    return found;
  }

  async #loadPlan(): Promise<Plan | undefined> {
    if (!this.#isPlanLoaded) {
      this.#plan = toPlan(await readState(this.#options.fs, this.#options.directory, PLAN_FILE));
      this.#isPlanLoaded = true;
    }
    return this.#plan;
  }

  async #savePlan(plan: Plan): Promise<void> {
    try {
      await writeState(this.#options.fs, this.#options.directory, PLAN_FILE, plan);
    } catch (error) {
      // Only packing frees a full disk, so it must not wait for room. Without the plan a crash now may store
      // rows in two objects; their keys make that harmless.
      const failure = toStorageError(error, `write the packing plan in ${this.#options.directory}`);
      if (failure.code !== 'STORAGE_FULL') throw failure;
    }
    this.#plan = plan;
  }
}

/** Packs a journal into a store. Nothing happens in the background before `start()`. */
export function createPacker(options: PackerOptions): Packer {
  return new JournalPacker(options);
}
