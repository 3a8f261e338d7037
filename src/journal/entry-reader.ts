/**
 * Reads indexed entries back from their segments. Every byte handed out was checked against its checksum: what
 * decayed since it was indexed is recorded as damage and left out.
 */
import type { FileSystem } from '../core/file-system.ts';
import { errnoOf } from '../core/storage-fault.ts';
import type { DamageLog } from './damage.ts';
import { isIntact, readHeader, readPrefix, toEntry } from './entry.ts';
import type { JournalEntry } from './journal.ts';
import type { EntryPlace, LocatedEntry, Segment, SegmentIndex } from './segment-index.ts';
import { WindowReader } from './window-reader.ts';

export interface ReadRange {
  readonly afterSeq: number;
  readonly bytesMax: number;
}

/** @returns undefined when the bytes are not this entry any more */
async function readPlace(
  reader: WindowReader,
  place: EntryPlace,
): Promise<JournalEntry | 'unreadable' | undefined> {
  try {
    const bytes = await reader.at(place.offset, place.bytes);
    const prefix = readPrefix(bytes);
    if (prefix === undefined || prefix.seq !== place.seq || !isIntact(bytes, prefix)) return undefined;
    const header = readHeader(bytes, prefix);
    return header && toEntry(bytes, prefix, header);
  } catch (error) {
    if (errnoOf(error) === 'EIO') return 'unreadable';
    throw error;
  }
}

function bySegment(located: readonly LocatedEntry[]): Map<Segment, EntryPlace[]> {
  const groups = new Map<Segment, EntryPlace[]>();
  for (const { segment, place } of located) {
    const places = groups.get(segment);
    if (places) places.push(place);
    else groups.set(segment, [place]);
  }
  return groups;
}

class EntryReader {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #index: SegmentIndex;
  readonly #damage: DamageLog;

  constructor(fs: FileSystem, directory: string, index: SegmentIndex, damage: DamageLog) {
    this.#fs = fs;
    this.#directory = directory;
    this.#index = index;
    this.#damage = damage;
  }

  async read(segment: Segment, places: readonly EntryPlace[]): Promise<JournalEntry[]> {
    const file = await this.#fs.open(`${this.#directory}/${segment.name}`, 'read');
    const entries: JournalEntry[] = [];
    try {
      const reader = new WindowReader(file);
      for (const place of places) {
        const entry = await readPlace(reader, place);
        if (typeof entry === 'object') entries.push(entry);
        else await this.#drop(segment, place, entry === 'unreadable');
      }
    } finally {
      await file.close();
    }
    return entries;
  }

  async #drop(segment: Segment, place: EntryPlace, unreadable: boolean): Promise<void> {
    this.#index.remove(segment, place);
    const saved = await this.#damage.record(segment.name, {
      offset: place.offset,
      bytes: place.bytes,
      unreadable,
    });
    if (!saved) segment.keep = true;
  }
}

/** Entries after `afterSeq`, oldest first, until about `bytesMax` bytes of body; empty only when there are none. */
export async function readEntries(
  fs: FileSystem,
  directory: string,
  index: SegmentIndex,
  damage: DamageLog,
  range: ReadRange,
): Promise<readonly JournalEntry[]> {
  const reader = new EntryReader(fs, directory, index, damage);
  // Damaged entries leave the index, so an attempt that yields none is repeated on the entries behind them.
  for (;;) {
    const located = index.after(range.afterSeq, range.bytesMax);
    const entries: JournalEntry[] = [];
    for (const [segment, places] of bySegment(located)) {
      try {
        for (const entry of await reader.read(segment, places)) entries.push(entry);
      } catch (error) {
        // A checkpoint may delete a segment while it is read; its entries are the store's by then.
        if (errnoOf(error) !== 'ENOENT' || index.has(segment)) throw error;
      }
    }
    if (entries.length > 0 || located.length === 0) return entries;
  }
}
