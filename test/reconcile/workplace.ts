import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { openStateDatabase, type StateDatabase } from '../../src/reconcile/sqlite-database.ts';

// These tests kill processes, not machines: a disk in memory says the same, and does not wait for others.
const BASE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A directory of its own for one test, gone when closed. */
export interface Workplace {
  readonly directory: string;
  readonly file: string;
  open(): Promise<StateDatabase>;
  close(): Promise<void>;
}

export async function createWorkplace(): Promise<Workplace> {
  const directory = await mkdtemp(join(BASE, 'tierfall-reconcile-'));
  const file = join(directory, 'state.db');
  const opened: StateDatabase[] = [];
  return {
    directory,
    file,
    open: async () => {
      const state = await openStateDatabase({ file, fs: nodeFileSystem });
      opened.push(state);
      return state;
    },
    close: async () => {
      for (const state of opened) await state.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
