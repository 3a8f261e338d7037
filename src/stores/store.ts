/**
 * The port of a store: where raw bytes rest as immutable objects. The store is the truth.
 *
 * O1 `put` resolves only when the object is durable. O2 an object is visible whole or not at all. O3 a key
 * never leaves the store's root. O4 `put` never changes an object that exists.
 */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface Store {
  /** Short, stable, for labels and messages: `fs:/data/objects`. */
  readonly name: string;
  /**
   * Stores the concatenation of `chunks` under `key`: slash-separated, no empty, `.` or `..` segment.
   * @returns `exists` when the key was there; the bytes are then left as they were
   */
  put(key: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'>;
  /** Rejects with StorageError `STORAGE_NOT_FOUND` when absent. */
  get(key: string): Promise<Uint8Array>;
  /** Objects whose key starts with `prefix`, in key order. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** No error when absent. */
  delete(key: string): Promise<void>;
  close?(): Promise<void>;
}
