/** What the group writer is given, and what it tells of what it wrote. */
import type { Clock } from '../core/clock.ts';
import type { Sealer } from '../core/key-ring.ts';
import type { Identity } from './identity.ts';
import type { RawEntry } from './journal.ts';
import type { CreatedSegment } from './segment-file.ts';
import type { Segment } from './segment-index.ts';

/** A segment that is being written. */
export interface ActiveSegment extends CreatedSegment {
  readonly segment: Segment;
}

/** Where a committed entry is; valid during the call. */
export interface Committed extends Identity {
  readonly entry: RawEntry;
  readonly seq: number;
  readonly offset: number;
  /** Size on the medium. */
  readonly bytes: number;
}

export interface GroupWriterOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly nextSeq: number;
  readonly segmentBytes: number;
  readonly segmentEntriesMax: number;
  readonly groupBytes: number;
  readonly entryBytesMax: number;
  /** Creates the segment that starts at `firstSeq`. */
  createSegment(firstSeq: number): Promise<ActiveSegment>;
  /** Called for each entry once it is on the medium; at the latest with the next `flushIndex`. */
  committed(segment: Segment, committed: Committed): void;
  /** Called for each entry of the next group before `find`, so that memory is fetched for all of them at once. */
  touch(identity: Identity): void;
  /** The seq of an equal entry; undefined at once when there surely is none, which is the rule. */
  find(identity: Identity): Promise<number | undefined> | undefined;
  /** Called when a segment is not written any more. @param bytes its size, when every byte of it is acknowledged */
  sealed(segment: Segment, bytes: number | undefined): void;
  /** What encrypts the next group. */
  sealer(): Sealer | undefined;
}
