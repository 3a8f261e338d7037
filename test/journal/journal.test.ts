import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { type JournalHost, journalContract } from '../../src/testing/journal-contract.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';

async function onDisk(): Promise<JournalHost> {
  const root = await mkdtemp(join(tmpdir(), 'tierfall-journal-'));
  const directory = join(root, 'new', 'journal');
  return {
    open: () =>
      openSegmentJournal({
        directory,
        chain: 'c',
        fs: nodeFileSystem,
        clock: new ManualClock(),
        emit: () => {},
      }),
    dispose: () => rm(root, { recursive: true }),
  };
}

async function inMemory(): Promise<JournalHost> {
  const fs = new MemoryFileSystem();
  const lock = async () => ({ release: () => {} });
  const clock = new ManualClock();
  return {
    // Segments of a few entries, so that every case also crosses their borders.
    open: () =>
      openSegmentJournal({ directory: '/j', chain: 'c', fs, clock, emit: () => {}, lock, segmentBytes: 700 }),
    dispose: async () => undefined,
  };
}

describe('segment journal on a disk', () => {
  for (const { name, run } of journalContract(onDisk)) it(name, run);
});

describe('segment journal in small segments', () => {
  for (const { name, run } of journalContract(inMemory)) it(name, run);
});
