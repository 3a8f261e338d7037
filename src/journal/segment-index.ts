/**
 * What the journal holds, in memory that does not grow with it: a summary per segment, six bytes per entry to find
 * a duplicate (identity-table.ts), and the places of the segments that are written or read just now. Rebuilt from the
 * segments at open; the segments are the truth.
 *
 * X1 only entries that are durable and not yet checkpointed are served. X2 segments and the entries in them ascend by
 * seq. X3 totals are kept, never computed, so that `depth` costs nothing.
 */
import { IDENTITY_WORDS } from './identity.ts';
import { IdentityTable } from './identity-table.ts';
import type { JournalDepth } from './journal.ts';
import { type EntryPlace, PlaceTable } from './place-table.ts';
import { Tally, tallyOf } from './tally.ts';

/** Entries per read: bodies may be empty, and then no limit on bytes ends a read. */
const READ_ENTRIES_MAX = 65_536;
/** Segments whose places are kept after they were loaded. */
const LOADED_MAX = 4;
const NUMBER_MAX = 65_535;

export interface Segment {
  readonly name: string;
  readonly firstSeq: number;
  /** Stands for the segment in the identity table, while it lives; others have it too when there are very many. */
  readonly number: number;
  /** Of the newest entry that is served; below `firstSeq` when there is none. */
  lastSeq: number;
  /** What is neither checkpointed nor lost. */
  live: Tally;
  /** Only while it is written and until its index is on the disk; loaded when needed otherwise. */
  places: PlaceTable | undefined;
  /** Seqs of entries that could not be read back. */
  lost: Set<number> | undefined;
  /** Holds damaged bytes that could not be set aside: the file must stay. */
  keep: boolean;
}

/** Places `from` to `to` (excluded) of a segment, none of them lost. */
export interface Span {
  readonly segment: Segment;
  readonly places: PlaceTable;
  readonly from: number;
  readonly to: number;
}

/** Gets the places of a sealed segment. */
export type LoadPlaces = (segment: Segment) => Promise<PlaceTable>;

export class SegmentIndex {
  readonly #load: LoadPlaces;
  #segments: Segment[] = [];
  readonly #byNumber = new Map<number, readonly Segment[]>();
  readonly #alive = new Uint8Array(NUMBER_MAX + 1);
  readonly #identities = new IdentityTable(this.#alive);
  readonly #loaded = new Map<Segment, Promise<PlaceTable>>();
  readonly #total = new Tally();
  #depth: JournalDepth | undefined;
  /** Memory of a segment that is not written any more. */
  #spare: PlaceTable | undefined;
  #lastNumber = 0;
  /** Nobody reads it: it keeps the reads of `touch` from being left out. */
  #touched = 0;
  #checkpointed: number;

  constructor(checkpointed: number, load: LoadPlaces) {
    this.#checkpointed = checkpointed;
    this.#load = load;
  }

  /** Starts the newest segment. */
  open(name: string, firstSeq: number): Segment {
    const segment: Segment = {
      name,
      firstSeq,
      number: this.#nextNumber(),
      lastSeq: firstSeq - 1,
      live: new Tally(),
      places: this.#emptyTable(firstSeq),
      lost: undefined,
      keep: false,
    };
    this.#segments.push(segment);
    this.#byNumber.set(segment.number, [...(this.#byNumber.get(segment.number) ?? []), segment]);
    this.#alive[segment.number] = 1;
    return segment;
  }

  /** Adds an entry to the segment that is being written. */
  add(segment: Segment, place: EntryPlace, identity: Uint32Array): void {
    const places = segment.places;
    if (places === undefined) throw new Error(`${segment.name} is sealed`);
    places.add(place, identity);
    const priority = places.columns.priorities[places.count - 1] ?? 0;
    segment.live.add(priority, place.rowCount, place.bodyBytes, place.receivedAtMs);
    this.#total.add(priority, place.rowCount, place.bodyBytes, place.receivedAtMs);
    segment.lastSeq = place.seq;
    this.#identities.add(identity, segment.number);
    this.#depth = undefined;
  }

