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

/** An object as `head` tells it. */
export interface ObjectHead extends StoredObject {
  /** Of the stored bytes, 64 hex digits; undefined for an object that another program stored. */
  readonly sha256: string | undefined;
}

/** Bytes from `start` up to, and without, `end`; both whole numbers, `0 <= start < end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoreCallOptions {
  /** Ends the call early; its reason is thrown. A put that is ended may or may not have stored the object. */
  readonly signal?: AbortSignal;
}

export interface PutOptions extends StoreCallOptions {
  /** SHA-256 of all chunks together, 64 hex digits, where the caller has it: it is not computed again then. */
  readonly sha256?: string;
}

export interface GetOptions extends StoreCallOptions {
  /** What lies behind the end of the object is left out. @default the whole object */
  readonly range?: ByteRange;
}

export interface ListOptions extends StoreCallOptions {
  /** Begins behind this key. @default the first one */
  readonly after?: string;
}

export interface Store {
  /** Short, stable, for labels and messages: `fs:/data/objects`. */
  readonly name: string;
  /**
   * Stores the concatenation of `chunks` under `key`: slash-separated, no empty, `.` or `..` segment. The chunks
   * must not change until it ends.
   * @returns `exists` when the key was there; the bytes are then left as they were
   */
  put(key: string, chunks: readonly Uint8Array[], options?: PutOptions): Promise<'created' | 'exists'>;
  /** Rejects with StorageError `STORAGE_NOT_FOUND` when absent. */
  get(key: string, options?: GetOptions): Promise<Uint8Array>;
  /** Size and digest. May read the object. @returns undefined when absent */
  head(key: string, options?: StoreCallOptions): Promise<ObjectHead | undefined>;
  /** Objects whose key starts with `prefix`, in key order, fetched page by page as they are taken. */
  list(prefix: string, options?: ListOptions): AsyncIterable<StoredObject>;
  /**
   * Resolves when all of these that exist are durable, also those that somebody else is putting: a capability that spares whoever
   * has to know it from putting them again.
   */
  confirm?(keys: readonly string[], options?: StoreCallOptions): Promise<void>;
  /** No error when absent. */
  delete(key: string, options?: StoreCallOptions): Promise<void>;
  /** Waits for what runs in the background and lets go of connections. Safe to call twice. */
  close?(): Promise<void>;
}
