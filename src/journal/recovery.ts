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
import { ENTRY_PREFIX_BYTES } from './entry.ts';
import { firstSeqOfPlaceFile, readPlaces, writePlaces } from './place-file.ts';
import type { PlaceTable } from './place-table.ts';
import { firstSeqOf, readSegmentVersion, SEGMENT_VERSION, segmentName } from './segment-file.ts';
import type { SegmentIndex } from './segment-index.ts';
import { findPlaces, scanPlaces } from './segment-places.ts';

export const CHECKPOINT_FILE = 'checkpoint';

export interface Recovered {
  readonly index: SegmentIndex;
  readonly checkpointed: number;
  readonly nextSeq: number;
}

/** The seq up to which the store owns everything; -1 when it is not known. */
export async function readCheckpoint(fs: FileSystem, directory: string): Promise<number> {
  const state = await readState(fs, directory, CHECKPOINT_FILE);
  const seq = state?.['seq'];
  return typeof seq === 'number' && Number.isSafeInteger(seq) ? seq : -1;
}

async function refuseNewer(fs: FileSystem, directory: string, firstSeqs: readonly number[]): Promise<void> {
  for (const firstSeq of firstSeqs) {
    const path = `${directory}/${segmentName(firstSeq)}`;
    // An unreadable header is damage, and is met again by the scan.
    const version = await readSegmentVersion(fs, path).catch(() => undefined);
    if (version !== undefined && version > SEGMENT_VERSION) {
      throw new StorageError(
        'JOURNAL_VERSION_NEWER',
        `${path} has format version ${version}, this program reads up to ${SEGMENT_VERSION}`,
        { hint: 'Open this directory with the newer version that wrote it; nothing was changed.' },
      );
    }
  }
}

/** No seq that may have been in these bytes is used again. */
function seqsIn(bytes: number): number {
  return Math.ceil(bytes / ENTRY_PREFIX_BYTES);
}

/** What a crash between two steps may have left: indexes of segments that are gone. */
async function removeOrphans(fs: FileSystem, directory: string, firstSeqs: readonly number[]): Promise<void> {
  const known = new Set(firstSeqs);
  for (const { name } of await fs.readdir(directory)) {
    const firstSeq = firstSeqOfPlaceFile(name);
    if (firstSeq === undefined || known.has(firstSeq)) continue;
    await fs.unlink(`${directory}/${name}`).catch(() => undefined);
  }
}

/** Makes an index that is lost or damaged again; a disk that is too full for it is no reason to fail. */
async function saveIndex(
  fs: FileSystem,
  directory: string,
  name: string,
  places: PlaceTable,
  size: number,
): Promise<void> {
  if ((await readPlaces(fs, directory, name, places.firstSeq, size)) !== undefined) return;
  await writePlaces(fs, directory, name, places, size).catch(() => undefined);
}

export interface RecoverOptions {
  readonly fs: FileSystem;
  readonly directory: string;
  readonly damage: DamageLog;
  /** Bytes to read also where an index fits, newest first. */
  readonly verifyBytes: number;
  readonly createIndex: (checkpointed: number) => SegmentIndex;
}

/** @returns the number of the oldest segment that the bytes to verify reach */
async function firstToVerify(
  { fs, directory, verifyBytes }: RecoverOptions,
  firstSeqs: readonly number[],
): Promise<number> {
  let left = verifyBytes;
  for (let i = firstSeqs.length - 1; i >= 0; i -= 1) {
    left -= (await fs.stat(`${directory}/${segmentName(firstSeqs[i] ?? 0)}`))?.size ?? 0;
    if (left < 0) return i + 1;
  }
  return 0;
}

/** Makes the index of the segments in `directory`. */
export async function recoverSegments(options: RecoverOptions): Promise<Recovered> {
  const { fs, directory, damage } = options;
  const names = await fs.readdir(directory);
  const firstSeqs = names.flatMap(({ name }) => firstSeqOf(name) ?? []);
  await refuseNewer(fs, directory, firstSeqs);
  await removeOrphans(fs, directory, firstSeqs);
  const checkpointed = await readCheckpoint(fs, directory);
  const index = options.createIndex(checkpointed);
  const verifiedFrom = await firstToVerify(options, firstSeqs);
  let nextSeq = checkpointed + 1;
  for (const [i, firstSeq] of firstSeqs.entries()) {
    const name = segmentName(firstSeq);
    const seqMax = (firstSeqs[i + 1] ?? Number.POSITIVE_INFINITY) - 1;
    const find = i >= verifiedFrom ? scanPlaces : findPlaces;
    const { places, gaps, lastOffset, size, isScanned } = await find(fs, directory, { name, firstSeq, seqMax });
    const segment = index.open(name, firstSeq);
    index.adopt(segment, places);
    if (isScanned && gaps.length === 0) await saveIndex(fs, directory, name, places, size);
    const lastSeq = places.count > 0 ? segment.lastSeq : firstSeq;
    nextSeq = Math.max(nextSeq, lastSeq + 1);
    for (const gap of gaps) {
      if (!(await damage.record(name, gap))) segment.keep = true;
      if (gap.offset > lastOffset) nextSeq = Math.max(nextSeq, lastSeq + 1 + seqsIn(gap.bytes));
    }
  }
  return { index, checkpointed, nextSeq };
}
