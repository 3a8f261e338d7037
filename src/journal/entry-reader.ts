/**
 * Reads indexed entries back from their segments, many with one system call; bodies are views into what was read.
 * Every byte handed out was checked against its checksum: what decayed since it was indexed is recorded as damage and
 * left out.
 */
import type { FileSystem, OpenFile } from '../core/file-system.ts';
import { errnoOf } from '../core/storage-fault.ts';
import type { DamageLog } from './damage.ts';
import { entrySteps, readPrefix } from './entry.ts';
import type { EntryOpener } from './entry-cipher.ts';
import type { JournalEntry } from './journal.ts';
import type { EntryPlace, PlaceTable } from './place-table.ts';
import type { SegmentIndex, Span } from './segment-index.ts';
import { doInTurns, doNow, STEP_BYTES } from './turns.ts';

/** Bytes of one system call; an entry that is larger has one of its own. */
const READ_BYTES_MAX = 8 * 1024 * 1024;

export interface ReadRange {
  readonly afterSeq: number;
  readonly bytesMax: number;
}

/** What reading needs. */
export interface ReadSource {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly index: SegmentIndex;
  readonly damage: DamageLog;
  readonly keys: EntryOpener | undefined;
}

/** What was found at some places; `lost` are those that do not hold their entry any more. */
interface Content {
  readonly entries: JournalEntry[];
  readonly lost: { readonly at: number; readonly unreadable: boolean }[];
}

class SpanReader {
  readonly #file: OpenFile;
  readonly #places: PlaceTable;
  readonly #keys: EntryOpener | undefined;

  constructor(file: OpenFile, places: PlaceTable, keys: EntryOpener | undefined) {
    this.#file = file;
    this.#places = places;
    this.#keys = keys;
  }

  /** Index behind the places that follow each other on the medium and fit into one call. */
  endOfRun(from: number, to: number): number {
    const { offsets, bytes } = this.#places.columns;
    const start = offsets[from] ?? 0;
    let end = start + (bytes[from] ?? 0);
    let at = from + 1;
    for (; at < to && offsets[at] === end && end + (bytes[at] ?? 0) - start <= READ_BYTES_MAX; at += 1) {
      end += bytes[at] ?? 0;
    }
    return at;
  }

  /** Adds what each place holds to `found`. */
  async readRun(from: number, to: number, found: Content): Promise<void> {
    const first = this.#places.at(from);
    const last = this.#places.at(to - 1);
    let run: Uint8Array;
    try {
      run = await this.#file.read(first.offset, last.offset + last.bytes - first.offset);
    } catch (error) {
      if (errnoOf(error) !== 'EIO') throw error;
      if (to - from === 1) found.lost.push({ at: from, unreadable: true });
      // One bad sector hides no neighbours.
      else for (let at = from; at < to; at += 1) await this.readRun(at, at + 1, found);
      return;
    }
    for (let at = from; at < to; at += 1) {
      const place = this.#places.at(at);
      const start = place.offset - first.offset;
      const decoded = this.#decode(run.subarray(start, start + place.bytes), place);
      const entry = decoded instanceof Promise ? await decoded : decoded;
      if (entry === undefined) found.lost.push({ at, unreadable: false });
      else found.entries.push(entry);
    }
  }

  #decode(bytes: Uint8Array, place: EntryPlace): JournalEntry | undefined | Promise<JournalEntry | undefined> {
    const prefix = readPrefix(bytes);
    if (prefix === undefined || prefix.seq !== place.seq) return undefined;
    const steps = entrySteps(bytes, prefix, this.#keys);
    return bytes.length > STEP_BYTES ? doInTurns(steps) : doNow(steps);
  }
}

async function readSpan(source: ReadSource, { segment, places, from, to }: Span, entries: JournalEntry[]) {
  const { fs, directory, index, damage } = source;
  const found: Content = { entries, lost: [] };
  const file = await fs.open(`${directory}/${segment.name}`, 'read');
  try {
    const reader = new SpanReader(file, places, source.keys);
    for (let at = from; at < to; ) {
      const end = reader.endOfRun(at, to);
      await reader.readRun(at, end, found);
      at = end;
    }
  } finally {
    await file.close();
  }
  for (const { at, unreadable } of found.lost) {
    const { offset, bytes } = places.at(at);
    if (!(await damage.record(segment.name, { offset, bytes, unreadable }))) segment.keep = true;
  }
  index.remove(
    segment,
    places,
    found.lost.map(({ at }) => at),
  );
}

/** Entries after `afterSeq`, oldest first, until about `bytesMax` bytes of body; empty only when there are none. */
export async function readEntries(
  source: ReadSource,
  { afterSeq, bytesMax }: ReadRange,
): Promise<readonly JournalEntry[]> {
  const { index } = source;
  // Damaged entries leave the index, so an attempt that yields none is repeated on the entries behind them.
  for (;;) {
    const spans = await index.after(afterSeq, bytesMax);
    const entries: JournalEntry[] = [];
    for (const span of spans) {
      try {
        await readSpan(source, span, entries);
      } catch (error) {
        // A checkpoint may delete a segment while it is read; its entries are the store's by then.
        if (errnoOf(error) !== 'ENOENT' || index.has(span.segment)) throw error;
      }
    }
    if (entries.length > 0 || spans.length === 0) return entries;
  }
}
