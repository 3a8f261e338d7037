/**
 * Which entries of an object are replayed side by side: each as soon as the one before it of its ordering key is done, so
 * that a key keeps its order, no key waits for another one, and the sink gets as much at once as it takes.
 *
 * N1 one entry of an ordering key is out at a time, in order. N2 after one that is not done nothing more is started. N3 no
 * more than 64 entries and 4 MiB are out, unless one alone is larger, and none that is more than 1,024 behind the first
 * that is not done: that much is repeated after a crash. N4 what is out is waited for, whatever happens.
 */
import type { JournalEntry } from '../journal/journal.ts';

/** Entries of one object that are out at a time. */
export const WINDOW_ENTRIES_MAX = 64;
const BYTES_MAX = 4 * 1024 * 1024;
const AHEAD_MAX = 1_024;

export interface FlowOptions<T> {
  readonly entries: readonly JournalEntry[];
  /** The first that is not done. */
  readonly from: number;
  readonly pass: (entry: JournalEntry) => Promise<T>;
  /** Whether the next entry of the key may follow. */
  readonly isDone: (value: T) => boolean;
  /** Asked before each entry. */
  readonly isStopping: () => boolean;
}

/** What became of entries that follow each other; undefined for those that were never started. */
export type Stretch<T> = readonly (PromiseSettledResult<T> | undefined)[];

export class ReplayFlow<T> {
  readonly #options: FlowOptions<T>;
  readonly #results = new Map<number, PromiseSettledResult<T>>();
  /** By ordering key that is out: what waits behind it. */
  readonly #behind = new Map<string, number[]>();
  readonly #ready: number[] = [];
  #head: number;
  /** The first that was not looked at. */
  #next: number;
  #out = 0;
  #outBytes = 0;
  #isHalted = false;
  #news = Promise.withResolvers<void>();

  constructor(options: FlowOptions<T>) {
    this.#options = options;
    this.#head = options.from;
    this.#next = options.from;
  }

  /**
   * Waits for the next entries that are done, and follow what was done before; or, when there are none and nothing is
   * out, gives the rest.
   */
  async next(): Promise<Stretch<T>> {
    this.#fill();
    for (;;) {
      const done = this.#takeDone();
      if (done.length > 0) return done;
      if (this.#out === 0) return this.#rest();
      await this.#news.promise;
    }
  }

  /** N4; starts nothing more. */
  async end(): Promise<void> {
    this.#isHalted = true;
    while (this.#out > 0) await this.#news.promise;
  }

  #takeDone(): Stretch<T> {
    const done: PromiseSettledResult<T>[] = [];
    for (let found = this.#results.get(this.#head); found && this.#isDone(found); ) {
      done.push(found);
      this.#results.delete(this.#head);
      this.#head += 1;
      found = this.#results.get(this.#head);
    }
    return done;
  }

  #rest(): Stretch<T> {
    return Array.from({ length: this.#next - this.#head }, (_, at) => this.#results.get(this.#head + at));
  }

  /** N3. */
  #fill(): void {
    for (let at = this.#peek(); at !== undefined; at = this.#peek()) {
      this.#isHalted ||= this.#options.isStopping();
      if (this.#isHalted) return;
      const entry = this.#options.entries[at] as JournalEntry;
      const isFull = this.#out >= WINDOW_ENTRIES_MAX || this.#outBytes + entry.body.length > BYTES_MAX;
      if (this.#out > 0 && isFull) return;
      this.#ready.shift();
      this.#start(entry, at);
    }
  }

  /** N1. */
  #peek(): number | undefined {
    const { entries } = this.#options;
    const end = Math.min(entries.length, this.#head + AHEAD_MAX);
    while (this.#ready.length === 0 && this.#next < end) {
      const key = entries[this.#next]?.orderingKey;
      const behind = key === undefined ? undefined : this.#behind.get(key);
      (behind ?? this.#ready).push(this.#next);
      if (key !== undefined && !behind) this.#behind.set(key, []);
      this.#next += 1;
    }
    return this.#ready[0];
  }

  #start(entry: JournalEntry, at: number): void {
    this.#out += 1;
    this.#outBytes += entry.body.length;
    this.#options.pass(entry).then(
      (value) => this.#settle(entry, at, { status: 'fulfilled', value }),
      (reason: unknown) => this.#settle(entry, at, { status: 'rejected', reason }),
    );
  }

  #settle(entry: JournalEntry, at: number, result: PromiseSettledResult<T>): void {
    this.#out -= 1;
    this.#outBytes -= entry.body.length;
    this.#results.set(at, result);
    if (this.#isDone(result)) this.#follow(entry.orderingKey);
    else this.#isHalted = true;
    this.#fill();
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  #follow(key: string | undefined): void {
    if (key === undefined) return;
    const next = this.#behind.get(key)?.shift();
    if (next === undefined) this.#behind.delete(key);
    else this.#ready.push(next);
  }

  #isDone(result: PromiseSettledResult<T>): boolean {
    return result.status === 'fulfilled' && this.#options.isDone(result.value);
  }
}
