/**
 * The Store port on a directory. Several processes may share one.
 *
 *   <directory>/<key>                       the objects
 *   <directory>/.tierfall-tmp/<pid>-<n>     objects that are being written
 *
 * N1 an object gets its name only after its bytes are on the medium, and `put` resolves only after the name is,
 * together with every directory above it. N2 the name is given with `link`, which never replaces; only where the
 * file system has no links, a check and a rename take its place. N3 what a dead process left in
 * `.tierfall-tmp` is never listed, and removed once it is an hour old.
 */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { makeDirectory } from '../core/durable-file.ts';
import { StorageError } from '../core/errors.ts';
import type { FileSystem, OpenFile } from '../core/file-system.ts';
import { mapInFlight } from '../core/in-flight.ts';
import { errnoOf, toStorageError } from '../core/storage-fault.ts';
import { checkKey, checkRange } from './object-key.ts';
import type {
  ByteRange,
  GetOptions,
  ListOptions,
  ObjectHead,
  PutOptions,
  Store,
  StoreCallOptions,
  StoredObject,
} from './store.ts';

const TEMPORARY = '.tierfall-tmp';
const STALE_MS = 3_600_000;
/** Calls to the file system of one kind at the same time. */
const AT_ONCE_MAX = 8;
/** Files of a listing that are looked at before the first of them is told. */
const LOOKED_AT_ONCE = 256;
/** Bytes that are read at once for a digest. */
const PIECE_BYTES = 1024 * 1024;
/** Errors that mean "this file system has no hard links". */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

/** Errors that mean "there is a file where a directory of the key should be", or the other way round. */
const CLASHES: ReadonlySet<string | undefined> = new Set(['ENOTDIR', 'EEXIST', 'EISDIR']);

export interface FsStoreOptions {
  /** Root of the objects; created with its first object, mode 0700. */
  readonly directory: string;
  readonly fs: FileSystem;
}

function notFound(key: string, cause: unknown): StorageError {
  return new StorageError('STORAGE_NOT_FOUND', `there is no object ${key}`, {
    hint: 'It was deleted, or the store is another one than the one it was put in.',
    cause,
  });
}

function clash(key: string, cause: unknown): StorageError {
  return new StorageError(
    'STORAGE_KEY_CLASH',
    `a part of ${key} is an object, or ${key} is a part of other keys`,
    {
      hint: 'A name in a directory is an object or a prefix of objects, never both: choose another key.',
      cause,
    },
  );
}

/** A directory, or a file where a directory of the key should be, is no object either. */
function isAbsent(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}

async function digestOf(file: OpenFile, signal: AbortSignal | undefined) {
  const hash = createHash('sha256');
  for (let bytes = 0; ; ) {
    signal?.throwIfAborted();
    const piece = await file.read(bytes, PIECE_BYTES);
    if (piece.length === 0) return { bytes, sha256: hash.digest('hex') };
    hash.update(piece);
    bytes += piece.length;
  }
}

class FsStore implements Store {
  readonly name: string;
  readonly #root: string;
  readonly #fs: FileSystem;
  /** Directories whose names are known to be durable. */
  readonly #durable = new Set<string>();
  /** Puts by key: without links, two of them must not race. */
  readonly #putting = new Map<string, Promise<unknown>>();
  #temporaries = 0;
  #swept = false;

  constructor(options: FsStoreOptions) {
    this.#root = resolve(options.directory);
    this.#fs = options.fs;
    this.name = `fs:${this.#root}`;
  }

