/**
 * Where every entry of the journal is, in memory. Rebuilt from the segments at open; the segments are the truth.
 *
 * X1 only entries that are durable and not yet checkpointed are in here. X2 segments and the entries in them
 * ascend by seq. X3 totals are kept, never computed, so that `depth` costs nothing.
 */
import type { JournalDepth } from './journal.ts';

/** Entries per read: bodies may be empty, and then no limit on bytes ends a read. */
const READ_ENTRIES_MAX = 65_536;

/** An entry's place on the medium. */
export interface EntryPlace {
  readonly seq: number;
  readonly offset: number;
  /** Size on the medium. */
  readonly bytes: number;
  readonly bodyBytes: number;
  readonly rowCount: number;
  readonly receivedAtMs: number;
  readonly identity: string;
}

export interface Segment {
  readonly name: string;
  readonly firstSeq: number;
  places: EntryPlace[];
  /** Holds damaged bytes that could not be set aside: the file must stay. */
  keep: boolean;
}

export interface LocatedEntry {
  readonly segment: Segment;
  readonly place: EntryPlace;
}

/** Index of the first place whose seq is above `seq`. */
function firstAfter(places: readonly EntryPlace[], seq: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class SegmentIndex {
  #segments: Segment[] = [];
  readonly #seqByIdentity = new Map<string, number>();
  #entries = 0;
  #rows = 0;
  #bytes = 0;

  /** Starts the newest segment. */
  open(name: string, firstSeq: number): Segment {
    const segment: Segment = { name, firstSeq, places: [], keep: false };
    this.#segments.push(segment);
    return segment;
  }

  add(segment: Segment, place: EntryPlace): void {
    segment.places.push(place);
    this.#seqByIdentity.set(place.identity, place.seq);
    this.#entries += 1;
    this.#rows += place.rowCount;
    this.#bytes += place.bodyBytes;
  }

  /** Forgets one entry that cannot be read back. */
  remove(segment: Segment, place: EntryPlace): void {
    const before = segment.places.length;
    segment.places = segment.places.filter((other) => other !== place);
    if (segment.places.length < before) this.#forget(place);
  }

  /** The seq of the same entry (purpose, key, rows) that is still in the journal. */
  find(identity: string): number | undefined {
    return this.#seqByIdentity.get(identity);
  }

  has(segment: Segment): boolean {
    return this.#segments.includes(segment);
  }

  /** Entries after `seq`, until `bytesMax` bytes of body, at least one. */
  after(seq: number, bytesMax: number): LocatedEntry[] {
    const found: LocatedEntry[] = [];
    let bytes = 0;
    for (const segment of this.#segments) {
      for (let i = firstAfter(segment.places, seq); i < segment.places.length; i += 1) {
        const place = segment.places[i];
        if (place === undefined) continue;
        if (found.length === READ_ENTRIES_MAX) return found;
        if (found.length > 0 && bytes + place.bodyBytes > bytesMax) return found;
        found.push({ segment, place });
        bytes += place.bodyBytes;
      }
    }
    return found;
  }

  /** Forgets entries up to `seq`. @returns the segments that hold nothing any more, the newest never among them */
  dropThrough(seq: number): Segment[] {
    for (const segment of this.#segments) {
      const count = firstAfter(segment.places, seq);
      for (const place of segment.places.slice(0, count)) this.#forget(place);
      if (count > 0) segment.places = segment.places.slice(count);
      if (segment.places.length > 0) break;
    }
    const newest = this.#segments.at(-1);
    const empty = this.#segments.filter((one) => one !== newest && one.places.length === 0 && !one.keep);
    if (empty.length > 0) this.#segments = this.#segments.filter((one) => !empty.includes(one));
    return empty;
  }

  get depth(): JournalDepth {
    const oldest = this.#segments.find((segment) => segment.places.length > 0)?.places[0];
    return { entries: this.#entries, rows: this.#rows, bytes: this.#bytes, oldestMs: oldest?.receivedAtMs };
  }

  #forget(place: EntryPlace): void {
    if (this.#seqByIdentity.get(place.identity) === place.seq) this.#seqByIdentity.delete(place.identity);
    this.#entries -= 1;
    this.#rows -= place.rowCount;
    this.#bytes -= place.bodyBytes;
  }
}
