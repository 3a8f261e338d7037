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
import { dirname, resolve } from 'node:path';
import { makeDirectory } from '../core/durable-file.ts';
import { StorageError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { errnoOf, toStorageError } from '../core/storage-fault.ts';
import { checkKey } from './object-key.ts';
import type { Store, StoredObject } from './store.ts';

const TEMPORARY = '.tierfall-tmp';
const STALE_MS = 3_600_000;
/** Errors that mean "this file system has no hard links". */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

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

  async put(key: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    this.#check(key);
    const before = this.#putting.get(key) ?? Promise.resolve();
    const done = before.catch(() => undefined).then(() => this.#put(key, chunks));
    this.#putting.set(key, done);
    try {
      return await done;
    } catch (error) {
      throw toStorageError(error, `put ${key} into ${this.name}`);
    } finally {
      if (this.#putting.get(key) === done) this.#putting.delete(key);
    }
  }

  async get(key: string): Promise<Uint8Array> {
    this.#check(key);
    try {
      return await this.#fs.readFile(`${this.#root}/${key}`);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') throw notFound(key, error);
      throw toStorageError(error, `get ${key} from ${this.name}`);
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    try {
      yield* this.#walk('', prefix);
    } catch (error) {
      throw toStorageError(error, `list ${prefix} in ${this.name}`);
    }
  }

  async delete(key: string): Promise<void> {
    this.#check(key);
    const path = `${this.#root}/${key}`;
    try {
      if ((await this.#fs.stat(path)) === undefined) return;
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
    if ((await this.#fs.stat(path)) !== undefined) {
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
  async *#walk(directory: string, prefix: string): AsyncGenerator<StoredObject> {
    const entries = await this.#fs.readdir(`${this.#root}/${directory}`.replace(/\/$/, ''));
    const keys = entries
      .filter(({ name }) => directory !== '' || name !== TEMPORARY)
      .map(({ name, isDirectory }) => `${directory}${name}${isDirectory ? '/' : ''}`);
    for (const key of keys.sort()) {
      if (key.endsWith('/')) {
        if (key.startsWith(prefix) || prefix.startsWith(key)) yield* this.#walk(key, prefix);
      } else if (key.startsWith(prefix)) {
        const found = await this.#fs.stat(`${this.#root}/${key}`);
        if (found) yield { key, bytes: found.size, modifiedMs: found.modifiedMs };
      }
    }
  }
}

/** Objects as files in a directory; safe to share between processes. */
export function fsStore(options: FsStoreOptions): Store {
  return new FsStore(options);
}
