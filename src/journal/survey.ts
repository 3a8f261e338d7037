/**
 * Looks at a journal without opening it: nothing is locked, changed or set aside, so a writer may go on meanwhile. What a
 * writer does between two looks may be seen in part; segments that it deletes meanwhile are left out.
 */
import { PRIORITIES, type Priority } from '../core/batch.ts';
import type { FileSystem } from '../core/file-system.ts';
import { errnoOf } from '../core/storage-fault.ts';
import { entrySteps, readPrefix } from './entry.ts';
import type { EntryOpener } from './entry-cipher.ts';
import type { JournalEntry, PriorityDepth } from './journal.ts';
import { readPlaces } from './place-file.ts';
import { readCheckpoint } from './recovery.ts';
import { firstSeqOf, readSegmentVersion, SEGMENT_HEADER_BYTES, segmentName } from './segment-file.ts';
import { scanPlaces } from './segment-places.ts';
import type { Gap, ScannedEntry } from './segment-scan.ts';
import { Tally, tallyOf } from './tally.ts';
import { doInTurns } from './turns.ts';
import { WindowReader } from './window-reader.ts';

export interface SegmentSurvey {
  readonly name: string;
  /** Undefined when its head is damaged. */
  readonly version: number | undefined;
  readonly bytes: number;
  readonly firstSeq: number;
  /** Undefined when there is no entry in it. */
  readonly lastSeq: number | undefined;
  readonly entries: number;
  /** Entries that the store does not own yet. */
  readonly pending: number;
  readonly index: 'fits' | 'none that fits';
  /** Keys that its entries are encrypted under. */
  readonly keyIds: readonly string[];
  /** Bytes that are no entry. */
  readonly gaps: readonly Gap[];
  /** The last gap, when it ends the segment: a write that did not end, or one that is under way. */
  readonly tail: Gap | undefined;
}

export interface JournalSurvey {
  readonly checkpointed: number;
  readonly segments: readonly SegmentSurvey[];
  /** What the store does not own yet. */
  readonly pending: Readonly<Record<Priority, PriorityDepth>>;
}

interface SegmentRange {
  readonly name: string;
  readonly firstSeq: number;
  readonly seqMax: number;
}

async function segmentsIn(fs: FileSystem, directory: string): Promise<SegmentRange[]> {
  const firstSeqs = (await fs.readdir(directory)).flatMap(({ name }) => firstSeqOf(name) ?? []);
  return firstSeqs.map((firstSeq, i) => ({
    name: segmentName(firstSeq),
    firstSeq,
    seqMax: (firstSeqs[i + 1] ?? Number.POSITIVE_INFINITY) - 1,
  }));
}

async function surveySegment(
  fs: FileSystem,
  directory: string,
  range: SegmentRange,
  checkpointed: number,
  pending: Tally,
): Promise<SegmentSurvey> {
  const keyIds = new Set<string>();
  const note = ({ facts }: ScannedEntry): void => {
    if (facts.keyId !== undefined) keyIds.add(facts.keyId);
  };
  const { name, firstSeq } = range;
  const version = await readSegmentVersion(fs, `${directory}/${name}`);
  const { places, gaps, lastOffset, size } = await scanPlaces(fs, directory, range, note);
  const from = places.firstAfter(checkpointed);
  const live = tallyOf(places, from, undefined);
  live.oldestMs.forEach((ms, priority) => {
    pending.oldestMs[priority] ??= ms;
  });
  pending.merge(live, 1);
  const indexed = await readPlaces(fs, directory, name, firstSeq, size);
  const last = gaps.at(-1);
  return {
    name,
    version,
    bytes: size,
    firstSeq,
    lastSeq: places.count === 0 ? undefined : places.seqAt(places.count - 1),
    entries: places.count,
    pending: places.count - from,
    index: indexed === undefined ? 'none that fits' : 'fits',
    keyIds: [...keyIds],
    gaps,
    tail: last !== undefined && last.offset > lastOffset ? last : undefined,
  };
}

/** Reads every byte of every segment. @throws StorageError or the system's error when the directory cannot be read */
export async function surveyJournal(fs: FileSystem, directory: string): Promise<JournalSurvey> {
  const checkpointed = await readCheckpoint(fs, directory);
  const pending = new Tally();
  const segments: SegmentSurvey[] = [];
  for (const range of await segmentsIn(fs, directory)) {
    try {
      segments.push(await surveySegment(fs, directory, range, checkpointed, pending));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return { checkpointed, segments, pending: pending.toDepth().byPriority };
}

/** An entry that cannot be given back as it was written. */
export interface UnreadableEntry {
  readonly body: undefined;
  readonly seq: number;
}

/** Bytes that are no entry, and where entries may have been. */
export interface UnreadableSpan {
  readonly body: undefined;
  readonly seq: undefined;
  readonly segment: string;
  readonly gap: Gap;
  /** Whether no entry is behind it: a write that did not end, or one that is under way. */
  readonly isTail: boolean;
}

export type Surveyed = JournalEntry | UnreadableEntry | UnreadableSpan;

/**
 * What is after `afterSeq`, in order, each entry checked; one at a time is in memory.
 * @throws StorageError with code ENCRYPTION_KEY_MISSING at the first entry whose key is not at hand
 */
export async function* readSurveyed(
  fs: FileSystem,
  directory: string,
  afterSeq: number,
  keys: EntryOpener | undefined,
): AsyncGenerator<Surveyed> {
  for (const range of await segmentsIn(fs, directory)) {
    if (range.seqMax <= afterSeq) continue;
    try {
      yield* readSegment(fs, directory, range, afterSeq, keys);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

async function* readSegment(
  fs: FileSystem,
  directory: string,
  range: SegmentRange,
  afterSeq: number,
  keys: EntryOpener | undefined,
): AsyncGenerator<Surveyed> {
  const { places, gaps } = await scanPlaces(fs, directory, range);
  const spans = gaps.filter(({ offset, bytes }) => offset + bytes > SEGMENT_HEADER_BYTES);
  const file = await fs.open(`${directory}/${range.name}`, 'read');
  try {
    const reader = new WindowReader(file);
    for (let at = places.firstAfter(afterSeq); at < places.count; at += 1) {
      const { seq, offset, bytes } = places.at(at);
      yield* spansBefore(offset, seq > afterSeq + 1, false);
      const found = await reader.at(offset, bytes);
      const prefix = readPrefix(found);
      const entry = prefix && (await doInTurns(entrySteps(found, prefix, keys)));
      yield entry ?? { seq, body: undefined };
    }
    yield* spansBefore(Number.POSITIVE_INFINITY, true, true);
  } finally {
    await file.close();
  }

  /** @param isAfter whether what was there may have been after `afterSeq` */
  function* spansBefore(end: number, isAfter: boolean, isTail: boolean): Generator<UnreadableSpan> {
    for (let [gap] = spans; gap !== undefined && gap.offset < end; [gap] = spans) {
      spans.shift();
      if (isAfter) yield { body: undefined, seq: undefined, segment: range.name, gap, isTail };
    }
  }
}

/** Rows of a table by priority, in the order of their rank. */
export function byPriority(
  pending: JournalSurvey['pending'],
): readonly (PriorityDepth & { priority: Priority })[] {
  return PRIORITIES.map((priority) => ({ priority, ...pending[priority] }));
}
