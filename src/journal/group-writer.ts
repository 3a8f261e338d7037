/**
 * Group commit without a timer: whoever waits shares the next fdatasync.
 *
 * G1 a promise resolves only after the fdatasync that covers its entry. G2 entries reach the medium in the order
 * of `append`. G3 after a failed write or sync the segment is never written again: the page cache may claim
 * bytes that the disk does not have, so neither a second sync nor a later write could be trusted.
 * G4 seqs of a failed group are not used again, because its entries may be readable later.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StorageError } from '../core/errors.ts';
import type { OpenFile } from '../core/file-system.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { type EncodedEntry, sealEntry } from './entry.ts';
import { SEGMENT_HEADER_BYTES } from './segment-file.ts';
import type { Segment } from './segment-index.ts';

/** A segment that is being written. */
export interface ActiveSegment {
  readonly segment: Segment;
  readonly file: OpenFile;
}

/** Where a committed entry is. */
export interface Committed {
  readonly seq: number;
  readonly segment: Segment;
  readonly offset: number;
}

export interface GroupWriterOptions {
  readonly directory: string;
  readonly nextSeq: number;
  readonly segmentBytes: number;
  readonly groupBytes: number;
  /** Creates the segment that starts at `firstSeq`; durable when it resolves. */
  readonly createSegment: (firstSeq: number) => Promise<ActiveSegment>;
}

interface Waiting {
  readonly encoded: EncodedEntry;
  readonly onDurable: (committed: Committed) => void;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: StorageError) => void;
}

export class GroupWriter {
  readonly #options: GroupWriterOptions;
  #waiting: Waiting[] = [];
  #active: ActiveSegment | undefined;
  #size = 0;
  #nextSeq: number;
  #pump: Promise<void> | undefined;

  constructor(options: GroupWriterOptions) {
    this.#options = options;
    this.#nextSeq = options.nextSeq;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** @param onDurable called once the entry is on the medium, before the promise resolves */
  write(encoded: EncodedEntry, onDurable: (committed: Committed) => void): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ encoded, onDurable, resolve, reject });
      this.#pump ??= this.#run();
    });
  }

  /** Waits for what was written and closes the segment. */
  async close(): Promise<void> {
    await this.#pump;
    await this.#seal();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // One turn of the event loop lets everybody who is ready join this group.
      await nextTurn();
      await this.#commit(this.#takeGroup());
    }
    this.#pump = undefined;
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { encoded } of this.#waiting) {
      if (count > 0 && bytes + encoded.bytes > this.#options.groupBytes) break;
      bytes += encoded.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const firstSeq = this.#nextSeq;
    this.#nextSeq += group.length;
    try {
      const active = await this.#segmentFor(firstSeq, group);
      const offset = this.#size;
      for (const [i, { encoded }] of group.entries()) sealEntry(encoded, firstSeq + i);
      await active.file.append(group.flatMap(({ encoded }) => [encoded.head, encoded.body]));
      await active.file.datasync();
      this.#publish(group, active.segment, firstSeq, offset);
    } catch (error) {
      const failure = toStorageError(error, `append to the journal in ${this.#options.directory}`);
      await this.#seal();
      for (const { reject } of group) reject(failure);
    }
  }

  #publish(group: readonly Waiting[], segment: Segment, firstSeq: number, start: number): void {
    let offset = start;
    for (const [i, { encoded, onDurable, resolve }] of group.entries()) {
      onDurable({ seq: firstSeq + i, segment, offset });
      resolve(firstSeq + i);
      offset += encoded.bytes;
    }
    this.#size = offset;
  }

  async #segmentFor(firstSeq: number, group: readonly Waiting[]): Promise<ActiveSegment> {
    const bytes = group.reduce((sum, { encoded }) => sum + encoded.bytes, 0);
    const full = this.#size + bytes > this.#options.segmentBytes && this.#size > SEGMENT_HEADER_BYTES;
    if (this.#active !== undefined && full) await this.#seal();
    if (this.#active === undefined) {
      this.#active = await this.#options.createSegment(firstSeq);
      this.#size = SEGMENT_HEADER_BYTES;
    }
    return this.#active;
  }

  async #seal(): Promise<void> {
    const sealed = this.#active;
    this.#active = undefined;
    await sealed?.file.close().catch(() => undefined);
  }
}