  /** Takes the places of a segment that a former process left; they are not kept. */
  adopt(segment: Segment, places: PlaceTable): void {
    segment.places = undefined;
    if (places.count === 0) return;
    segment.lastSeq = places.seqAt(places.count - 1);
    const from = places.firstAfter(this.#checkpointed);
    const identity = new Uint32Array(IDENTITY_WORDS);
    for (let at = from; at < places.count; at += 1) {
      places.identityAt(at, identity);
      this.#identities.add(identity, segment.number);
    }
    this.#replace(segment, tallyOf(places, from, undefined));
  }

  /** Lets go of the places of a segment that is not written any more, and keeps their memory for the next one. */
  release(segment: Segment): void {
    if (segment.places?.isShared === false) this.#spare = segment.places;
    segment.places = undefined;
  }

  /** Forgets entries that cannot be read back. */
  remove(segment: Segment, places: PlaceTable, indices: readonly number[]): void {
    if (indices.length === 0) return;
    segment.lost ??= new Set();
    for (const index of indices) segment.lost.add(places.seqAt(index));
    this.#recount(segment, places);
  }

  /** Fetches what `find` and `add` look at; many calls in a row wait for memory once. */
  touch(identity: Uint32Array): void {
    this.#touched ^= this.#identities.peek(identity);
  }

  /**
   * The seq of the same entry (purpose, key, rows) that is still in the journal.
   * @returns undefined at once when there surely is none; that is the rule
   */
  find(identity: Uint32Array): Promise<number | undefined> | undefined {
    const numbers = this.#identities.candidates(identity);
    return numbers.length === 0 ? undefined : this.#search(numbers, Uint32Array.from(identity));
  }

  has(segment: Segment): boolean {
    return this.#byNumber.get(segment.number)?.includes(segment) === true;
  }

  /** Places of entries after `seq`, until `bytesMax` bytes of body, at least one. */
  async after(seq: number, bytesMax: number): Promise<Span[]> {
    const spans: Span[] = [];
    const left = { entries: READ_ENTRIES_MAX, bytes: bytesMax };
    for (const segment of this.#segments) {
      const after = Math.max(seq, this.#checkpointed);
      if (segment.lastSeq <= after || segment.live.count === 0) continue;
      const places = await this.#placesOf(segment).catch((error: unknown) => {
        if (this.has(segment)) throw error;
      });
      // A checkpoint deleted it meanwhile: its entries are the store's by now.
      if (!places) continue;
      const end = this.#take(segment, places, places.firstAfter(after), left, spans);
      if (end < places.count || left.entries === 0) break;
    }
    return spans;
  }

  /** Forgets entries up to `seq`. @returns the segments that hold nothing any more, the newest never among them */
  async dropThrough(seq: number): Promise<Segment[]> {
    this.#checkpointed = Math.max(seq, this.#checkpointed);
    for (const segment of this.#segments) {
      if (segment.firstSeq > seq) break;
      if (segment.live.count === 0) continue;
      if (segment.lastSeq > seq) this.#recount(segment, await this.#placesOf(segment));
      else this.#replace(segment, new Tally());
    }
    const empty = this.dropEmpty();
    if (this.#total.count === 0) this.#identities.clear();
    else await this.#identities.compact(this.#total.count);
    return empty;
  }

  /** Segments that hold nothing any more, the newest and those to be kept among them. */
  get empty(): readonly Segment[] {
    return this.#segments.filter(({ live }) => live.count === 0);
  }

  /**
   * Forgets segments that hold nothing, because the store owns it or because nothing in them was ever acknowledged. The
   * newest is never among them: by its name the seqs in the others are not used again.
   */
  dropEmpty(): Segment[] {
    const newest = this.#segments.at(-1);
    const empty = this.#segments.filter((one) => one !== newest && one.live.count === 0 && !one.keep);
    for (const segment of empty) {
      this.#giveBack(segment);
      this.#loaded.delete(segment);
    }
    if (empty.length > 0) this.#segments = this.#segments.filter((one) => this.has(one));
    return empty;
  }

  get depth(): JournalDepth {
    this.#depth ??= this.#total.toDepth();
    return this.#depth;
  }

  /** Takes places into spans until a limit is met. @returns where it stopped */
  #take(
    segment: Segment,
    places: PlaceTable,
    start: number,
    left: { entries: number; bytes: number },
    spans: Span[],
  ): number {
    const { bodyBytes } = places.columns;
    let from = start;
    let at = start;
    for (; at < places.count && left.entries > 0; at += 1) {
      if (segment.lost?.has(places.seqAt(at))) {
        if (at > from) spans.push({ segment, places, from, to: at });
        from = at + 1;
        continue;
      }
      const isFirst = spans.length === 0 && at === from;
      if (!isFirst && (bodyBytes[at] ?? 0) > left.bytes) break;
      left.bytes -= bodyBytes[at] ?? 0;
      left.entries -= 1;
    }
    if (at > from) spans.push({ segment, places, from, to: at });
    return at;
  }

