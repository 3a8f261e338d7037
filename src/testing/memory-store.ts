/**
 * A store in memory, with controls: for tests, and as the shortest correct example of the port.
 */
import { StorageError } from '../core/errors.ts';
import type { Store, StoredObject } from '../stores/store.ts';

export interface MemoryStoreOptions {
  /** @default 'memory' */
  readonly name?: string;
}

export type MemoryStoreCall = 'put' | 'get' | 'list' | 'delete';

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

  async put(key: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    this.#enter('put');
    checkKey(key);
    if (this.#objects.has(key)) return 'exists';
    const body = Uint8Array.from(Buffer.concat(chunks));
    this.#objects.set(key, { key, bytes: body.byteLength, modifiedMs: 0, body });
    return 'created';
  }

  async get(key: string): Promise<Uint8Array> {
    this.#enter('get');
    checkKey(key);
    const object = this.#objects.get(key);
    if (object) return Uint8Array.from(object.body);
    throw new StorageError('STORAGE_NOT_FOUND', `${key} does not exist in ${this.name}`, {
      hint: 'It was deleted, or never stored.',
    });
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    this.#enter('list');
    for (const key of this.keys) {
      const object = this.#objects.get(key);
      if (object && key.startsWith(prefix)) {
        yield { key, bytes: object.bytes, modifiedMs: object.modifiedMs };
      }
    }
  }

  async delete(key: string): Promise<void> {
    this.#enter('delete');
    checkKey(key);
    this.#objects.delete(key);
  }

  async close(): Promise<void> {}

  #enter(call: MemoryStoreCall): void {
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