  async put(
    key: string,
    chunks: readonly Uint8Array[],
    { signal }: PutOptions = {},
  ): Promise<'created' | 'exists'> {
    this.#check(key);
    signal?.throwIfAborted();
    const before = this.#putting.get(key) ?? Promise.resolve();
    const done = before.catch(() => undefined).then(() => this.#put(key, chunks));
    this.#putting.set(key, done);
    try {
      return await done;
    } catch (error) {
      throw CLASHES.has(errnoOf(error))
        ? clash(key, error)
        : toStorageError(error, `put ${key} into ${this.name}`);
    } finally {
      if (this.#putting.get(key) === done) this.#putting.delete(key);
    }
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    this.#check(key);
    if (range) checkRange(range);
    signal?.throwIfAborted();
    const path = `${this.#root}/${key}`;
    try {
      return range ? await this.#readRange(path, range) : await this.#fs.readFile(path);
    } catch (error) {
      if (isAbsent(error)) throw notFound(key, error);
      throw toStorageError(error, `get ${key} from ${this.name}`);
    }
  }

  async head(key: string, { signal }: StoreCallOptions = {}): Promise<ObjectHead | undefined> {
    this.#check(key);
    signal?.throwIfAborted();
    const path = `${this.#root}/${key}`;
    try {
      const found = await this.#fs.stat(path);
      if (!found || found.isDirectory) return undefined;
      const { bytes, sha256 } = await this.#digest(path, signal);
      return { key, bytes, modifiedMs: found.modifiedMs, sha256 };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      signal?.throwIfAborted();
      throw toStorageError(error, `look at ${key} in ${this.name}`);
    }
  }

  async *list(prefix: string, { after = '', signal }: ListOptions = {}): AsyncGenerator<StoredObject> {
    try {
      for await (const object of this.#walk('', prefix, after)) {
        signal?.throwIfAborted();
        yield object;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw toStorageError(error, `list ${prefix} in ${this.name}`);
    }
  }

  /** An object has its name only once its bytes are durable, and above its directory every name is (N1). */
  async confirm(keys: readonly string[], { signal }: StoreCallOptions = {}): Promise<void> {
    for (const key of keys) this.#check(key);
    const directories = new Set(keys.map((key) => dirname(`${this.#root}/${key}`)));
    await mapInFlight([...directories], { atOnceMax: AT_ONCE_MAX }, async (directory) => {
      signal?.throwIfAborted();
      try {
        await this.#fs.syncDirectory(directory);
      } catch (error) {
        if (!isAbsent(error)) throw toStorageError(error, `make ${directory} durable`);
      }
    });
  }

  async delete(key: string, { signal }: StoreCallOptions = {}): Promise<void> {
    this.#check(key);
    signal?.throwIfAborted();
    const path = `${this.#root}/${key}`;
    try {
      const found = await this.#fs.stat(path);
      if (!found || found.isDirectory) return;
      await this.#fs.unlink(path);
      await this.#fs.syncDirectory(dirname(path));
    } catch (error) {
      throw toStorageError(error, `delete ${key} from ${this.name}`);
    }
  }

  #check(key: string): void {
    checkKey(key);
    if (key !== TEMPORARY && !key.startsWith(`${TEMPORARY}/`)) return;
    throw new StorageError('STORAGE_KEY_INVALID', `the key ${key} is in the store's own ${TEMPORARY}`, {
      hint: 'Choose another first segment.',
    });
  }

  async #put(key: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    const path = `${this.#root}/${key}`;
    const found = await this.#fs.stat(path);
    if (found?.isDirectory) throw clash(key, undefined);
    if (found) {
      // Whoever created it may have died before its name was durable.
      await this.#fs.syncDirectory(dirname(path));
      return 'exists';
    }
    const temporary = await this.#writeTemporary(chunks);
    try {
      await this.#makeDurable(dirname(path));
      const created = await this.#place(temporary, path);
      await this.#fs.syncDirectory(dirname(path));
      return created ? 'created' : 'exists';
    } finally {
      // After a rename there is nothing left to remove.
      await this.#fs.unlink(temporary).catch(() => undefined);
    }
  }

  async #readRange(path: string, { start, end }: ByteRange): Promise<Uint8Array> {
    const file = await this.#fs.open(path, 'read');
    try {
      const size = await file.size();
      return start >= size ? new Uint8Array(0) : await file.read(start, Math.min(end, size) - start);
    } finally {
      await file.close();
    }
  }

