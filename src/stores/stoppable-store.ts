/**
 * A store whose calls can all be ended at once, so that closing need not wait for a server that is away.
 *
 * Z1 after `stop` every call that runs, and every later one, rejects with its reason; what was put is whole or absent,
 * as after any call that is ended.
 */
import { linkAbort } from '../core/signal.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  PutOptions,
  Store,
  StoreCallOptions,
  StoredObject,
} from './store.ts';

export interface StoppableStore extends Store {
  /** Safe to call twice; the first reason stands. */
  stop(reason: unknown): void;
}

class Stoppable implements StoppableStore {
  readonly name: string;
  readonly confirm?: NonNullable<Store['confirm']>;
  readonly #store: Store;
  readonly #stopped = new AbortController();

  constructor(store: Store) {
    this.#store = store;
    this.name = store.name;
    const confirm = store.confirm?.bind(store);
    if (confirm) this.confirm = (keys, options) => this.#linked(options, (linked) => confirm(keys, linked));
  }

  put(key: string, chunks: readonly Uint8Array[], options?: PutOptions): Promise<'created' | 'exists'> {
    return this.#linked(options, (linked) => this.#store.put(key, chunks, linked));
  }

  get(key: string, options?: GetOptions): Promise<Uint8Array> {
    return this.#linked(options, (linked) => this.#store.get(key, linked));
  }

  head(key: string, options?: StoreCallOptions): Promise<ObjectHead | undefined> {
    return this.#linked(options, (linked) => this.#store.head(key, linked));
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<StoredObject> {
    const { signal, unlink } = this.#link(options.signal);
    try {
      yield* this.#store.list(prefix, { ...options, signal });
    } finally {
      unlink();
    }
  }

  delete(key: string, options?: StoreCallOptions): Promise<void> {
    return this.#linked(options, (linked) => this.#store.delete(key, linked));
  }

  async close(): Promise<void> {
    await this.#store.close?.();
  }

  stop(reason: unknown): void {
    this.#stopped.abort(reason);
  }

  async #linked<O extends StoreCallOptions, T>(
    options: O | undefined,
    run: (linked: O) => Promise<T>,
  ): Promise<T> {
    const { signal, unlink } = this.#link(options?.signal);
    return run({ ...options, signal } as O).finally(unlink);
  }

  /** One signal for both; without a second one there is nothing to link. */
  #link(other: AbortSignal | undefined): { readonly signal: AbortSignal; readonly unlink: () => void } {
    if (!other) return { signal: this.#stopped.signal, unlink: () => {} };
    const both = new AbortController();
    const unlinks = [this.#stopped.signal, other].map((signal) =>
      linkAbort(signal, (reason) => both.abort(reason)),
    );
    return {
      signal: both.signal,
      unlink: () => {
        for (const unlink of unlinks) unlink();
      },
    };
  }
}

/** Closing it closes `store`. */
export function stoppableStore(store: Store): StoppableStore {
  return new Stoppable(store);
}
