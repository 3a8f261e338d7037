/**
 * Reads a segment back after a crash, a power cut or damage, and says exactly which bytes are not entries.
 *
 * R1 an entry is found only when magic, length, checksum, header and seq all fit. R2 every byte of the file is
 * in the header, in one entry or in one gap. R3 after damage the scan goes on at the next entry that fits;
 * bytes inside an entry whose length can be trusted are never taken for an entry.
 */
import { errnoOf } from '../core/storage-fault.ts';
import { ENTRY_MAGIC, ENTRY_PREFIX_BYTES, type EntryPrefix, factsOf, isIntact, readPrefix } from './entry.ts';
import type { EntryFacts } from './entry-header.ts';
import { SEGMENT_HEADER_BYTES, segmentVersion } from './segment-file.ts';
import { WINDOW_BYTES, type WindowReader } from './window-reader.ts';

export interface ScannedEntry {
  readonly offset: number;
  readonly prefix: EntryPrefix;
  readonly facts: EntryFacts;
}

/** Bytes that are no entry; `unreadable` when the medium refused to give them. */
export interface Gap {
  readonly offset: number;
  readonly bytes: number;
  readonly unreadable: boolean;
}

/** Takes what a scan finds, in the order of the file. */
export interface ScanVisitor {
  entry(entry: ScannedEntry): void;
  gap(gap: Gap): void;
}

/** Seqs that may appear next. */
interface SeqRange {
  readonly min: number;
  readonly max: number;
}

class Scanner {
  readonly #reader: WindowReader;
  readonly #size: number;

  constructor(reader: WindowReader, size: number) {
    this.#reader = reader;
    this.#size = size;
  }

  /** The entry at `offset`, when there is one with such a seq. */
  async entryAt(offset: number, seqs: SeqRange): Promise<ScannedEntry | undefined> {
    const prefix = readPrefix(await this.#reader.at(offset, Math.min(ENTRY_PREFIX_BYTES, this.#size - offset)));
    if (prefix === undefined || offset + prefix.bytes > this.#size) return undefined;
    if (prefix.seq < seqs.min || prefix.seq > seqs.max) return undefined;
    const bytes = await this.#reader.at(offset, prefix.bytes);
    const facts = isIntact(bytes, prefix) ? factsOf(bytes, prefix) : undefined;
    return facts && { offset, prefix, facts };
  }

  /** Where the next entry starts, at `offset` + 1 or later; the end of the file when there is none. */
  async nextEntry(offset: number, expected: number, seqMax: number): Promise<number> {
    const behind = await this.#behind(offset, expected, seqMax);
    if (behind !== undefined) return behind;
    for (let at = offset + 1; at < this.#size; at += 1) {
      at = await this.#nextMagic(at);
      const skippedMax = Math.ceil((at - offset) / ENTRY_PREFIX_BYTES);
      const seqs = { min: expected, max: Math.min(seqMax, expected + skippedMax) };
      if (at < this.#size && (await this.entryAt(at, seqs)) !== undefined) return at;
    }
    return this.#size;
  }

  /**
   * The neighbour that the damaged entry's own length points to. Only the very next seq will do: a damaged
   * length may point at a later entry by chance, and would skip those between.
   */
  async #behind(offset: number, expected: number, seqMax: number): Promise<number | undefined> {
    const head = await this.#reader.at(offset, Math.min(8, this.#size - offset));
    if (head.length < 8 || expected + 1 > seqMax) return undefined;
    const next = offset + 12 + new DataView(head.buffer, head.byteOffset, 8).getUint32(4, true);
    if (next >= this.#size) return undefined;
    const found = await this.entryAt(next, { min: expected + 1, max: expected + 1 });
    return found && next;
  }

  async #nextMagic(from: number): Promise<number> {
    for (let at = from; at < this.#size; at += WINDOW_BYTES / 2) {
      // Three bytes more than the step, so that a magic across two steps is seen.
      const bytes = await this.#reader.at(at, Math.min(WINDOW_BYTES / 2 + 3, this.#size - at));
      const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(ENTRY_MAGIC);
      if (found >= 0) return at + found;
    }
    return this.#size;
  }
}

interface Progress {
  /** Everything before it was told to the visitor. */
  offset: number;
}

async function scanInto(
  scanner: Scanner,
  size: number,
  seqs: SeqRange,
  visitor: ScanVisitor,
  progress: Progress,
) {
  let expected = seqs.min;
  let slack = 0;
  while (progress.offset < size) {
    const { offset } = progress;
    const entry = await scanner.entryAt(offset, { min: expected, max: Math.min(seqs.max, expected + slack) });
    const next = entry ? offset + entry.prefix.bytes : await scanner.nextEntry(offset, expected, seqs.max);
    if (entry) visitor.entry(entry);
    else visitor.gap({ offset, bytes: next - offset, unreadable: false });
    slack = entry ? 0 : Math.ceil((next - offset) / ENTRY_PREFIX_BYTES);
    if (entry) expected = entry.prefix.seq + 1;
    progress.offset = next;
  }
}

/**
 * @param size bytes in the file
 * @param seqs first seq by name, and the highest that may be in here
 */
export async function scanSegment(
  reader: WindowReader,
  size: number,
  seqs: SeqRange,
  visitor: ScanVisitor,
): Promise<void> {
  const progress: Progress = { offset: 0 };
  try {
    const header = await reader.at(0, Math.min(SEGMENT_HEADER_BYTES, size));
    if (segmentVersion(header) !== undefined) progress.offset = SEGMENT_HEADER_BYTES;
    await scanInto(new Scanner(reader, size), size, seqs, visitor, progress);
  } catch (error) {
    // EIO is damage of the medium under this file; anything else (no rights, no handles) is for the operator.
    if (errnoOf(error) !== 'EIO') throw error;
    visitor.gap({ offset: progress.offset, bytes: size - progress.offset, unreadable: true });
  }
}
