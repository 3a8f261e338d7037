/**
 * Opens what a former process left behind: reads every segment, serves what is intact, sets aside what is not.
 *
 * V1 nothing is touched before every segment is known to be of a version this program can read. V2 damage never
 * makes this fail. V3 `nextSeq` is above every seq that was ever acknowledged here. V4 a segment that was left
 * behind is never changed, a torn tail included: cutting it would forget how many seqs it may have held, and the
 * next append starts a segment of its own anyway.
 */
import { readState } from '../core/durable-file.ts';
import { StorageError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { DamageLog } from './damage.ts';
import { ENTRY_PREFIX_BYTES, entryIdentity } from './entry.ts';
import {
  firstSeqOf,
  SEGMENT_HEADER_BYTES,
  SEGMENT_VERSION,
  segmentName,
  segmentVersion,
} from './segment-file.ts';
import type { Segment, SegmentIndex } from './segment-index.ts';
import { type Gap, type Scan, type ScannedEntry, scanSegment } from './segment-scan.ts';
import { WindowReader } from './window-reader.ts';

export const CHECKPOINT_FILE = 'checkpoint';

export interface Recovered {
  readonly checkpointed: number;
  readonly nextSeq: number;
}

async function readCheckpoint(fs: FileSystem, directory: string): Promise<number> {
  const state = await readState(fs, directory, CHECKPOINT_FILE);
  const seq = state?.['seq'];
  return typeof seq === 'number' && Number.isSafeInteger(seq) ? seq : -1;
}

async function readVersion(fs: FileSystem, path: string): Promise<number | undefined> {
  const file = await fs.open(path, 'read');
  try {
    return segmentVersion(await file.read(0, SEGMENT_HEADER_BYTES));
  } finally {
    await file.close();
  }
}

async function refuseNewer(fs: FileSystem, directory: string, firstSeqs: readonly number[]): Promise<void> {
  for (const firstSeq of firstSeqs) {
    const path = `${directory}/${segmentName(firstSeq)}`;
    // An unreadable header is damage, and is met again by the scan.
    const version = await readVersion(fs, path).catch(() => undefined);
    if (version !== undefined && version > SEGMENT_VERSION) {
      throw new StorageError(
        'JOURNAL_VERSION_NEWER',
        `${path} has format version ${version}, this program reads up to ${SEGMENT_VERSION}`,
        { hint: 'Open this directory with the newer version that wrote it; nothing was changed.' },
      );
    }
  }
}

async function scanFile(fs: FileSystem, path: string, firstSeq: number, seqMax: number): Promise<Scan> {
  const file = await fs.open(path, 'read');
  try {
    return await scanSegment(new WindowReader(file), await file.size(), { min: firstSeq, max: seqMax });
  } finally {
    await file.close();
  }
}

function indexEntry(index: SegmentIndex, segment: Segment, entry: ScannedEntry): void {
  index.add(segment, {
    seq: entry.prefix.seq,
    offset: entry.offset,
    bytes: entry.prefix.bytes,
    bodyBytes: entry.prefix.bytes - ENTRY_PREFIX_BYTES - entry.prefix.headerBytes,
    rowCount: entry.header.rowCount,
    receivedAtMs: entry.header.receivedAtMs,
    identity: entryIdentity(entry.header),
  });
}

function isTail(gap: Gap, scan: Scan): boolean {
  return gap === scan.gaps.at(-1) && (scan.entries.at(-1)?.offset ?? -1) < gap.offset;
}

/** No seq that may have been in these bytes is used again. */
function seqsIn(bytes: number): number {
  return Math.ceil(bytes / ENTRY_PREFIX_BYTES);
}

/** Fills `index` from the segments in `directory`. */
export async function recoverSegments(
  fs: FileSystem,
  directory: string,
  index: SegmentIndex,
  damage: DamageLog,
): Promise<Recovered> {
  const names = await fs.readdir(directory);
  const firstSeqs = names.flatMap(({ name }) => firstSeqOf(name) ?? []);
  await refuseNewer(fs, directory, firstSeqs);
  const checkpointed = await readCheckpoint(fs, directory);
  let nextSeq = checkpointed + 1;
  for (const [i, firstSeq] of firstSeqs.entries()) {
    const path = `${directory}/${segmentName(firstSeq)}`;
    const seqMax = (firstSeqs[i + 1] ?? Number.POSITIVE_INFINITY) - 1;
    const segment = index.open(segmentName(firstSeq), firstSeq);
    const scan = await scanFile(fs, path, firstSeq, seqMax);
    for (const entry of scan.entries) if (entry.prefix.seq > checkpointed) indexEntry(index, segment, entry);
    const lastSeq = scan.entries.at(-1)?.prefix.seq ?? firstSeq;
    nextSeq = Math.max(nextSeq, lastSeq + 1);
    for (const gap of scan.gaps) {
      if (!(await damage.record(segment.name, gap))) segment.keep = true;
      if (isTail(gap, scan)) nextSeq = Math.max(nextSeq, lastSeq + 1 + seqsIn(gap.bytes));
    }
  }
  return { checkpointed, nextSeq };
}
