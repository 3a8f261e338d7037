/**
 * Looks whether the heads of lanes are settled, for workers in other processes, which tell nobody here.
 *
 * S1 an object is taken for settled when its settlement is in the store, or when it is gone from there itself. The queue
 * is asked first, which is cheaper: what it knows is open. S2 nothing is asked while no lane has a head.
 */
import type { Cancel, Clock } from '../../core/clock.ts';
import type { Store } from '../../stores/store.ts';
import { jobId } from '../job.ts';
import type { Queue } from '../queue.ts';
import { isSettled } from '../settlement.ts';

export interface SettlementWatchOptions {
  readonly queue: Pick<Queue, 'knows'>;
  readonly store: Pick<Store, 'get' | 'head'>;
  readonly clock: Clock;
  readonly heads: () => readonly { readonly ref: string }[];
  /** Nothing of the object is left to do: the next one is the head of its lane now. */
  readonly settled: (ref: string) => void;
}

const EVERY_MIN_MS = 100;
const EVERY_MAX_MS = 2_000;

export class SettlementWatch {
  readonly #options: SettlementWatchOptions;
  #everyMs = EVERY_MIN_MS;
  #cancel: Cancel | undefined;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: SettlementWatchOptions) {
    this.#options = options;
  }

  /** There may be heads now. */
  begin(): void {
    if (this.#isClosed || this.#looking || this.#cancel || this.#options.heads().length === 0) return;
    this.#cancel = this.#options.clock.schedule(this.#everyMs, () => {
      this.#cancel = undefined;
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
        this.begin();
      });
    });
  }

  /** Somebody waits. */
  hurry(): void {
    this.#everyMs = EVERY_MIN_MS;
    this.#cancel?.();
    this.#cancel = undefined;
    this.begin();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#looking;
  }

  async #look(): Promise<void> {
    let found = 0;
    try {
      while (!this.#isClosed) {
        const settled = await this.#settledHeads();
        for (const ref of settled) this.#options.settled(ref);
        found += settled.length;
        if (settled.length === 0) break;
      }
    } catch {
      // Queue or store are away: whoever replays says so.
    }
    this.#everyMs = found > 0 ? EVERY_MIN_MS : Math.min(EVERY_MAX_MS, this.#everyMs * 2);
  }

  /** S1. */
  async #settledHeads(): Promise<readonly string[]> {
    const { queue, store, heads } = this.#options;
    const refs = heads().map(({ ref }) => ref);
    const known = await queue.knows?.(refs.map(jobId));
    const answers = await Promise.all(
      refs.map(async (ref) => {
        if (known?.has(jobId(ref))) return false;
        return (await isSettled(store, ref)) || (await store.head(ref)) === undefined;
      }),
    );
    return refs.filter((_, i) => answers[i]);
  }
}
