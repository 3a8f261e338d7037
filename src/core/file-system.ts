/**
 * The file system as a port: just what the journal and the stores need, so that a simulator can own every
 * write, sync and rename. Errors are Node's (`code: 'ENOSPC'`); the owner translates them to StorageError.
 */

export interface OpenFile {
  /** Writes all chunks in order at the end of what was written; resolves when every byte is handed over. */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** Reads up to `length` bytes at `position`; shorter only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Returns once the bytes and the size are on the medium (fdatasync). */
  datasync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface FileStat {
  readonly size: number;
  readonly modifiedMs: number;
  readonly isDirectory: boolean;
}

export interface FileSystem {
  /** `create` fails with EEXIST when the file is there; `append` opens an existing file for writing at its end. */
  open(path: string, mode: 'read' | 'append' | 'create'): Promise<OpenFile>;
  readFile(path: string): Promise<Uint8Array>;
  /** Creates the directory and its parents, mode 0700; no error when it is there. */
  mkdir(path: string): Promise<void>;
  /** Names in a directory, sorted; an absent directory has none. */
  readdir(path: string): Promise<readonly { readonly name: string; readonly isDirectory: boolean }[]>;
  stat(path: string): Promise<FileStat | undefined>;
  /** Atomic within one directory tree; replaces the target. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file, failing with EEXIST when `to` is there; a capability, absent where links are. */
  link?(from: string, to: string): Promise<void>;
  /** No error when the file is absent. */
  unlink(path: string): Promise<void>;
  /** Makes creations, renames and deletions in `path` durable (fsync of the directory). */
  syncDirectory(path: string): Promise<void>;
}
