/**
 * A file system in memory with the memory of a disk: what was written, and what would be left after a power cut.
 *
 * D1 bytes are volatile until `datasync` of their file. D2 names (created, renamed, unlinked; of
 * files and of directories) are volatile until `syncDirectory` of the directory they are in. D3 `crash` keeps any subset of volatile name changes and any prefix of
 * volatile bytes, whose end may read as zeros. D4 after a failed `datasync` the bytes can still be read, and a
 * later `datasync` that succeeds does not bring them to the disk: as on Linux. D5 after a crash nothing that
 * was running can reach the disk any more: the old instance fails, the disk goes on in a new one.
 */
import type { Random } from '../core/clock.ts';
import type { FileStat, FileSystem, OpenFile } from '../core/file-system.ts';

/** Operations that `failNext` can make fail. */
export type FailingOperation =
  | 'open'
  | 'read'
  | 'append'
  | 'datasync'
  | 'truncate'
  | 'readFile'
  | 'mkdir'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'syncDirectory';

class FileNode {
  bytes = new Uint8Array(0);
  durable = new Uint8Array(0);
  /** Spans of `bytes` that a failed sync dropped: never durable again. */
  dropped: { from: number; to: number }[] = [];
  modifiedMs = 0;
}

type Directory = Map<string, FileNode>;

interface NameChange {
  readonly directory: string;
  readonly name: string;
  readonly node: FileNode | undefined;
}

function fault(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code });
}

function split(path: string): { directory: string; name: string } {
  const slash = path.lastIndexOf('/');
  return { directory: path.slice(0, Math.max(slash, 0)) || '/', name: path.slice(slash + 1) };
}

