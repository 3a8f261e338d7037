/**
 * Heals one object: goes through its open rows, remembers what is decided, and settles it when nothing is open.
 *
 * O1 what was decided is durable before the object counts as looked at; a crash before that repeats upgrades, which
 * change nothing. O2 an object is settled only when every row is healed, superseded or gone, and the sink holds every
 * healed one, where it can be asked. O3 rows that do not conform stay open: nothing is given up for a schema to come.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch, Framer } from '../../core/batch.ts';
import type { Clock } from '../../core/clock.ts';
import { rowIndices } from '../../core/row-set.ts';
import type { JournalEntry } from '../../journal/journal.ts';
import type { Store } from '../../stores/store.ts';
import { type Expected, type KeysOf, proveComplete } from '../completeness.ts';
import { inspectObject } from '../replay.ts';
import { rebuildBatch } from '../replay-entry.ts';
import { type Settlement, writeSettlement } from '../settlement.ts';
import type { HealObject } from './heal-objects.ts';
import { type HealCounts, type HealProgress, type Judgement, readProgress } from './heal-progress.ts';
import { type HealRowsDeps, healRows } from './heal-rows.ts';

export interface HealObjectDeps extends HealRowsDeps {
  readonly store: Pick<Store, 'get' | 'put'>;
  readonly chain: string;
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
  readonly framer: Framer;
  readonly clock: Clock;
  /** Of the schema that rows are read under now. */
  readonly fingerprint: string;
  /** Keys of rows of an entry as they were delivered. */
  readonly keysOf: (entry: JournalEntry) => KeysOf;
}

export interface HealObjectOptions {
  /** Reads and counts, and changes nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/** An object after it was looked at. */
export interface HealedObject extends HealCounts {
  readonly ref: string;
  readonly state: 'settled' | 'pending';
  readonly rows: number;
  /** Rows that stay degraded for now. */
  readonly pending: number;
  /** Pending rows by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What this run decided, or would decide. */
  readonly now: HealCounts;
  readonly obstacle: string | undefined;
}

/** Read and written at once, and so many rows at most in one request. */
const CHUNK_ROWS = 500;
const NOTHING: HealCounts = { healed: 0, superseded: 0, gone: 0 };
/** Reasons that another run under the same schema would only find again. */
const OF_THE_SCHEMA: ReadonlySet<string> = new Set([
  'schema-mismatch',
  'beyond-tolerance',
  'undecodable',
  'unknown-version',
]);

/**
 * Heals what can be healed of an object that is not settled.
 * @throws StorageError when it cannot be read, or what is known of it cannot be written; the signal's reason
 */
export async function healObject(
  object: HealObject,
  deps: HealObjectDeps,
  options: HealObjectOptions,
): Promise<HealedObject> {
  const progress = await readProgress(deps.store, object.ref, object.progress);
  const known = knownOf(progress, deps.fingerprint);
  if (known) return known;
  const { entries, rows, sha256 } = await inspectObject(object.ref, deps);
  const run = new HealRun(progress, deps, options);
  try {
    for (const entry of entries) {
      await run.heal(entry);
      if (run.obstacle !== undefined) break;
    }
  } finally {
    if (!options.dryRun) await run.remember(rows);
  }
  if (options.dryRun || progress.decided < rows) return run.account(rows);
  return settle(run, { entries, rows, sha256 }, deps);
}

/** Nothing is read of an object of which every open row was looked at under this schema. */
function knownOf(progress: HealProgress, fingerprint: string): HealedObject | undefined {
  const judged = progress.judgedUnder(fingerprint);
  const { rows, counts, decided, ref } = progress;
  if (!judged || rows === undefined || decided === rows) return undefined;
  const { pending: reasons } = judged;
  const shared = { ref, rows, now: NOTHING, obstacle: undefined, reasons };
  return { ...shared, ...counts, state: 'pending', pending: rows - decided };
}

class HealRun {
  readonly #progress: HealProgress;
  readonly #deps: HealObjectDeps;
  readonly #options: HealObjectOptions;
  readonly #before: HealCounts;
  readonly #reasons = new Map<string, number>();
  #wouldHeal = 0;
  obstacle: string | undefined;

  constructor(progress: HealProgress, deps: HealObjectDeps, options: HealObjectOptions) {
    this.#progress = progress;
    this.#deps = deps;
    this.#options = options;
    this.#before = { ...progress.counts };
  }

  get progress(): HealProgress {
    return this.#progress;
  }

