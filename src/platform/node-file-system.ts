/**
 * The FileSystem port on Node's asynchronous `fs`: nothing here blocks the event loop. Files are 0600 and
 * directories 0700, because they hold other people's data.
 */
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import type { FileSystem, OpenFile } from '../core/file-system.ts';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** Buffers per writev: the limit of one system call on Linux. */
const VECTOR_MAX = 1024;

const FLAGS = { read: 'r', append: 'a', create: 'ax' } as const;

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** What is left of `chunks` after their first `written` bytes. */
function dropFirst(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  let at = 0;
  let left = written;
  for (let chunk = chunks[at]; chunk !== undefined && left >= chunk.length; chunk = chunks[at]) {
    left -= chunk.length;
    at += 1;
  }
  const rest = chunks.slice(at);
  if (left > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(left);
  return rest;
}

/** A write may be short (a nearly full disk, a signal, more than 2 GiB), so it is repeated until nothing is left. */
async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.length > 0);
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest.slice(0, VECTOR_MAX));
    if (bytesWritten === 0) throw Object.assign(new Error('the system wrote nothing'), { code: 'EIO' });
    rest = dropFirst(rest, bytesWritten);
  }
}

async function readSpan(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { size } = await handle.stat();
  const bytes = new Uint8Array(Math.max(0, Math.min(length, size - position)));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function openFile(handle: FileHandle): OpenFile {
  return {
    append: (chunks) => writeAll(handle, chunks),
    read: (position, length) => readSpan(handle, position, length),
    datasync: () => handle.datasync(),
    truncate: (size) => handle.truncate(size),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function listDirectory(path: string): Promise<{ name: string; isDirectory: boolean }[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  const names = entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  return names.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  open: async (path, mode) => openFile(await open(path, FLAGS[mode], FILE_MODE)),
  readFile: (path) => readFile(path),
  mkdir: async (path) => {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  },
  readdir: listDirectory,
  stat: async (path) => {
    const found = await stat(path).catch((error: unknown) => {
      if (isAbsent(error)) return undefined;
      throw error;
    });
    return found && { size: found.size, modifiedMs: found.mtimeMs, isDirectory: found.isDirectory() };
  },
  rename: (from, to) => rename(from, to),
  link: (from, to) => link(from, to),
  unlink: async (path) => {
    await unlink(path).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
  },
  syncDirectory,
};