function join(first: Uint8Array, rest: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const total = rest.reduce((sum, chunk) => sum + chunk.length, first.length);
  const joined = new Uint8Array(total);
  let at = 0;
  for (const chunk of [first, ...rest]) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

/** What is left of a file after a power cut. */
function tear(node: FileNode, random: Random): FileNode {
  const left = new FileNode();
  left.modifiedMs = node.modifiedMs;
  left.durable = node.durable.slice();
  const volatile = node.bytes.length - node.durable.length;
  if (volatile > 0) {
    const kept = node.durable.length + Math.floor(random() * (volatile + 1));
    const torn = node.bytes.slice(0, kept);
    if (random() < 0.3) torn.fill(0, node.durable.length + Math.floor(random() * (kept - node.durable.length)));
    for (const { from, to } of node.dropped) torn.fill(0, from, to);
    left.durable = torn;
  }
  if (volatile < 0 && random() < 0.5) left.durable = node.bytes.slice();
  left.bytes = left.durable.slice();
  return left;
}

export class MemoryFileSystem implements FileSystem {
  readonly #names = new Map<string, Directory>([['/', new Map()]]);
  readonly #durableNames = new Map<string, Directory>([['/', new Map()]]);
  /** One array per operation: a rename happens wholly or not at all. */
  #volatileChanges: NameChange[][] = [];
  readonly #volatileDirectories = new Set<string>();
  readonly #failures = new Map<FailingOperation, string[]>();
  #isOff = false;
  /** Wall clock given to files; set it to age them. */
  nowMs = 0;

  /** The next `operation` fails with Node's `code`; called twice, the next two. A failing append writes half. */
  failNext(operation: FailingOperation, code: string): void {
    this.#failures.set(operation, [...(this.#failures.get(operation) ?? []), code]);
  }

  /** Forgets failures that were ordered and did not happen. */
  clearFailures(): void {
    this.#failures.clear();
  }

  /**
   * Cuts the power: what is not durable is lost, kept or torn, as `random` decides.
   * @returns the same disk after power is back; this instance fails with EIO from now on
   */
  crash(random: Random): MemoryFileSystem {
    this.#isOff = true;
    for (const changes of this.#volatileChanges)
      if (random() < 0.5) for (const change of changes) this.#settle(change);
    const after = new MemoryFileSystem();
    after.nowMs = this.nowMs;
    const nodes = new Map<FileNode, FileNode>();
    const lost = [...this.#volatileDirectories].filter(() => random() < 0.5);
    for (const [path, directory] of this.#durableNames) {
      if (lost.some((gone) => path === gone || path.startsWith(`${gone}/`))) continue;
      for (const names of [after.#names, after.#durableNames]) after.#makeDirectories(names, path);
      for (const [name, node] of directory) {
        const survivor = nodes.get(node) ?? tear(node, random);
        nodes.set(node, survivor);
        after.#names.get(path)?.set(name, survivor);
        after.#durableNames.get(path)?.set(name, survivor);
      }
    }
    return after;
  }

  /** Flips bits of one byte on the medium, as decay would. */
  corrupt(path: string, offset: number, mask: number): void {
    const node = this.#file(path);
    for (const bytes of [node.bytes, node.durable]) {
      if (offset < bytes.length) bytes[offset] = (bytes[offset] ?? 0) ^ mask;
    }
  }

  /** Puts a durable file in place, as if it had always been there. */
  plant(path: string, bytes: Uint8Array): void {
    const { directory, name } = split(path);
    const node = new FileNode();
    node.bytes = Uint8Array.from(bytes);
    node.durable = Uint8Array.from(bytes);
    node.modifiedMs = this.nowMs;
    for (const names of [this.#names, this.#durableNames])
      this.#makeDirectories(names, directory).set(name, node);
  }

  async open(path: string, mode: 'read' | 'append' | 'create'): Promise<OpenFile> {
    await this.#enter('open', path);
    if (mode !== 'create') return this.#handle(path, this.#file(path));
    const { directory, name } = split(path);
    if (this.#directory(directory).has(name)) throw fault('EEXIST', path);
    const node = new FileNode();
    node.modifiedMs = this.nowMs;
    this.#change([{ directory, name, node }]);
    return this.#handle(path, node);
  }

  async readFile(path: string): Promise<Uint8Array> {
    await this.#enter('readFile', path);
    return this.#file(path).bytes.slice();
  }

  async mkdir(path: string): Promise<void> {
    await this.#enter('mkdir', path);
    for (let at = path; !this.#names.has(at); at = split(at).directory) this.#volatileDirectories.add(at);
    this.#makeDirectories(this.#names, path);
    this.#makeDirectories(this.#durableNames, path);
  }

  async readdir(path: string): Promise<readonly { readonly name: string; readonly isDirectory: boolean }[]> {
    const files = [...(this.#names.get(path)?.keys() ?? [])].map((name) => ({ name, isDirectory: false }));
    const within = path === '/' ? '/' : `${path}/`;
    const directories = [...this.#names.keys()]
      .filter((other) => other.startsWith(within) && other !== '/' && !other.slice(within.length).includes('/'))
      .map((other) => ({ name: other.slice(within.length), isDirectory: true }));
    return [...files, ...directories].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async stat(path: string): Promise<FileStat | undefined> {
    const { directory, name } = split(path);
    const node = this.#names.get(directory)?.get(name);
    if (node) return { size: node.bytes.length, modifiedMs: node.modifiedMs, isDirectory: false };
    return this.#names.has(path) ? { size: 0, modifiedMs: 0, isDirectory: true } : undefined;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter('rename', from);
    const source = split(from);
    this.#change([
      { ...source, node: undefined },
      { ...split(to), node: this.#file(from) },
    ]);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#enter('link', to);
    const node = this.#file(from);
    const target = split(to);
    if (this.#directory(target.directory).has(target.name)) throw fault('EEXIST', to);
    this.#change([{ ...target, node }]);
  }

  async unlink(path: string): Promise<void> {
    await this.#enter('unlink', path);
    const { directory, name } = split(path);
    if (this.#names.get(directory)?.has(name)) this.#change([{ directory, name, node: undefined }]);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#enter('syncDirectory', path);
    this.#directory(path);
    const left: NameChange[][] = [];
    for (const changes of this.#volatileChanges) {
      for (const change of changes) if (change.directory === path) this.#settle(change);
      const others = changes.filter((change) => change.directory !== path);
      if (others.length > 0) left.push(others);
    }
    this.#volatileChanges = left;
    for (const made of this.#volatileDirectories) {
      if (split(made).directory === path) this.#volatileDirectories.delete(made);
    }
  }

  #handle(path: string, node: FileNode): OpenFile {
    return {
      append: async (chunks) => {
        const whole = join(new Uint8Array(0), chunks);
        await this.#enter('append', path).catch((error: unknown) => {
          node.bytes = join(node.bytes, [whole.subarray(0, whole.length >> 1)]);
          throw error;
        });
        node.bytes = join(node.bytes, [whole]);
        node.modifiedMs = this.nowMs;
      },
      read: async (position, length) => {
        await this.#enter('read', path);
        return node.bytes.slice(position, position + length);
      },
      datasync: async () => {
        await this.#enter('datasync', path).catch((error: unknown) => {
          node.dropped.push({ from: node.durable.length, to: node.bytes.length });
          throw error;
        });
        node.durable = node.bytes.slice();
        for (const { from, to } of node.dropped) node.durable.fill(0, from, to);
      },
      truncate: async (size) => {
        await this.#enter('truncate', path);
        node.bytes = node.bytes.slice(0, size);
      },
      size: async () => node.bytes.length,
      close: async () => undefined,
    };
  }

  /** Takes one turn, so that operations interleave, and fails when ordered to. */
  async #enter(operation: FailingOperation, path: string): Promise<void> {
    await Promise.resolve();
    if (this.#isOff) throw fault('EIO', path);
    const code = this.#failures.get(operation)?.shift();
    if (code !== undefined) throw fault(code, path);
  }

  #settle({ directory, name, node }: NameChange): void {
    const durable = this.#makeDirectories(this.#durableNames, directory);
    if (node) durable.set(name, node);
    else durable.delete(name);
  }

  #change(changes: NameChange[]): void {
    for (const { directory, name, node } of changes) {
      if (node) this.#directory(directory).set(name, node);
      else this.#directory(directory).delete(name);
    }
    this.#volatileChanges.push(changes);
  }

  #directory(path: string): Directory {
    const directory = this.#names.get(path);
    if (directory === undefined) throw fault('ENOENT', path);
    return directory;
  }

  #file(path: string): FileNode {
    const { directory, name } = split(path);
    const node = this.#names.get(directory)?.get(name);
    if (node === undefined) throw fault('ENOENT', path);
    return node;
  }

  #makeDirectories(names: Map<string, Directory>, path: string): Directory {
    if (path !== '/') this.#makeDirectories(names, split(path).directory);
    const directory = names.get(path) ?? new Map<string, FileNode>();
    names.set(path, directory);
    return directory;
  }
}
