/**
 * Which segments may hold an entry of some identity: 6 bytes per entry, however long the outage is.
 *
 * A slot keeps 32 bits of a hash and the number of a segment; 8 more bits choose the shard. With ten million entries
 * one lookup in a hundred thousand names a segment in vain, which costs a look into that segment's places.
 *
 * I1 an identity that was added to a segment that is still alive is found. I2 what is found is only a hint: whoever
 * asks compares all 128 bits. I3 a table grows one shard at a time, so nobody waits for more than that.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

const SHARDS = 256;
const SLOTS_MIN = 64;
/** Up to this size a shard doubles; above it grows by less, so that memory stays near its need. */
const SLOTS_DOUBLING_MAX = 8192;
const LOAD_MAX = 0.9;
const SLOT_BYTES = 6;
const NONE: readonly number[] = [];

interface Shard {
  readonly memory: ArrayBuffer;
  /** 0 marks a free slot. */
  readonly hashes: Uint32Array;
  readonly segments: Uint16Array;
  /** Slots per hash: where a hash belongs is its value on this scale. */
  readonly scale: number;
  count: number;
}

function createShard(slots: number): Shard {
  const memory = new ArrayBuffer(slots * SLOT_BYTES);
  return {
    memory,
    hashes: new Uint32Array(memory, 0, slots),
    segments: new Uint16Array(memory, slots * 4, slots),
    scale: slots / 2 ** 32,
    count: 0,
  };
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** How far the hash in a slot is from where it belongs. */
function distance({ hashes, scale }: Shard, at: number, hash: number): number {
  const from = at - Math.floor(hash * scale);
  return from < 0 ? from + hashes.length : from;
}

/** Whoever is nearer to where it belongs gives way, so that no search goes far, also in a shard that is nearly full. */
function insert(shard: Shard, newHash: number, newSegment: number): void {
  const { hashes, segments } = shard;
  const slots = hashes.length;
  let hash = newHash;
  let segment = newSegment;
  let at = Math.floor(hash * shard.scale);
  for (let gone = 0; ; gone += 1) {
    const held = hashes[at] ?? 0;
    if (held === 0) break;
    const heldGone = distance(shard, at, held);
    if (heldGone < gone) {
      hashes[at] = hash;
      hash = held;
      const heldSegment = segments[at] ?? 0;
      segments[at] = segment;
      segment = heldSegment;
      gone = heldGone;
    }
    at = at + 1 === slots ? 0 : at + 1;
  }
  hashes[at] = hash;
  segments[at] = segment;
  shard.count += 1;
}

export class IdentityTable {
  readonly #shards: (Shard | undefined)[] = new Array(SHARDS).fill(undefined);
  /** 1 at the numbers of segments that still stand for entries. */
  readonly #alive: Uint8Array;
  #slots = 0;

  /** @param alive 1 at the numbers of segments that still stand for entries, kept by whoever gives the numbers */
  constructor(alive: Uint8Array) {
    this.#alive = alive;
  }

  /** Bytes that the table takes. */
  get bytes(): number {
    return this.#slots * SLOT_BYTES;
  }

  /** @param segment 1 to 65,535 */
  add(words: Uint32Array, segment: number): void {
    const first = this.#first(words);
    const number = first & (SHARDS - 1);
    let shard = this.#shards[number];
    if (shard === undefined || shard.count >= shard.hashes.length * LOAD_MAX) shard = this.#rebuild(number);
    insert(shard, this.#second(words, first), segment);
  }

  /** Numbers of segments that may hold the identity; usually none. */
  candidates(words: Uint32Array): readonly number[] {
    const first = this.#first(words);
    const shard = this.#shards[first & (SHARDS - 1)];
    if (shard === undefined) return NONE;
    const hash = this.#second(words, first);
    const { hashes, segments } = shard;
    const slots = hashes.length;
    let found: number[] | undefined;
    let at = Math.floor(hash * shard.scale);
    for (let gone = 0; ; gone += 1) {
      const held = hashes[at] ?? 0;
      if (held === 0) break;
      if (held === hash) {
        const segment = segments[at] ?? 0;
        if (this.#alive[segment] === 1 && !found?.includes(segment)) found = [...(found ?? NONE), segment];
      } else if (distance(shard, at, held) < gone) break;
      at = at + 1 === slots ? 0 : at + 1;
    }
    return found ?? NONE;
  }

  /** What is in the first slot of an identity: no answer to anything, but the memory is near then. */
  peek(words: Uint32Array): number {
    const first = this.#first(words);
    const shard = this.#shards[first & (SHARDS - 1)];
    if (shard === undefined) return 0;
    const at = Math.floor(this.#second(words, first) * shard.scale);
    return (shard.hashes[at] ?? 0) ^ (shard.segments[at] ?? 0);
  }

  clear(): void {
    for (const shard of this.#shards) shard?.memory.transfer(0);
    this.#shards.fill(undefined);
    this.#slots = 0;
  }

  /** Gives back the memory of segments that are gone, in turns with others. @param entries that are still there */
  async compact(entries: number): Promise<void> {
    if (this.#slots < SHARDS * SLOTS_DOUBLING_MAX || this.#slots < entries * 4) return;
    for (let number = 0; number < SHARDS; number += 1) {
      if (this.#shards[number] !== undefined) this.#rebuild(number);
      if (number % 8 === 7) await nextTurn();
    }
  }

  #first(words: Uint32Array): number {
    return mix((words[0] ?? 0) + Math.imul(words[3] ?? 0, 0x9e3779b1));
  }

  #second(words: Uint32Array, first: number): number {
    return mix((words[1] ?? 0) + Math.imul(words[2] ?? 0, 0x9e3779b1) + first) || 1;
  }

  /** The same shard with room for more, without what is dead. */
  #rebuild(number: number): Shard {
    const old = this.#shards[number];
    const slots = old?.hashes.length ?? 0;
    let alive = 0;
    for (let at = 0; old !== undefined && at < slots; at += 1) {
      if (old.hashes[at] !== 0) alive += this.#alive[old.segments[at] ?? 0] ?? 0;
    }
    const factor = alive < SLOTS_DOUBLING_MAX / 2 ? 2 : 1.25;
    const shard = createShard(Math.max(SLOTS_MIN, Math.ceil((alive * factor) / LOAD_MAX)));
    // Slots are nearly in the order of their hashes, so this goes through the new ones front to back.
    for (let at = 0; old !== undefined && at < slots; at += 1) {
      const hash = old.hashes[at] ?? 0;
      const segment = old.segments[at] ?? 0;
      if (hash !== 0 && this.#alive[segment] === 1) insert(shard, hash, segment);
    }
    this.#slots += shard.hashes.length - slots;
    this.#shards[number] = shard;
    // Given back at once: the collector looks for old memory so rarely that there would be as much of it as is in use.
    old?.memory.transfer(0);
    return shard;
  }
}
