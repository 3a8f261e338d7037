/**
 * The Store port on S3 and servers that speak like it. Any number of processes may share a bucket and prefix.
 *
 *   s3://<bucket>/[<prefix>/]<key>               the objects
 *   s3://<bucket>/[<prefix>/].tierfall-probe     tells whether the server honours If-None-Match
 *
 * Each object carries its SHA-256 and the id of the call that stored it as metadata.
 *
 * Y1 a put is sent with If-None-Match, so that of all who put a key one creates it. Y2 when the outcome of an attempt
 * is not known, and the key is there at the next one, the id tells whose it is: the own object is `created`. Y3 bytes
 * that do not match the digest of their object are never handed out. Y4 a server that knows no If-None-Match is found
 * out before the first put; there the key is looked up first instead, which keeps Y1 within one process only.
 */
import { createHash, randomUUID } from 'node:crypto';
import { StorageError } from '../core/errors.ts';
import { sha256 as sha256Hex } from '../core/keys.ts';
import { linkAbort } from '../core/signal.ts';
import { checkKey, checkRange } from './object-key.ts';
import { S3Client, type S3PutRequest } from './s3-client.ts';
import { S3Fault, type S3FaultKind, storageErrorOf } from './s3-fault.ts';
import { removeOrphans, type S3MultipartContext, uploadInParts } from './s3-multipart.ts';
import { resolveS3Options, type S3Settings, type S3StoreOptions } from './s3-options.ts';
import { S3Patience } from './s3-patience.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  PutOptions,
  Store,
  StoreCallOptions,
  StoredObject,
} from './store.ts';

const PROBE = '.tierfall-probe';
const PROBE_BODY = Buffer.from('tierfall');
const MIB = 1024 * 1024;
const MS_PER_MIB = 1_000;

/** A store in a bucket, and what only such a store can do. */
export interface S3Store extends Store {
  /**
   * Removes uploads in parts that were begun more than `olderThanMs` ago and never finished. Happens by itself once
   * per process, after its first put.
   * @param options.olderThanMs @default the option `orphanAgeMs`
   * @returns how many were removed
   * @throws StorageError when they cannot be listed or removed
   */
  removeOrphans(options?: StoreCallOptions & { readonly olderThanMs?: number }): Promise<number>;
}

/** How the request that completes an upload may fail although the object is there, by this call or by another. */
const MAYBE_STORED: ReadonlySet<S3FaultKind> = new Set(['exists', 'no-upload', 'unknown']);

interface ObjectToPut {
  readonly key: string;
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly sha256: string;
  readonly attempt: string;
}

class StoreInBucket implements S3Store {
  readonly name: string;
  readonly #settings: S3Settings;
  readonly #client: S3Client;
  readonly #patience: S3Patience;
  readonly #multipart: S3MultipartContext;
  /** Whether If-None-Match is honoured; asked once. */
  #conditional: Promise<boolean> | undefined;
  /** Puts by key, where the server does not decide between them. */
  readonly #putting = new Map<string, Promise<unknown>>();
  #cleaning: { readonly done: Promise<unknown>; readonly stop: AbortController } | undefined;

