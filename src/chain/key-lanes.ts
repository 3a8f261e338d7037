/**
 * Keeps batches of one ordering key from overtaking each other: each starts when the one before it has
 * landed, whatever tiers that took. Batches of different keys, and batches without one, know nothing of it.
 *
 * N1 at most one batch per key is in the chain. N2 batches of a key start in the order they came. N3 a
 * key costs memory only while a batch of it is under way.
 */
export class KeyLanes {
  /** What the next batch of a key has to wait for; never rejects. */
  readonly #ends = new Map<string, Promise<void>>();

  /**
   * Takes the next place in the lane of `key`.
   * @param start called when it is its turn, at once when the lane is free
   * @param landing settles when the batch has left the chain, or given up waiting
   */
  enter(key: string, start: () => void, landing: Promise<unknown>): void {
    const before = this.#ends.get(key);
    const end = Promise.all([before, landing.catch(() => undefined)]).then(() => {
      if (this.#ends.get(key) === end) this.#ends.delete(key);
    });
    this.#ends.set(key, end);
    if (before) void before.then(start);
    else start();
  }

  /** Keys with a batch under way. */
  get size(): number {
    return this.#ends.size;
  }
}
