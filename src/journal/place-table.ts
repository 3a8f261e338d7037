/**
 * Where the entries of one segment are, and what they count for: columns, 49 bytes per entry, no object each.
 *
 *   segment/<first seq>.idx   the same columns on the disk, in the byte order of this machine (place-file.ts)
 */
import { PRIORITIES, type Priority } from '../core/batch.ts';
import { IDENTITY_WORDS } from './identity.ts';

const CAPACITY_MIN = 256;

/** An entry's place on the medium. */
export interface EntryPlace {
  readonly seq: number;
  readonly offset: number;
  /** Size on the medium. */
  readonly bytes: number;
  readonly bodyBytes: number;
  readonly rowCount: number;
  readonly receivedAtMs: number;
  readonly priority: Priority;
}

export interface PlaceColumns {
  readonly offsets: Float64Array;
  readonly receivedAtMs: Float64Array;
  /** Seqs, as distance from the first of the segment. */
  readonly seqs: Uint32Array;
  readonly bytes: Uint32Array;
  readonly bodyBytes: Uint32Array;
  readonly rowCounts: Uint32Array;
  readonly identities: Uint32Array;
  /** Index into PRIORITIES. */
  readonly priorities: Uint8Array;
}

/** Columns over one piece of memory, wide ones first so that all are aligned. @param at a multiple of 8 */
export function columnsOver(memory: ArrayBufferLike, at: number, count: number): PlaceColumns {
  const wide = at + 16 * count;
  return {
    offsets: new Float64Array(memory, at, count),
    receivedAtMs: new Float64Array(memory, at + 8 * count, count),
    seqs: new Uint32Array(memory, wide, count),
    bytes: new Uint32Array(memory, wide + 4 * count, count),
    bodyBytes: new Uint32Array(memory, wide + 8 * count, count),
    rowCounts: new Uint32Array(memory, wide + 12 * count, count),
    identities: new Uint32Array(memory, wide + 16 * count, IDENTITY_WORDS * count),
    priorities: new Uint8Array(memory, wide + 32 * count, count),
  };
}

/** Bytes per entry of all columns together. */
export const PLACE_BYTES = 49;

export class PlaceTable {
  /** Somebody reads it besides its writer, so its memory must not be used again. */
  isShared = false;
  #firstSeq: number;
  #columns: PlaceColumns;
  #count: number;

  constructor(firstSeq: number, columns?: PlaceColumns) {
    this.#firstSeq = firstSeq;
    this.#columns = columns ?? columnsOver(new ArrayBuffer(CAPACITY_MIN * PLACE_BYTES), 0, CAPACITY_MIN);
    this.#count = columns?.seqs.length ?? 0;
  }

  get firstSeq(): number {
    return this.#firstSeq;
  }

  get count(): number {
    return this.#count;
  }

  /** As long as the capacity, which may be more than `count`. */
  get columns(): PlaceColumns {
    return this.#columns;
  }

  add(place: EntryPlace, identity: Uint32Array): void {
    if (this.#count === this.#columns.seqs.length) this.#grow();
    const at = this.#count;
    const { offsets, receivedAtMs, seqs, bytes, bodyBytes, rowCounts, identities, priorities } = this.#columns;
    offsets[at] = place.offset;
    receivedAtMs[at] = place.receivedAtMs;
    seqs[at] = place.seq - this.#firstSeq;
    bytes[at] = place.bytes;
    bodyBytes[at] = place.bodyBytes;
    rowCounts[at] = place.rowCount;
    priorities[at] = PRIORITIES.indexOf(place.priority);
    for (let word = 0; word < IDENTITY_WORDS; word += 1) {
      identities[at * IDENTITY_WORDS + word] = identity[word] ?? 0;
    }
    this.#count += 1;
  }

  at(index: number): EntryPlace {
    const { offsets, receivedAtMs, seqs, bytes, bodyBytes, rowCounts, priorities } = this.#columns;
    return {
      seq: this.#firstSeq + (seqs[index] ?? 0),
      offset: offsets[index] ?? 0,
      bytes: bytes[index] ?? 0,
      bodyBytes: bodyBytes[index] ?? 0,
      rowCount: rowCounts[index] ?? 0,
      receivedAtMs: receivedAtMs[index] ?? 0,
      priority: PRIORITIES[priorities[index] ?? 0] ?? 'normal',
    };
  }

  seqAt(index: number): number {
    return this.#firstSeq + (this.#columns.seqs[index] ?? 0);
  }

  /** Index of the first place whose seq is above `seq`. */
  firstAfter(seq: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.seqAt(middle) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the newest place with this identity, at `from` or behind it; -1 when there is none. */
  lastWith(identity: Uint32Array, from: number): number {
    const { identities } = this.#columns;
    const [a, b, c, d] = identity;
    for (let index = this.#count - 1; index >= from; index -= 1) {
      const at = index * IDENTITY_WORDS;
      if (identities[at + 3] !== d || identities[at + 2] !== c) continue;
      if (identities[at + 1] === b && identities[at] === a) return index;
    }
    return -1;
  }

  /** Writes one identity into `words`. */
  identityAt(index: number, words: Uint32Array): void {
    for (let word = 0; word < IDENTITY_WORDS; word += 1) {
      words[word] = this.#columns.identities[index * IDENTITY_WORDS + word] ?? 0;
    }
  }

  /** Starts over with the same memory, for another segment. */
  reset(firstSeq: number): void {
    this.#firstSeq = firstSeq;
    this.#count = 0;
  }

  /** The bytes of all columns, one after the other, as long as they are filled. */
  chunks(): Uint8Array[] {
    const { offsets, receivedAtMs, seqs, bytes, bodyBytes, rowCounts, identities, priorities } = this.#columns;
    const columns = [offsets, receivedAtMs, seqs, bytes, bodyBytes, rowCounts, identities, priorities];
    return columns.map((column) => {
      const width = column === identities ? IDENTITY_WORDS * 4 : column.BYTES_PER_ELEMENT;
      return new Uint8Array(column.buffer, column.byteOffset, width * this.#count);
    });
  }

  #grow(): void {
    const capacity = this.#count * 2;
    const columns = columnsOver(new ArrayBuffer(capacity * PLACE_BYTES), 0, capacity);
    const old = this.#columns;
    columns.offsets.set(old.offsets);
    columns.receivedAtMs.set(old.receivedAtMs);
    columns.seqs.set(old.seqs);
    columns.bytes.set(old.bytes);
    columns.bodyBytes.set(old.bodyBytes);
    columns.rowCounts.set(old.rowCounts);
    columns.identities.set(old.identities);
    columns.priorities.set(old.priorities);
    this.#columns = columns;
  }
}
