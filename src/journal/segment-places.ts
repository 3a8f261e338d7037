/** The places of one segment: from its index beside it, or, when that is lost or does not fit, from the segment itself. */
import type { FileSystem } from '../core/file-system.ts';
import { bodyBytesOf } from './entry.ts';
import { IDENTITY_WORDS, identityText, writeIdentity } from './identity.ts';
import { readPlaces } from './place-file.ts';
import { PlaceTable } from './place-table.ts';
import { type Gap, type ScannedEntry, scanSegment } from './segment-scan.ts';
import { WindowReader } from './window-reader.ts';

export interface SegmentContent {
  readonly places: PlaceTable;
  readonly gaps: readonly Gap[];
  /** Where the last entry starts; -1 when there is none. */
  readonly lastOffset: number;
  readonly size: number;
  /** Whether every byte was read, and not only the index. */
  readonly isScanned: boolean;
}

/** Which segment, and the highest seq that may be in it. */
export interface SegmentName {
  readonly name: string;
  readonly firstSeq: number;
  readonly seqMax: number;
}

function addTo(places: PlaceTable, { offset, prefix, facts }: ScannedEntry, identity: Uint32Array): void {
  writeIdentity(identityText(facts), identity);
  const { rowCount, receivedAtMs, priority } = facts;
  const bodyBytes = bodyBytesOf(prefix, facts);
  places.add(
    { seq: prefix.seq, offset, bytes: prefix.bytes, bodyBytes, rowCount, receivedAtMs, priority },
    identity,
  );
}

/** Reads every byte of a segment, front to back. @param note is told of every entry */
export async function scanPlaces(
  fs: FileSystem,
  directory: string,
  { name, firstSeq, seqMax }: SegmentName,
  note?: (entry: ScannedEntry) => void,
): Promise<SegmentContent> {
  const places = new PlaceTable(firstSeq);
  const gaps: Gap[] = [];
  const identity = new Uint32Array(IDENTITY_WORDS);
  let lastOffset = -1;
  const file = await fs.open(`${directory}/${name}`, 'read');
  try {
    const size = await file.size();
    await scanSegment(
      new WindowReader(file),
      size,
      { min: firstSeq, max: seqMax },
      {
        entry: (entry) => {
          addTo(places, entry, identity);
          lastOffset = entry.offset;
          note?.(entry);
        },
        gap: (gap) => gaps.push(gap),
      },
    );
    return { places, gaps, lastOffset, size, isScanned: true };
  } finally {
    await file.close();
  }
}

/** Gets the places by the index when it fits; without looking at the entries then. */
export async function findPlaces(
  fs: FileSystem,
  directory: string,
  segment: SegmentName,
): Promise<SegmentContent> {
  const size = (await fs.stat(`${directory}/${segment.name}`))?.size ?? 0;
  const places = await readPlaces(fs, directory, segment.name, segment.firstSeq, size);
  if (places === undefined) return scanPlaces(fs, directory, segment);
  return { places, gaps: [], lastOffset: size, size, isScanned: false };
}