  async heal(entry: JournalEntry): Promise<void> {
    const decided = this.#progress.outcomesOf(entry.seq);
    if (decided.size === entry.rowCount) return;
    const batch = rebuildBatch(entry, this.#deps);
    const open = rowIndices('all', batch.rowCount).filter((row) => !decided.has(row));
    for (let from = 0; from < open.length && this.obstacle === undefined; from += CHUNK_ROWS) {
      await nextTurn();
      this.#options.signal.throwIfAborted();
      const rows = open.slice(from, from + CHUNK_ROWS);
      if (this.#options.dryRun) await this.#look(entry, batch, rows);
      else await this.#healRows(entry, batch, rows);
    }
  }

  /** O1. */
  async remember(rows: number): Promise<void> {
    const { decided } = this.#progress;
    const isKnown = sum(this.#before) === decided && this.#progress.documents > 0;
    const judged = this.#judgement(rows);
    if (isKnown && judged === undefined) return;
    if (decided > 0 || judged) await this.#progress.write(this.#deps.store, rows, judged);
  }

  account(rows: number): HealedObject {
    const { counts, decided, ref } = this.#progress;
    const now = {
      healed: counts.healed - this.#before.healed + this.#wouldHeal,
      superseded: counts.superseded - this.#before.superseded,
      gone: counts.gone - this.#before.gone,
    };
    const reasons = Object.fromEntries(this.#reasons);
    const shared = { ref, rows, now, reasons, obstacle: this.obstacle };
    return { ...shared, ...counts, state: 'pending', pending: rows - decided };
  }

  async #healRows(entry: JournalEntry, batch: Batch, rows: readonly number[]): Promise<void> {
    const result = await healRows({ entry, batch, rows }, this.#deps, this.#options.signal);
    this.#progress.mark(entry.seq, result.healed, 'healed');
    this.#progress.mark(entry.seq, result.superseded, 'superseded');
    if (this.#isExpired(entry)) this.#progress.mark(entry.seq, result.absent, 'gone');
    else this.#wait('absent', result.absent.length);
    for (const { reason, rows: left } of result.left) {
      this.#wait(reason, rowIndices(left, batch.rowCount).length);
    }
    this.obstacle = result.obstacle;
  }

  async #look(entry: JournalEntry, batch: Batch, rows: readonly number[]): Promise<void> {
    const { rows: fuller, left } = await this.#deps.readVersions(entry, batch, rows);
    this.#wouldHeal += fuller.length;
    for (const { reason, rows: stay } of left) this.#wait(reason, rowIndices(stay, batch.rowCount).length);
  }

  /** The sink keeps nothing that is as old as this. */
  #isExpired({ receivedAtMs }: JournalEntry): boolean {
    const { retentionMs } = this.#deps.sink;
    return retentionMs !== undefined && receivedAtMs + retentionMs < this.#deps.clock.wallNow();
  }

  #wait(reason: string, rows: number): void {
    if (rows > 0) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + rows);
  }

  /** Only when every open row was looked at and only the schema is in the way. */
  #judgement(rows: number): Judgement | undefined {
    const pending = sum(Object.fromEntries(this.#reasons));
    if (pending === 0 || pending + this.#progress.decided !== rows) return undefined;
    if ([...this.#reasons.keys()].some((reason) => !OF_THE_SCHEMA.has(reason))) return undefined;
    return { schema: this.#deps.fingerprint, pending: Object.fromEntries(this.#reasons) };
  }
}

/** O2. Of a heal object, `delivered` rows are healed, `alreadyHeld` ones superseded, `degraded` ones gone as they were. */
async function settle(
  run: HealRun,
  { entries, rows, sha256 }: { entries: readonly JournalEntry[]; rows: number; sha256: string },
  deps: HealObjectDeps,
): Promise<HealedObject> {
  const { progress } = run;
  const { sink, store, clock } = deps;
  const account = run.account(rows);
  const entryOf = new Map<Batch, JournalEntry>();
  async function* expected(): AsyncGenerator<Expected> {
    for (const entry of entries) {
      const batch = rebuildBatch(entry, deps);
      const outcomes = progress.outcomesOf(entry.seq);
      const healed = [...outcomes].flatMap(([row, outcome]) => (outcome === 'healed' ? [row] : []));
      entryOf.clear();
      entryOf.set(batch, entry);
      if (healed.length > 0) yield { batch, rows: healed.sort((a, b) => a - b) };
    }
  }
  const keysOf: KeysOf = (batch, some) => {
    const entry = entryOf.get(batch);
    return entry ? deps.keysOf(entry)(batch, some) : [];
  };
  let proof: Settlement['proof'];
  try {
    proof = await proveComplete(expected(), keysOf, sink.lookup?.bind(sink));
  } catch (error) {
    return { ...account, obstacle: error instanceof Error ? error.message : String(error) };
  }
  if (proof.missing.length > 0) return { ...account, reasons: { 'missing-after-heal': proof.missing.length } };
  const { healed, superseded, gone } = progress.counts;
  await writeSettlement(store, {
    version: 1,
    ref: progress.ref,
    sha256,
    settledAt: new Date(clock.wallNow()).toISOString(),
    rows,
    delivered: healed,
    alreadyHeld: superseded,
    degraded: gone,
    quarantined: 0,
    proof,
    attempts: progress.documents + 1,
  });
  return { ...account, state: 'settled' };
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
