/**
 * Which ordering keys have deferred rows, from the append to the settlement of the last object that holds some. Pure:
 * no clock, no I/O.
 *
 *   begin ──> appended ──> stored, in an object of a lane ──> settled
 *
 * B1 a key is closed from the beginning of its first append until its last object is settled, or the append has failed.
 * B2 objects of a lane are settled from its head on, so a key costs one place per lane, however many objects hold it.
 * B3 every call may come twice, and a settlement before the object it is of.
 */

/** An object that waits for its replay. */
export interface StoredKeys {
  readonly ref: string;
  readonly lane: number;
  /** Position in the lane. */
  readonly order: number;
  /** Ordering keys of its entries, each once. */
  readonly orderingKeys: readonly string[];
}

interface Lane {
  /** Refs of its open objects, the head first, with their places. */
  readonly places: Map<string, number>;
  /** Settled objects that have others before them. */
  readonly settledEarly: Set<string>;
  /** The place of each key's last object, ascending. */
  readonly keys: Map<string, number>;
  nextPlace: number;
}

export class KeyBacklog {
  /** What holds each closed key: an append under way, entries in the journal, a lane. */
  readonly #holds = new Map<string, number>();
  /** Seq of each key's last entry in the journal, ascending. */
  readonly #inJournal = new Map<string, number>();
  readonly #lanes = new Map<number, Lane>();
  readonly #onOpened: (key: string, ref: string | undefined) => void;
  #storedThrough = -1;

  /** @param onOpened told of each key when nothing of it is deferred any more, and of the object that was its last */
  constructor(onOpened: (key: string, ref: string | undefined) => void = () => {}) {
    this.#onOpened = onOpened;
  }

  /** Closed keys. */
  get size(): number {
    return this.#holds.size;
  }

  isClosed(key: string): boolean {
    return this.#holds.has(key);
  }

  /** Whether the object waits for its replay. */
  isWaiting(ref: string, lane: number): boolean {
    return this.#lanes.get(lane)?.places.has(ref) ?? false;
  }

  /** Objects that are the last ones of keys, with those keys. */
  *lastObjects(): Generator<Omit<StoredKeys, 'order'>> {
    for (const [lane, { places, keys }] of this.#lanes) {
      const keysAt = Map.groupBy(keys, ([, place]) => place);
      for (const [ref, place] of places) {
        const orderingKeys = (keysAt.get(place) ?? []).map(([key]) => key);
        if (orderingKeys.length > 0) yield { ref, lane, orderingKeys };
      }
    }
  }

  /** An append of the key begins; `appended` or `givenUp` ends it. */
  begin(key: string): void {
    this.#hold(key);
  }

  /** The append has failed: nothing of it is durable. */
  givenUp(key: string): void {
    this.#letGo(key);
  }

  /** The entry is durable in the journal at `seq`. */
  appended(key: string, seq: number): void {
    this.foundInJournal(key, seq);
    this.#letGo(key);
  }

  /** An entry of an earlier process. */
  foundInJournal(key: string, seq: number): void {
    if (seq <= this.#storedThrough || seq <= (this.#inJournal.get(key) ?? -1)) return;
    if (!this.#inJournal.delete(key)) this.#hold(key);
    this.#inJournal.set(key, seq);
  }

  /** Objects that are in the store; in each lane in the order of their replay. */
  stored(objects: readonly StoredKeys[]): void {
    for (const { ref, lane: number, orderingKeys } of objects) {
      const lane = this.#lane(number);
      let place = lane.places.get(ref);
      if (place === undefined) {
        place = lane.nextPlace;
        lane.nextPlace += 1;
        lane.places.set(ref, place);
      }
      for (const key of orderingKeys) this.#mark(lane, key, place);
    }
  }

  /** The journal has nothing any more up to `seq`: it is in objects, of which `stored` told. */
  storedThrough(seq: number): void {
    this.#storedThrough = Math.max(this.#storedThrough, seq);
    for (const [key, last] of this.#inJournal) {
      if (last > this.#storedThrough) return;
      this.#inJournal.delete(key);
      this.#letGo(key);
    }
  }

  /** Nothing of the object is left to do. @returns whether it was waiting */
  settled(ref: string, lane: number): boolean {
    const found = this.#lanes.get(lane);
    if (!found?.places.has(ref)) return false;
    found.settledEarly.add(ref);
    for (const [head, place] of found.places) {
      if (!found.settledEarly.delete(head)) break;
      found.places.delete(head);
      this.#unmark(found, place, head);
    }
    if (found.places.size === 0) this.#lanes.delete(lane);
    return true;
  }

  /** The head of each lane that has one. */
  heads(): readonly { readonly lane: number; readonly ref: string }[] {
    return [...this.#lanes].flatMap(([lane, { places }]) => {
      const [ref] = places.keys();
      return ref === undefined ? [] : [{ lane, ref }];
    });
  }

  /** Lanes with objects that hold the key. */
  lanesOf(key: string): readonly number[] {
    return [...this.#lanes].flatMap(([number, { keys }]) => (keys.has(key) ? [number] : []));
  }

  #lane(number: number): Lane {
    const found = this.#lanes.get(number) ?? {
      places: new Map(),
      settledEarly: new Set(),
      keys: new Map(),
      nextPlace: 0,
    };
    this.#lanes.set(number, found);
    return found;
  }

  #mark({ keys }: Lane, key: string, place: number): void {
    const before = keys.get(key);
    if (before !== undefined && before >= place) return;
    if (!keys.delete(key)) this.#hold(key);
    keys.set(key, place);
  }

  /** B2. */
  #unmark({ keys }: Lane, through: number, ref: string): void {
    for (const [key, place] of keys) {
      if (place > through) return;
      keys.delete(key);
      this.#letGo(key, ref);
    }
  }

  #hold(key: string): void {
    this.#holds.set(key, (this.#holds.get(key) ?? 0) + 1);
  }

  #letGo(key: string, ref?: string): void {
    const holds = this.#holds.get(key) ?? 0;
    if (holds > 1) this.#holds.set(key, holds - 1);
    else if (this.#holds.delete(key)) this.#onOpened(key, ref);
  }
}
