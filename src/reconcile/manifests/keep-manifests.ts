/**
 * Writes outages and links beside the work of a worker, so that no settlement waits for them.
 *
 * K1 settling costs no call more: what the worker creates is noted where it puts it, and many share a link. K2 outages are
 * written before links, so that they are linked with what they are made of. K3 nothing here ever fails the work: what could
 * not be written is reported, and written the next time, by this process or by another. K4 a process that settles nothing
 * writes nothing and waits for nothing.
 */
import type { Cancel, Clock } from '../../core/clock.ts';
import { TierfallError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import { sha256 } from '../../core/keys.ts';
import type { Store } from '../../stores/store.ts';
import { chainPrefix } from '../job.ts';
import { settledRef } from '../settlement.ts';
import { LinkWriter } from './link-writer.ts';
import { OUTAGE_GAP_MS } from './outage.ts';
import { writeOutages } from './write-outages.ts';

export interface KeepManifestsOptions {
  readonly store: Store;
  readonly chain: string;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Longest pause between deferrals of one outage, in milliseconds. @default 600_000 */
  readonly outageGapMs?: number;
  /** How long a settlement waits for others to be linked with, in milliseconds. @default 30_000 */
  readonly linkEveryMs?: number;
  /** Settlements that are linked at once when there are so many. @default 500 */
  readonly linkRows?: number;
}

export interface ManifestKeeper {
  /** The store as the worker is to use it. */
  readonly store: Store;
  /** Writes what can be written now, also outages that may go on. Never throws. */
  keep(): Promise<void>;
  /** Links what waits. Never throws, safe to call twice. */
  close(): Promise<void>;
}

export function keepManifests(options: KeepManifestsOptions): ManifestKeeper {
  return new Keeper(options);
}

const LINK_EVERY_MS = 30_000;
const LINK_ROWS = 500;
/** Settlements that are kept in memory until their outage is written, about 1 KiB each. */
const FRESH_MAX = 2_000;

class Keeper implements ManifestKeeper {
  readonly store: Store;
  readonly #options: KeepManifestsOptions;
  readonly #links: LinkWriter;
  readonly #gapMs: number;
  /** What this process settled since outages were last written, so that it need not be read again. */
  readonly #fresh = new Map<string, Uint8Array>();
  #busy: Promise<void> = Promise.resolve();
  #cancel: Cancel | undefined;
  /** When everything was last looked at. */
  #keptMs = Number.NEGATIVE_INFINITY;
  /** Something was settled since, or an outage was going on. */
  #isDue = false;
  readonly #closing = new AbortController();

  constructor(options: KeepManifestsOptions) {
    this.#options = options;
    this.#gapMs = options.outageGapMs ?? OUTAGE_GAP_MS;
    const put: Store['put'] = async (key, chunks, putOptions) => {
      const result = await options.store.put(key, chunks, putOptions);
      if (result === 'created') this.#note(key, chunks);
      return result;
    };
    this.store = withPut(options.store, put);
    this.#links = new LinkWriter({ ...options, store: this.store });
  }

  keep(): Promise<void> {
    return this.#inTurn(() => this.#keepAll(Number.POSITIVE_INFINITY));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancel?.();
    await this.#inTurn(async () => {
      if (this.#links.waiting > 0) await this.#links.link({ catchUp: false });
    });
  }

  #note(key: string, chunks: readonly Uint8Array[]): void {
    const { chain, linkRows = LINK_ROWS } = this.#options;
    if (!key.startsWith(chainPrefix(chain)) || settledRef(key) === undefined) return;
    const bytes = Buffer.concat(chunks);
    this.#links.note(key, sha256(bytes));
    if (this.#fresh.size < FRESH_MAX) this.#fresh.set(key, bytes);
    this.#isDue = true;
    if (this.#links.waiting % linkRows === 0) void this.#inTurn(() => this.#linkNoted());
    this.#schedule();
  }

  #schedule(): void {
    if (this.#closing.signal.aborted || this.#cancel) return;
    const { clock, linkEveryMs = LINK_EVERY_MS } = this.#options;
    const delayMs = this.#links.waiting > 0 ? linkEveryMs : this.#gapMs;
    this.#cancel = clock.schedule(delayMs, () => void this.#inTurn(() => this.#tick()));
  }

  async #tick(): Promise<void> {
    this.#cancel = undefined;
    const { clock } = this.#options;
    try {
      if (clock.now() - this.#keptMs >= this.#gapMs) await this.#keepAll(clock.wallNow());
      else await this.#linkNoted();
    } finally {
      if (this.#isDue || this.#links.waiting > 0) this.#schedule();
    }
  }

  async #linkNoted(): Promise<void> {
    if (this.#links.waiting > 0) await this.#links.link({ catchUp: false });
  }

  /** K2 */
  async #keepAll(overBeforeMs: number): Promise<void> {
    const { chain, clock } = this.#options;
    const { signal } = this.#closing;
    this.#isDue = false;
    this.#keptMs = clock.now();
    try {
      const store = withFresh(this.store, this.#fresh);
      const { open } = await writeOutages({ store, chain, gapMs: this.#gapMs, overBeforeMs, signal });
      if (open === 0) this.#fresh.clear();
      await this.#links.link({ catchUp: true, signal });
      this.#isDue ||= open > 0;
    } catch (error) {
      this.#isDue = true;
      throw error;
    }
  }

  /** One after the other. K3 */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(work).catch((error: unknown) => {
      if (error === this.#closing.signal.reason) return;
      const code = error instanceof TierfallError ? error.code : 'UNEXPECTED';
      const message = error instanceof Error ? error.message : String(error);
      this.#options.emit('storageFailed', {
        chain: this.#options.chain,
        operation: 'manifests',
        code,
        message,
      });
    });
    return this.#busy;
  }
}

/** Which settlements there are is for the listing to say. */
function withFresh(store: Store, fresh: ReadonlyMap<string, Uint8Array>): Pick<Store, 'list' | 'get' | 'put'> {
  return {
    list: (prefix, options) => store.list(prefix, options),
    get: async (key, options) => fresh.get(key) ?? store.get(key, options),
    put: (key, chunks, options) => store.put(key, chunks, options),
  };
}

function withPut(store: Store, put: Store['put']): Store {
  return {
    name: store.name,
    put,
    get: (key, options) => store.get(key, options),
    head: (key, options) => store.head(key, options),
    list: (prefix, options) => store.list(prefix, options),
    delete: (key, options) => store.delete(key, options),
  };
}
