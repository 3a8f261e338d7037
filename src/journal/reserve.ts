/**
 * Space kept back for the one write that frees space. On a full disk the checkpoint itself would find no room,
 * and without a checkpoint nothing may be deleted.
 */
import type { FileSystem } from '../core/file-system.ts';

const RESERVE_FILE = 'reserve';
const RESERVE_BYTES = 64 * 1024;

/** Room for one checkpoint: a file of one block, and the directory that may need one more. */
const RESERVE_BYTES_MIN = 8 * 1024;

/** Sets the space aside unless some of it is there; a disk too full for it is no reason to fail. */
export async function keepReserve(fs: FileSystem, directory: string): Promise<void> {
  const path = `${directory}/${RESERVE_FILE}`;
  if ((await fs.stat(path).catch(() => undefined)) === undefined) await setAside(fs, path, RESERVE_BYTES);
}

/** Sets aside as much of the space as there is on a disk that somebody else may have filled meanwhile. */
export async function renewReserve(fs: FileSystem, directory: string): Promise<void> {
  const path = `${directory}/${RESERVE_FILE}`;
  if ((await fs.stat(path).catch(() => undefined))?.size === RESERVE_BYTES) return;
  for (let bytes = RESERVE_BYTES; bytes >= RESERVE_BYTES_MIN; bytes /= 2) {
    if (await setAside(fs, path, bytes)) return;
  }
}

async function setAside(fs: FileSystem, path: string, bytes: number): Promise<boolean> {
  try {
    await fs.unlink(path);
    const file = await fs.open(path, 'create');
    await file.append([new Uint8Array(bytes)]).finally(() => file.close());
    return true;
  } catch {
    await fs.unlink(path).catch(() => undefined);
    return false;
  }
}

/**
 * Gives the space back to the disk; safe when there is none. A file system with a journal hands out the space of a file only
 * once its deletion is durable.
 */
export async function spendReserve(fs: FileSystem, directory: string): Promise<void> {
  await fs.unlink(`${directory}/${RESERVE_FILE}`).catch(() => undefined);
  await fs.syncDirectory(directory).catch(() => undefined);
}