  async #search(numbers: readonly number[], identity: Uint32Array): Promise<number | undefined> {
    for (const segment of numbers.flatMap((number) => this.#byNumber.get(number) ?? [])) {
      if (segment.live.count === 0) continue;
      // Places that cannot be loaded now say nothing: the entry is then kept twice, which its key makes harmless.
      const places = await this.#placesOf(segment).catch(() => undefined);
      const found = places?.lastWith(identity, places.firstAfter(this.#checkpointed)) ?? -1;
      const seq = found < 0 ? -1 : (places?.seqAt(found) ?? -1);
      if (seq >= 0 && !segment.lost?.has(seq)) return seq;
    }
    return undefined;
  }

  /** The next one that is free, or, when there is none, the next one: what is found by a number is only a hint. */
  #nextNumber(): number {
    const isFull = this.#byNumber.size === NUMBER_MAX;
    do this.#lastNumber = (this.#lastNumber % NUMBER_MAX) + 1;
    while (!isFull && this.#byNumber.has(this.#lastNumber));
    return this.#lastNumber;
  }

  #giveBack(segment: Segment): void {
    const others = this.#byNumber.get(segment.number)?.filter((one) => one !== segment) ?? [];
    if (others.length > 0) this.#byNumber.set(segment.number, others);
    else {
      this.#byNumber.delete(segment.number);
      this.#alive[segment.number] = 0;
    }
  }

  async #placesOf(segment: Segment): Promise<PlaceTable> {
    if (segment.places !== undefined) {
      segment.places.isShared = true;
      return segment.places;
    }
    const loaded = this.#loaded.get(segment) ?? this.#load(segment);
    this.#loaded.delete(segment);
    this.#loaded.set(segment, loaded);
    const [oldest] = this.#loaded.keys();
    if (this.#loaded.size > LOADED_MAX && oldest !== undefined) this.#loaded.delete(oldest);
    try {
      const places = await loaded;
      // What decayed since it was counted is not in there any more.
      if (places.count - places.firstAfter(this.#checkpointed) < segment.live.count)
        this.#recount(segment, places);
      return places;
    } catch (error) {
      if (this.#loaded.get(segment) === loaded) this.#loaded.delete(segment);
      throw error;
    }
  }

  #emptyTable(firstSeq: number): PlaceTable {
    const spare = this.#spare;
    this.#spare = undefined;
    spare?.reset(firstSeq);
    return spare ?? new PlaceTable(firstSeq);
  }

  #recount(segment: Segment, places: PlaceTable): void {
    this.#replace(segment, tallyOf(places, places.firstAfter(this.#checkpointed), segment.lost));
  }

  #replace(segment: Segment, live: Tally): void {
    this.#total.merge(segment.live, -1);
    this.#total.merge(live, 1);
    segment.live = live;
    this.#findOldest();
    this.#depth = undefined;
  }

  #findOldest(): void {
    const { oldestMs, entries } = this.#total;
    this.#total.firstMs = this.#segments.find(({ live }) => live.count > 0)?.live.firstMs;
    for (let priority = 0; priority < entries.length; priority += 1) {
      const oldest = this.#segments.find(({ live }) => (live.entries[priority] ?? 0) > 0);
      oldestMs[priority] = oldest?.live.oldestMs[priority];
    }
  }
}
