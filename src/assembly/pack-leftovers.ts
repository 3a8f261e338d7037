/** Moves what a writer left in its journal into the store, as that writer does in the background. */
import { DirectoryLockedError } from '../core/errors.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { openSegmentJournal } from '../journal/segment-journal.ts';
import { createPacker } from '../stores/pack.ts';
import type { EncodeOptions } from '../stores/parquet.ts';
import type { Backlog, Machine } from './backlog.ts';

export interface LeftoverSettings {
  readonly encode?: EncodeOptions | undefined;
  /** Of the journal's entries. */
  readonly keys?: KeyRing | undefined;
}

/**
 * @returns false when a living writer owns the journal and does it itself
 * @throws StorageError when the journal cannot be read or the store refuses; nothing is lost
 */
export async function packLeftovers(
  directory: string,
  backlog: Pick<Backlog, 'chain' | 'store' | 'stored' | 'announce'>,
  { clock, random, fs, bus }: Machine,
  { encode = {}, keys }: LeftoverSettings = {},
): Promise<boolean> {
  if ((await fs.stat(directory)) === undefined) return true;
  const { chain, store, stored, announce } = backlog;
  const { emit } = bus;
  try {
    const journal = await openSegmentJournal({ directory, chain, fs, clock, emit, ...(keys ? { keys } : {}) });
    try {
      const parts = { journal, store, chain, clock, random, fs, directory, emit, stored, announce, encode };
      const packer = createPacker(parts);
      await packer.flush();
      await packer.close();
    } finally {
      await journal.close();
    }
    return true;
  } catch (error) {
    if (error instanceof DirectoryLockedError) return false;
    throw error;
  }
}