  constructor(options: S3StoreOptions) {
    const settings = resolveS3Options(options);
    this.#settings = settings;
    this.#client = new S3Client(settings);
    this.#patience = new S3Patience(settings);
    this.#multipart = {
      client: this.#client,
      patience: this.#patience,
      settings,
      timeoutFor: (bytes) => this.#timeoutFor(bytes),
      beforeRetry: this.#beforeRetry,
    };
    this.name = nameOf(settings);
  }

  async put(
    key: string,
    chunks: readonly Uint8Array[],
    options: PutOptions = {},
  ): Promise<'created' | 'exists'> {
    this.#check(key);
    const object: ObjectToPut = {
      key: this.#settings.prefix + key,
      chunks,
      bytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      sha256: options.sha256 ?? digestOf(chunks),
      attempt: randomUUID(),
    };
    return this.#told(`put ${key} into`, async () => {
      const isConditional = await until(options.signal, this.#isConditional());
      const result = isConditional
        ? await this.#putOnce(object, options.signal)
        : await this.#inTurn(object.key, () => this.#putAfterLook(object, options.signal));
      this.#cleanOnce();
      return result;
    });
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    this.#check(key);
    if (range) checkRange(range);
    const path = this.#settings.prefix + key;
    const read = async (one: AbortSignal): Promise<Uint8Array> => {
      const { body, sha256 } = await this.#client.get(path, range, one);
      if (!range && sha256 !== undefined && sha256Hex(body) !== sha256)
        throw new S3Fault('corrupt', `${body.length} bytes do not match the SHA-256 of the object`);
      return body;
    };
    return this.#told(`get ${key} from`, () =>
      this.#call(read, {
        signal,
        bytes: range ? range.end - range.start : this.#settings.multipartBytes,
      }).catch((error: unknown) => {
        if (error instanceof S3Fault && error.kind === 'no-range') return new Uint8Array(0);
        throw error;
      }),
    );
  }

  async head(key: string, { signal }: StoreCallOptions = {}): Promise<ObjectHead | undefined> {
    this.#check(key);
    return this.#told(`look at ${key} in`, async () => {
      const found = await this.#look(this.#settings.prefix + key, signal);
      return found && { key, bytes: found.bytes, modifiedMs: found.modifiedMs, sha256: found.sha256 };
    });
  }

  async *list(prefix: string, { after, signal }: ListOptions = {}): AsyncGenerator<StoredObject> {
    const root = this.#settings.prefix;
    let from: { readonly after?: string; readonly token?: string } = after ? { after: root + after } : {};
    for (;;) {
      const at = from;
      const page = await this.#told(`list ${prefix} in`, () =>
        this.#call((one) => this.#client.list(root + prefix, at, one), { signal }),
      );
      for (const { key, bytes, modifiedMs } of page.items) {
        signal?.throwIfAborted();
        if (key !== root + PROBE) yield { key: key.slice(root.length), bytes, modifiedMs };
      }
      if (page.next === undefined) return;
      from = { token: page.next };
    }
  }

  /** What is listed is durable. */
  async confirm(): Promise<void> {}

  async delete(key: string, { signal }: StoreCallOptions = {}): Promise<void> {
    this.#check(key);
    await this.#told(`delete ${key} from`, () =>
      this.#call((one) => this.#client.delete(this.#settings.prefix + key, one), { signal }),
    );
  }

  async removeOrphans(options: StoreCallOptions & { readonly olderThanMs?: number } = {}): Promise<number> {
    const { olderThanMs = this.#settings.orphanAgeMs, signal } = options;
    return this.#told('remove orphans from', () => removeOrphans(this.#multipart, olderThanMs, signal));
  }

  async close(): Promise<void> {
    this.#cleaning?.stop.abort();
    await this.#cleaning?.done;
    await this.#client.close();
  }

  #check(key: string): void {
    checkKey(key);
    if (key !== PROBE) return;
    throw new StorageError('STORAGE_KEY_INVALID', `the key ${key} is the store's own`, {
      hint: 'Choose another one.',
    });
  }

  /** Y1, Y2 */
  async #putOnce(object: ObjectToPut, signal: AbortSignal | undefined): Promise<'created' | 'exists'> {
    if (object.bytes >= this.#settings.multipartBytes) return this.#putInParts(object, signal);
    const request: S3PutRequest = { ...object, body: joined(object.chunks), ifAbsent: true };
    let isUnsure = false;
    const attempt = async (one: AbortSignal): Promise<'created' | 'exists'> => {
      try {
        await this.#client.put(request, one);
        return 'created';
      } catch (error) {
        if (!(error instanceof S3Fault) || error.kind !== 'exists') throw error;
        return isUnsure ? this.#whose(object, one) : 'exists';
      }
    };
    const beforeRetry = (fault: S3Fault): void => {
      isUnsure ||= fault.kind === 'unknown';
      this.#beforeRetry(fault);
    };
    return this.#call(attempt, { signal, bytes: object.bytes, beforeRetry });
  }

  /** Not every server honours a condition when an upload is completed, so that the key is looked up first. */
  async #putInParts(object: ObjectToPut, signal: AbortSignal | undefined): Promise<'created' | 'exists'> {
    if (await this.#look(object.key, signal)) return 'exists';
    try {
      await uploadInParts(object, this.#multipart, signal);
      return 'created';
    } catch (error) {
      if (!(error instanceof S3Fault) || !MAYBE_STORED.has(error.kind)) throw error;
      const found = await this.#look(object.key, signal);
      if (found) return found.attempt === object.attempt ? 'created' : 'exists';
      throw new S3Fault('unknown', error.message, { cause: error.cause ?? error });
    }
  }

  /** Y4 */
  async #putAfterLook(object: ObjectToPut, signal: AbortSignal | undefined): Promise<'created' | 'exists'> {
    if (object.bytes >= this.#settings.multipartBytes) return this.#putInParts(object, signal);
    const body = joined(object.chunks);
    const attempt = async (one: AbortSignal): Promise<'created' | 'exists'> => {
      const found = await orAbsent(this.#client.head(object.key, one));
      if (found) return found.attempt === object.attempt ? 'created' : 'exists';
      await this.#client.put({ ...object, body, ifAbsent: false }, one);
      return 'created';
    };
    return this.#call(attempt, { signal, bytes: object.bytes });
  }

  /** Y2: whether the object that is there was stored by this very call. */
  async #whose({ key, attempt }: ObjectToPut, signal: AbortSignal): Promise<'created' | 'exists'> {
    const found = await orAbsent(this.#client.head(key, signal));
    // Not there after all: stored by nobody, or deleted meanwhile.
    if (!found) throw new S3Fault('unavailable', 'the outcome is not known, and the object is not there');
    return found.attempt === attempt ? 'created' : 'exists';
  }

  async #look(key: string, signal: AbortSignal | undefined) {
    return orAbsent(this.#call((one) => this.#client.head(key, one), { signal }));
  }

  /** Asked without a caller's signal, because all who put at the same time wait for the one answer. */
  #isConditional(): Promise<boolean> {
    this.#conditional ??= this.#probe().catch((error: unknown) => {
      this.#conditional = undefined;
      throw error;
    });
    return this.#conditional;
  }

  /** Puts the same small object until the server refuses it: at once when an earlier process has put it. */
  async #probe(): Promise<boolean> {
    const key = this.#settings.prefix + PROBE;
    const sha256 = sha256Hex(PROBE_BODY);
    const request: S3PutRequest = { key, body: PROBE_BODY, sha256, attempt: 'probe', ifAbsent: true };
    for (let puts = 0; puts < 2; puts += 1) {
      try {
        await this.#call((one) => this.#client.put(request, one), { signal: undefined });
      } catch (error) {
        if (error instanceof S3Fault && error.kind === 'exists') return true;
        if (error instanceof S3Fault && error.kind === 'unsupported') return false;
        throw error;
      }
    }
    return false;
  }

  /** One after the other for one key. */
  async #inTurn<T>(key: string, run: () => Promise<T>): Promise<T> {
    const before = this.#putting.get(key) ?? Promise.resolve();
    const done = before.catch(() => undefined).then(run);
    this.#putting.set(key, done);
    try {
      return await done;
    } finally {
      if (this.#putting.get(key) === done) this.#putting.delete(key);
    }
  }

  /** Orphans cost money and nothing else: a failure to remove them is not worth a word before the next process tries. */
  #cleanOnce(): void {
    if (this.#cleaning) return;
    const stop = new AbortController();
    const removal = removeOrphans(this.#multipart, this.#settings.orphanAgeMs, stop.signal);
    this.#cleaning = { done: removal.catch(() => undefined), stop };
  }

  #call<T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    options: {
      readonly signal: AbortSignal | undefined;
      /** In the body, of the request or of the answer. */
      readonly bytes?: number;
      readonly beforeRetry?: (fault: S3Fault) => void;
    },
  ): Promise<T> {
    const { signal, bytes = 0, beforeRetry = this.#beforeRetry } = options;
    return this.#patience.call(attempt, { timeoutMs: this.#timeoutFor(bytes), signal, beforeRetry });
  }

  #timeoutFor(bytes: number): number {
    return this.#settings.requestTimeoutMs + Math.ceil(bytes / MIB) * MS_PER_MIB;
  }

  /** Credentials that ended may have been renewed where they come from. */
  readonly #beforeRetry = (fault: S3Fault): void => {
    if (fault.kind === 'credentials') this.#client.forget();
  };

  async #told<T>(action: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof S3Fault)) throw error;
      if (error.kind === 'denied' || error.kind === 'credentials') this.#client.forget();
      throw storageErrorOf(error, `${action} ${this.name}`);
    }
  }
}

