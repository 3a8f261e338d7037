import type { EventName } from '../../src/core/events.ts';
import type { Journal, RawEntry } from '../../src/journal/journal.ts';
import { openSegmentJournal, type SegmentJournalOptions } from '../../src/journal/segment-journal.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import type { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';

export const DIRECTORY = '/data/journal';

export interface Opened {
  readonly journal: Journal;
  /** Events in order. */
  readonly events: { readonly name: EventName; readonly event: unknown }[];
}

/** A journal over a simulated disk, in segments that hold a few entries. */
export async function openOn(
  fs: MemoryFileSystem,
  changes: Partial<SegmentJournalOptions> = {},
): Promise<Opened> {
  const events: Opened['events'] = [];
  const journal = await openSegmentJournal({
    directory: DIRECTORY,
    chain: 'c',
    fs,
    clock: new ManualClock(),
    emit: (name, event) => events.push({ name, event }),
    lock: async () => ({ release: () => {} }),
    segmentBytes: 1500,
    groupBytes: 1000,
    ...changes,
  });
  return { journal, events };
}

/** Bodies by key: what a reader can tell of a journal's content. */
export async function bodiesIn(journal: Journal): Promise<Map<string, string>> {
  const entries = await journal.read(-1, Number.POSITIVE_INFINITY);
  return new Map(entries.map((entry) => [entry.key, Buffer.from(entry.body).toString('hex')]));
}

export function hexOf(entry: RawEntry): string {
  return Buffer.from(entry.body).toString('hex');
}

export async function segmentsIn(fs: MemoryFileSystem): Promise<string[]> {
  return (await fs.readdir(DIRECTORY)).map(({ name }) => name).filter((name) => name.endsWith('.seg'));
}
