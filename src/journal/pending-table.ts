/**
 * Entries that wait for their fdatasync, found by their 128 bits: open addressing over one array, half full at most.
 *
 * Not a Map: entries come and go in their order, so a Map makes itself a new table every few hundred of them, and
 * each old table refers to the next. Once one of them is old to the collector, whatever waited in all later ones
 * survives with it, and every collection of young objects copies it: pauses of milliseconds, which all acks wait for.
 */
import type { Identity } from './identity.ts';

const SLOTS_MIN = 1024;

function homeOf(a: number, b: number, c: number, d: number, mask: number): number {
  const mixed = Math.imul(a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b) ^ d, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) & mask;
}

export class PendingTable<T extends Identity> {
  /** A power of two of them. */
  #slots: (T | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  #count = 0;

  find({ a, b, c, d }: Identity): T | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = homeOf(a, b, c, d, mask);
    for (let held = slots[at]; held !== undefined; held = slots[at]) {
      if (held.a === a && held.b === b && held.c === c && held.d === d) return held;
      at = (at + 1) & mask;
    }
    return undefined;
  }

  /** Adds one that is not there yet. */
  add(item: T): void {
    this.#count += 1;
    if (this.#count * 2 > this.#slots.length) this.#resize(this.#slots.length * 2);
    this.#put(item);
  }

  /** Nothing happens when it is not there. */
  delete(item: T): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let free = homeOf(item.a, item.b, item.c, item.d, mask);
    while (slots[free] !== item) {
      if (slots[free] === undefined) return;
      free = (free + 1) & mask;
    }
    // Whoever could have been here, if it had been free, moves up: a search ends at a free slot.
    for (let at = (free + 1) & mask; ; at = (at + 1) & mask) {
      const held = slots[at];
      if (held === undefined) break;
      const gone = (at - homeOf(held.a, held.b, held.c, held.d, mask)) & mask;
      if (gone < ((at - free) & mask)) continue;
      slots[free] = held;
      free = at;
    }
    slots[free] = undefined;
    this.#count -= 1;
    if (this.#count * 16 < slots.length && slots.length > SLOTS_MIN) this.#resize(slots.length / 4);
  }

  #put(item: T): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let at = homeOf(item.a, item.b, item.c, item.d, mask);
    while (slots[at] !== undefined) at = (at + 1) & mask;
    slots[at] = item;
  }

  #resize(size: number): void {
    const old = this.#slots;
    this.#slots = new Array(Math.max(SLOTS_MIN, size)).fill(undefined);
    for (const item of old) if (item !== undefined) this.#put(item);
  }
}
