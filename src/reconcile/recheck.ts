/**
 * Asks the sink again, today, for every row of every settled object: what a settlement proved was true when it was written.
 * Looks only, and may run beside writers and workers.
 *
 * H1 memory holds one object at a time, and a bounded list of what is lost; all of it is counted. H2 rows that were
 * quarantined, whatever became of them, and rows that the sink may have let go of by its own retention are not lost. H3 a
 * key counts as held only when the sink names it.
 */
import type { Batch, Framer } from '../core/batch.ts';
import type { Clock, Random } from '../core/clock.ts';
import { SinkError, StorageError, TierfallError } from '../core/errors.ts';
import { isPassing } from '../core/reason.ts';
import { rowIndices } from '../core/row-set.ts';
import { linkAbort } from '../core/signal.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Store } from '../stores/store.ts';
import { findKeys, type KeysOf, lookupKeys } from './completeness.ts';
import { digestKeys } from './key-digest.ts';
import type { Quarantine } from './quarantine.ts';
import { backoffMs, loadEntries } from './replay.ts';
import { rebuildBatch } from './replay-entry.ts';
import { readSettlement, type Settlement } from './settlement.ts';
import { listObjects } from './sweep.ts';

export interface RecheckOptions {
  readonly store: Pick<Store, 'list' | 'get'>;
  readonly chain: string;
  readonly sink: Required<Pick<Sink, 'lookup'>> & Pick<Sink, 'retentionMs'>;
  readonly quarantine: Pick<Quarantine, 'asideOf'>;
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
  readonly framer: Framer;
  readonly keysOf: KeysOf;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends it early; its reason is thrown. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (rows: number, lost: number) => void;
}

/** A row that was settled as landed, and that the sink does not hold any more. */
export interface LostRow {
  readonly key: string;
  readonly ref: string;
}

export interface RecheckReport {
  /** Settled objects that were read. */
  readonly objects: number;
  /** Objects that are not settled, which claim nothing. */
  readonly open: number;
  /** Rows that should be in the sink. */
  readonly rows: number;
  readonly held: number;
  readonly lost: number;
  /** The first 1000 of them. */
  readonly lostRows: readonly LostRow[];
  /** Rows that are older than the sink keeps anything. */
  readonly pastRetention: number;
  /** Rows whose keys cannot be computed, which nobody can ask for. */
  readonly unkeyed: number;
  /** Objects whose keys are not those that were proved: the schema has changed, or the quarantine. */
  readonly differing: readonly string[];
  /** Objects that cannot be read, or do not hold what their settlement tells of. */
  readonly faults: readonly { readonly ref: string; readonly fault: string }[];
}

const LOST_MAX = 1000;
/** Times in a row that a sink may refuse to answer for a passing reason. */
const ATTEMPTS_MAX = 6;

/** @throws StorageError when the store cannot be listed; SinkError when the sink cannot be asked; the signal's reason */
export async function recheckSink(options: RecheckOptions): Promise<RecheckReport> {
  const recheck = new Recheck(options);
  for await (const { ref, settlement } of listObjects(options.store, options.chain)) {
    options.signal?.throwIfAborted();
    await recheck.object(ref, settlement);
  }
  return recheck.report;
}

/** Rows of one entry, as they should be in the sink. */
interface EntryRows {
  readonly rows: readonly number[];
  /** Of all of them, also when they cannot be asked for. */
  readonly keys: readonly string[];
  readonly isKeyed: boolean;
  readonly isPast: boolean;
}

class Recheck {
  readonly #options: RecheckOptions;
  readonly #counts = { objects: 0, open: 0, rows: 0, held: 0, lost: 0, pastRetention: 0, unkeyed: 0 };
  readonly #lostRows: LostRow[] = [];
  readonly #differing: string[] = [];
  readonly #faults: { readonly ref: string; readonly fault: string }[] = [];

  constructor(options: RecheckOptions) {
    this.#options = options;
  }