  async #digest(path: string, signal: AbortSignal | undefined): Promise<{ bytes: number; sha256: string }> {
    const file = await this.#fs.open(path, 'read');
    try {
      return await digestOf(file, signal);
    } finally {
      await file.close();
    }
  }

  async #writeTemporary(chunks: readonly Uint8Array[]): Promise<string> {
    const directory = `${this.#root}/${TEMPORARY}`;
    await this.#fs.mkdir(directory);
    const { path, file } = await this.#createTemporary(directory);
    try {
      await file.append(chunks);
      await file.datasync();
    } catch (error) {
      await this.#fs.unlink(path).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    await this.#sweepStale(directory, path);
    return path;
  }

  async #createTemporary(directory: string) {
    for (;;) {
      this.#temporaries += 1;
      const path = `${directory}/${process.pid}-${this.#temporaries}`;
      try {
        return { path, file: await this.#fs.open(path, 'create') };
      } catch (error) {
        // A process of that pid left it, or has it now (on another host, in another container).
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
    }
  }

  /** Once per process. The age is measured against a file just written, so by the file system's own clock. */
  async #sweepStale(directory: string, fresh: string): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    const nowMs = (await this.#fs.stat(fresh))?.modifiedMs ?? 0;
    for (const { name } of await this.#fs.readdir(directory)) {
      const found = await this.#fs.stat(`${directory}/${name}`);
      if (found && nowMs - found.modifiedMs > STALE_MS) {
        await this.#fs.unlink(`${directory}/${name}`).catch(() => undefined);
      }
    }
  }

  /** @returns false when another process gave that name first */
  async #place(temporary: string, path: string): Promise<boolean> {
    try {
      if (this.#fs.link) {
        await this.#fs.link(temporary, path);
        return true;
      }
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EEXIST') return false;
      if (!NO_LINKS.has(code)) throw error;
    }
    if ((await this.#fs.stat(path)) !== undefined) return false;
    await this.#fs.rename(temporary, path);
    return true;
  }

  /** Creates a directory of the store; it and all above it, up to the root, are durable afterwards. */
  async #makeDurable(directory: string): Promise<void> {
    if (this.#durable.has(directory)) return;
    if (directory === this.#root) {
      await makeDirectory(this.#fs, directory);
    } else {
      await this.#makeDurable(dirname(directory));
      await this.#fs.mkdir(directory);
      // Also when it was there: whoever made it may have died before this.
      await this.#fs.syncDirectory(dirname(directory));
    }
    this.#durable.add(directory);
  }

  /** Depth first. A directory sorts with a slash behind its name, because its keys do. */
  async *#walk(directory: string, prefix: string, after: string): AsyncGenerator<StoredObject> {
    const entries = await this.#fs.readdir(`${this.#root}/${directory}`.replace(/\/$/, ''));
    const keys = entries
      .filter(({ name }) => directory !== '' || name !== TEMPORARY)
      .map(({ name, isDirectory }) => `${directory}${name}${isDirectory ? '/' : ''}`);
    const files: string[] = [];
    for (const key of keys.sort()) {
      if (key.endsWith('/')) {
        yield* await this.#look(files.splice(0));
        const isBehind = key > after || after.startsWith(key);
        if (isBehind && (key.startsWith(prefix) || prefix.startsWith(key)))
          yield* this.#walk(key, prefix, after);
      } else if (key > after && key.startsWith(prefix)) {
        files.push(key);
        if (files.length >= LOOKED_AT_ONCE) yield* await this.#look(files.splice(0));
      }
    }
    yield* await this.#look(files);
  }

  /** Those that are still there. */
  async #look(keys: readonly string[]): Promise<readonly StoredObject[]> {
    const objects = await mapInFlight(keys, { atOnceMax: AT_ONCE_MAX }, async (key) => {
      const found = await this.#fs.stat(`${this.#root}/${key}`);
      return found && { key, bytes: found.size, modifiedMs: found.modifiedMs };
    });
    return objects.filter((object) => object !== undefined);
  }
}

/** Objects as files in a directory; safe to share between processes. */
export function fsStore(options: FsStoreOptions): Store {
  return new FsStore(options);
}
