/**
 * A store in memory, with controls: for tests, and as the shortest correct example of the port.
 */
import { StorageError } from '../core/errors.ts';
import { sha256 } from '../core/keys.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  PutOptions,
  Store,
  StoreCallOptions,
  StoredObject,
} from '../stores/store.ts';

export interface MemoryStoreOptions {
  /** @default 'memory' */
  readonly name?: string;
}

export type MemoryStoreCall = 'put' | 'get' | 'head' | 'list' | 'delete';

export class MemoryStore implements Store {
  readonly name: string;
  readonly #objects = new Map<string, StoredObject & { readonly body: Uint8Array }>();
  readonly #failures: { readonly call: MemoryStoreCall; readonly code: string }[] = [];
  readonly #calls = new Map<MemoryStoreCall, number>();

  constructor(options: MemoryStoreOptions = {}) {
    this.name = options.name ?? 'memory';
  }

  /** The next call of this kind fails with StorageError `code`; once per request. */
  failNext(call: MemoryStoreCall, code = 'STORAGE_IO'): void {
    this.#failures.push({ call, code });
  }

  /** How often a method was called. */
  calls(call: MemoryStoreCall): number {
    return this.#calls.get(call) ?? 0;
  }

  /** Keys in order. */
  get keys(): readonly string[] {
    return [...this.#objects.keys()].sort(byBytes);
  }

  /** Changes stored bytes behind everybody's back, as a bad disk does. */
  damage(key: string, change: (body: Uint8Array) => Uint8Array): void {
    const object = this.#objects.get(key);
    if (object) this.#objects.set(key, { ...object, body: change(Uint8Array.from(object.body)) });
  }

  async put(
    key: string,
    chunks: readonly Uint8Array[],
    { signal }: PutOptions = {},
  ): Promise<'created' | 'exists'> {
    this.#enter('put', signal);
    checkKey(key);
    if (this.#objects.has(key)) return 'exists';
    const body = Uint8Array.from(Buffer.concat(chunks));
    this.#objects.set(key, { key, bytes: body.byteLength, modifiedMs: 0, body });
    return 'created';
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    this.#enter('get', signal);
    checkKey(key);
    const { start = 0, end = Number.MAX_SAFE_INTEGER } = range ?? {};
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || start >= end) {
      throw new StorageError('STORAGE_RANGE_INVALID', `the range ${start} to ${end} holds no byte`, {
        hint: 'Use whole numbers, 0 <= start < end.',
      });
    }
    const object = this.#objects.get(key);
    if (object) return object.body.slice(start, end);
    throw new StorageError('STORAGE_NOT_FOUND', `${key} does not exist in ${this.name}`, {
      hint: 'It was deleted, or never stored.',
    });
  }

  async head(key: string, { signal }: StoreCallOptions = {}): Promise<ObjectHead | undefined> {
    this.#enter('head', signal);
    checkKey(key);
    const object = this.#objects.get(key);
    if (!object) return undefined;
    return { key, bytes: object.bytes, modifiedMs: object.modifiedMs, sha256: sha256(object.body) };
  }

  async *list(prefix: string, { after = '', signal }: ListOptions = {}): AsyncGenerator<StoredObject> {
    this.#enter('list', signal);
    for (const key of this.keys) {
      signal?.throwIfAborted();
      const object = this.#objects.get(key);
      if (object && key.startsWith(prefix) && (after === '' || byBytes(key, after) > 0)) {
        yield { key, bytes: object.bytes, modifiedMs: object.modifiedMs };
      }
    }
  }

  async delete(key: string, { signal }: StoreCallOptions = {}): Promise<void> {
    this.#enter('delete', signal);
    checkKey(key);
    this.#objects.delete(key);
  }

  async close(): Promise<void> {}

  #enter(call: MemoryStoreCall, signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    this.#calls.set(call, this.calls(call) + 1);
    const at = this.#failures.findIndex((failure) => failure.call === call);
    const [failure] = at < 0 ? [] : this.#failures.splice(at, 1);
    if (!failure) return;
    throw new StorageError(failure.code, `${call} failed as asked`, {
      hint: 'A test wanted this.',
      retryable: true,
    });
  }
}

/** An empty store in memory. */
export function memoryStore(options?: MemoryStoreOptions): MemoryStore {
  return new MemoryStore(options);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function checkKey(key: string): void {
  const isPlain = key.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (isPlain && !/[\\\0]/.test(key)) return;
  throw new StorageError('STORAGE_KEY_INVALID', `${JSON.stringify(key)} is not a usable key`, {
    hint: 'Use slash-separated segments, none of them empty, "." or "..".',
  });
}
