/**
 * Space kept back for the one write that frees space. On a full disk the checkpoint itself would find no room,
 * and without a checkpoint nothing may be deleted.
 */
import type { FileSystem } from '../core/file-system.ts';

const RESERVE_FILE = 'reserve';
const RESERVE_BYTES = 64 * 1024;

/** Sets the space aside unless it is there; a disk too full for it is no reason to fail. */
export async function keepReserve(fs: FileSystem, directory: string): Promise<void> {
  const path = `${directory}/${RESERVE_FILE}`;
  try {
    if ((await fs.stat(path))?.size === RESERVE_BYTES) return;
    await fs.unlink(path);
    const file = await fs.open(path, 'create');
    await file.append([new Uint8Array(RESERVE_BYTES)]).finally(() => file.close());
  } catch {
    await fs.unlink(path).catch(() => undefined);
  }
}

/** Gives the space back to the disk; safe when there is none. */
export async function spendReserve(fs: FileSystem, directory: string): Promise<void> {
  await fs.unlink(`${directory}/${RESERVE_FILE}`).catch(() => undefined);
}
