/** The real file system with a wait added to every fdatasync, and a clock on each of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileSystem, OpenFile } from '../../src/core/file-system.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';

/** Milliseconds that each fdatasync took, the added wait included. */
export interface SyncClock {
  readonly delayMs: number;
  readonly tookMs: number[];
}

/** Runs one fdatasync on this clock. */
export async function timedSync(clock: SyncClock, sync: () => Promise<void>): Promise<void> {
  const started = performance.now();
  if (clock.delayMs > 0) await sleep(clock.delayMs);
  await sync();
  clock.tookMs.push(performance.now() - started);
}

function timed(file: OpenFile, clock: SyncClock): OpenFile {
  return { ...file, datasync: () => timedSync(clock, () => file.datasync()) };
}

export function clockedDisk(clock: SyncClock): FileSystem {
  return {
    ...nodeFileSystem,
    open: async (path, mode) => {
      const file = await nodeFileSystem.open(path, mode);
      return mode === 'create' ? timed(file, clock) : file;
    },
  };
}

const NOTHING: OpenFile = {
  append: async () => undefined,
  read: async () => new Uint8Array(0),
  datasync: async () => undefined,
  truncate: async () => undefined,
  size: async () => 0,
  close: async () => undefined,
};

/** Takes every byte and keeps none: what is left is the journal without a disk. */
export const noDisk: FileSystem = {
  open: async () => NOTHING,
  readFile: async () => new Uint8Array(0),
  mkdir: async () => undefined,
  readdir: async () => [],
  stat: async () => undefined,
  rename: async () => undefined,
  unlink: async () => undefined,
  syncDirectory: async () => undefined,
};