/** Waits no longer than `signal` allows. */
async function until<T>(signal: AbortSignal | undefined, result: Promise<T>): Promise<T> {
  if (!signal) return result;
  const { promise, reject } = Promise.withResolvers<never>();
  const unlink = linkAbort(signal, reject);
  return Promise.race([promise, result]).finally(unlink);
}

async function orAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof S3Fault && error.kind === 'absent') return undefined;
    throw error;
  }
}

/** As text that a store can be named by again: buckets of one name on two servers are two stores. */
function nameOf({ bucket, prefix, endpoint }: Pick<S3Settings, 'bucket' | 'prefix' | 'endpoint'>): string {
  const path = `s3://${bucket}/${prefix}`.replace(/\/$/, '');
  if (endpoint === undefined) return path;
  const { origin, pathname } = new URL(endpoint);
  return `${path}?endpoint=${`${origin}${pathname}`.replace(/\/+$/, '')}`;
}

function digestOf(chunks: readonly Uint8Array[]): string {
  const [only, ...others] = chunks;
  if (only && others.length === 0) return sha256Hex(only);
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = chunks;
  return only && others.length === 0 ? only : Buffer.concat(chunks);
}

/**
 * Objects in a bucket of S3, or of a server that speaks like it. Needs the packages `@aws-sdk/client-s3` and
 * `@aws-sdk/lib-storage`, which are loaded with the first call.
 * @throws ConfigError for an option that is out of range; every call rejects with StorageError, or ConfigError when a
 * package is missing
 */
export function s3Store(options: S3StoreOptions): S3Store {
  return new StoreInBucket(options);
}
