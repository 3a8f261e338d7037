/**
 * What other writers have deferred, by the marks that all of them see. Asks for the keys of one turn together, and asks
 * nothing for a while when nobody answers.
 *
 * S1 a key is open only by an answer of the memory that was there when the store was last looked at. S2 who keeps the
 * marks may be away: nothing waits for it longer than one call, and marks that it did not take are told again.
 */
import type { Cancel, Clock } from '../../core/clock.ts';
import type { StoredKeys } from './key-backlog.ts';
import type { FoundMarks, KeyMarks } from './key-marks.ts';

export interface SharedKeysOptions {
  readonly marks: KeyMarks;
  readonly clock: Clock;
  /** All marks that should be there. */
  readonly objects: () => readonly StoredKeys[];
}

export type Answer =
  /** The object that holds the key last, if one does. */
  | { readonly state: 'known'; readonly ref: string | undefined }
  | { readonly state: 'forgot' }
  | { readonly state: 'away' };

const AWAY: Answer = { state: 'away' };
const FORGOT: Answer = { state: 'forgot' };
const AWAY_MS = 1_000;

export class SharedKeys {
  readonly #options: SharedKeysOptions;
  #memory: string | undefined;
  #asked = new Map<string, (answer: Answer) => void>();
  #removed = new Map<string, string>();
  #isRemoving = false;
  #awayUntilMs = Number.NEGATIVE_INFINITY;
  #cancelRetry: Cancel | undefined;

  constructor(options: SharedKeysOptions) {
    this.#options = options;
  }

  /** The store is about to be looked at. @returns the memory that `lookedAt` is to be told of @throws StorageError */
  async lookingAt(): Promise<string> {
    return (await this.#options.marks.find([])).memory;
  }

  /** All that was in the store is known, and marked. @throws StorageError */
  async lookedAt(memory: string): Promise<void> {
    await this.#options.marks.add(this.#options.objects());
    this.#memory = memory;
  }

  /** One question per key at a time. */
  ask(key: string): Promise<Answer> {
    if (this.#isAway) return Promise.resolve(AWAY);
    return new Promise((resolve) => {
      if (this.#asked.size === 0) queueMicrotask(() => void this.#askAll());
      this.#asked.set(key, resolve);
    });
  }

  /** Marks these objects, now or, when nobody takes the marks, as soon as somebody does. */
  async add(objects: readonly StoredKeys[]): Promise<void> {
    if (this.#isAway) return this.#retry();
    try {
      await this.#options.marks.add(objects);
    } catch {
      this.#wentAway();
      this.#retry();
    }
  }

  /** The object that held the key last is settled. */
  remove(key: string, ref: string): void {
    this.#removed.set(key, ref);
    if (this.#isRemoving) return;
    this.#isRemoving = true;
    queueMicrotask(() => void this.#removeAll());
  }

  close(): void {
    this.#cancelRetry?.();
  }

  get #isAway(): boolean {
    return this.#options.clock.now() < this.#awayUntilMs;
  }

  #wentAway(): void {
    this.#awayUntilMs = this.#options.clock.now() + AWAY_MS;
  }

  async #askAll(): Promise<void> {
    const asked = this.#asked;
    this.#asked = new Map();
    let found: FoundMarks;
    try {
      found = await this.#options.marks.find([...asked.keys()]);
    } catch {
      this.#wentAway();
      for (const resolve of asked.values()) resolve(AWAY);
      return;
    }
    const isSame = found.memory === this.#memory;
    for (const [key, resolve] of asked) resolve(isSame ? { state: 'known', ref: found.refs.get(key) } : FORGOT);
  }

  /** A mark that stays only makes somebody look at an object that is settled. */
  async #removeAll(): Promise<void> {
    const removed = this.#removed;
    this.#removed = new Map();
    this.#isRemoving = false;
    if (!this.#isAway) await this.#options.marks.remove(removed).catch(() => undefined);
  }

  #retry(): void {
    this.#cancelRetry ??= this.#options.clock.schedule(AWAY_MS, () => {
      this.#cancelRetry = undefined;
      void this.add(this.#options.objects());
    });
  }
}
