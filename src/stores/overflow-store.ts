/**
 * Two stores as one: what the first cannot take while room is short goes to the second, and both are read.
 *
 * V1 an object is in the first store, or the first refused it while there was pressure. V2 what either holds is found,
 * listed once and deleted. V3 an object is called absent, and a list complete, only when both stores have answered.
 */
import { StorageError } from '../core/errors.ts';
import type { ByteRange, ListOptions, ObjectHead, PutOptions, Store, StoredObject } from './store.ts';

export interface OverflowStoreOptions {
  /** Where objects belong. */
  readonly first: Store;
  /** Where they go while `first` fails and there is pressure: another disk, another bucket. */
  readonly second: Store;
  /** Whether room is so short that waiting for `first` would cost records. */
  isPressed(): boolean;
}

interface CallOptions {
  readonly signal?: AbortSignal;
}

function isAbsent(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND';
}

class OverflowStore implements Store {
  readonly name: string;
  readonly confirm?: NonNullable<Store['confirm']>;
  readonly #first: Store;
  readonly #second: Store;
  readonly #isPressed: () => boolean;

  constructor({ first, second, isPressed }: OverflowStoreOptions) {
    this.name = `${first.name}+${second.name}`;
    this.#first = first;
    this.#second = second;
    this.#isPressed = isPressed;
    const [inFirst, inSecond] = [first.confirm?.bind(first), second.confirm?.bind(second)];
    if (inFirst && inSecond)
      this.confirm = async (keys, options) => {
        await Promise.all([inFirst(keys, options), inSecond(keys, options)]);
      };
  }

  async put(
    key: string,
    chunks: readonly Uint8Array[],
    options: PutOptions = {},
  ): Promise<'created' | 'exists'> {
    try {
      return await this.#first.put(key, chunks, options);
    } catch (error) {
      if (options.signal?.aborted || !this.#isPressed()) throw error;
      return await this.#second.put(key, chunks, options);
    }
  }

  async get(key: string, options: CallOptions & { readonly range?: ByteRange } = {}): Promise<Uint8Array> {
    try {
      return await this.#first.get(key, options);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      try {
        return await this.#second.get(key, options);
      } catch (other) {
        throw isAbsent(other) ? error : other;
      }
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectHead | undefined> {
    let failure: unknown;
    try {
      const head = await this.#first.head(key, options);
      if (head) return head;
    } catch (error) {
      failure = error;
    }
    const head = await this.#second.head(key, options);
    if (head === undefined && failure !== undefined) throw failure;
    return head;
  }

  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<StoredObject> {
    const lists = [this.#first, this.#second].map((store) =>
      store.list(prefix, options)[Symbol.asyncIterator](),
    ) as [AsyncIterator<StoredObject>, AsyncIterator<StoredObject>];
    try {
      yield* merged(...lists);
    } finally {
      for (const list of lists) await list.return?.();
    }
  }

  async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#first.delete(key, options);
    await this.#second.delete(key, options);
  }

  async close(): Promise<void> {
    await this.#first.close?.();
    await this.#second.close?.();
  }
}

/** Both lists in the order of keys (by bytes of UTF-8); of an object in both, the one of the first. */
async function* merged(
  first: AsyncIterator<StoredObject>,
  second: AsyncIterator<StoredObject>,
): AsyncGenerator<StoredObject> {
  let [a, b] = [await first.next(), await second.next()];
  while (!a.done || !b.done) {
    const order = a.done ? 1 : b.done ? -1 : compareKeys(a.value.key, b.value.key);
    if (order <= 0) yield a.value as StoredObject;
    else yield b.value as StoredObject;
    if (order <= 0) a = await first.next();
    if (order >= 0 && !b.done) b = await second.next();
  }
}

function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Both stores must be empty or used with each other only; closing it closes both. */
export function overflowStore(options: OverflowStoreOptions): Store {
  return new OverflowStore(options);
}