  get report(): RecheckReport {
    return { ...this.#counts, lostRows: this.#lostRows, differing: this.#differing, faults: this.#faults };
  }

  async object(ref: string, isListed: boolean): Promise<void> {
    const found = isListed ? await readSettlement(this.#options.store, ref) : undefined;
    if (found?.state !== 'valid') {
      this.#counts.open += 1;
      return;
    }
    this.#counts.objects += 1;
    try {
      const entries = await loadEntries(found.settlement, this.#options);
      await this.#compare(found.settlement, entries);
    } catch (error) {
      if (error instanceof SinkError || !(error instanceof TierfallError)) throw error;
      // It may have expired since it was listed.
      if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return;
      this.#faults.push({ ref, fault: error.message });
    }
  }

  async #compare(settlement: Settlement, entries: readonly JournalEntry[]): Promise<void> {
    const { ref, proof, rows, quarantined } = settlement;
    const keys = new Set<string>();
    const aside = await this.#options.quarantine.asideOf(ref);
    let expected = 0;
    for (const entry of entries) {
      this.#options.signal?.throwIfAborted();
      const found = await this.#rowsOf(entry, aside.get(entry.seq));
      expected += found.rows.length;
      for (const key of found.keys) keys.add(key);
      await this.#ask(ref, found);
      this.#options.onProgress?.(this.#counts.rows, this.#counts.lost);
    }
    if ((await digestKeys(keys)) !== proof.sourceDigest) this.#differing.push(ref);
    const landed = rows - quarantined;
    if (expected > landed) {
      const fault = `${expected - landed} rows that were quarantined when it was settled are not in quarantine`;
      this.#faults.push({ ref, fault });
    }
  }

  /** H2 */
  async #rowsOf(entry: JournalEntry, aside: ReadonlySet<number> | undefined): Promise<EntryRows> {
    const { keysOf, sink, clock } = this.#options;
    const batch: Batch = rebuildBatch(entry, this.#options);
    const rows = rowIndices('all', batch.rowCount).filter((row) => !aside?.has(row));
    const keys = rows.length === 0 ? [] : await findKeys(keysOf, { batch, rows });
    const { retentionMs = Number.POSITIVE_INFINITY } = sink;
    return {
      rows,
      keys: keys ?? rows.map((row) => batch.rowKey(row)),
      isKeyed: keys !== undefined,
      isPast: clock.wallNow() - entry.receivedAtMs >= retentionMs,
    };
  }

  /** H3 */
  async #ask(ref: string, { rows, keys, isKeyed, isPast }: EntryRows): Promise<void> {
    this.#counts.rows += rows.length;
    if (isPast) this.#counts.pastRetention += rows.length;
    else if (!isKeyed) this.#counts.unkeyed += rows.length;
    else {
      const held = await this.#lookup(keys);
      const lost = keys.filter((key) => !held.has(key));
      this.#counts.held += keys.length - lost.length;
      this.#counts.lost += lost.length;
      const room = LOST_MAX - this.#lostRows.length;
      this.#lostRows.push(...lost.slice(0, room).map((key) => ({ key, ref })));
    }
  }

  /** A sink that is busy does not end hours of work. */
  async #lookup(keys: readonly string[]): Promise<ReadonlySet<string>> {
    const { sink, clock, random, signal } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await lookupKeys((some) => sink.lookup(some), keys);
      } catch (error) {
        if (!(error instanceof SinkError) || !isPassing(error.reason) || attempt === ATTEMPTS_MAX) throw error;
        const delayMs = backoffMs(attempt, random, error.retryAfterMs);
        await pause(delayMs, clock, signal);
        signal?.throwIfAborted();
      }
    }
  }
}

/** Waits, or until the signal ends it. */
async function pause(delayMs: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.schedule(delayMs, resolve, { keepAlive: true });
  const unlink = signal && linkAbort(signal, () => resolve());
  await promise;
  cancel();
  unlink?.();
}
