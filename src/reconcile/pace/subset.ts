/**
 * Which keys a sink that just came back gets first: a share of all, chosen by hash, that grows by one sixteenth a step.
 *
 * S1 whether a key is in depends on the key and the share alone, so every worker chooses the same ones, and a larger
 * share holds every key of a smaller one. S2 a step grows the share only when something was answered well in it, or when
 * nothing of the share was there to ask.
 */

export const SIXTEENTHS = 16;
const STEP_MS = 250;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** 0 to 15; FNV-1a over UTF-16 units, its halves folded because the low bits alone mix too little. */
export function sixteenthOf(key: string): number {
  let hash = FNV_OFFSET;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
  return ((hash >>> 16) ^ hash) & (SIXTEENTHS - 1);
}

export class Subset {
  #sixteenths = 1;
  #stepEndsMs: number;
  #hasSent = false;
  #hasLanded = false;

  constructor(nowMs: number) {
    this.#stepEndsMs = nowMs + STEP_MS;
  }

  get sixteenths(): number {
    return this.#sixteenths;
  }

  get stepEndsMs(): number {
    return this.#stepEndsMs;
  }

  /** Everything is in. */
  get isWhole(): boolean {
    return this.#sixteenths >= SIXTEENTHS;
  }

  has(key: string): boolean {
    return sixteenthOf(key) < this.#sixteenths;
  }

  sent(): void {
    this.#hasSent = true;
  }

  landed(): void {
    this.#hasLanded = true;
  }

  /** Takes the step that is over, if one is; what is still out keeps a step from counting as nothing to ask. S2. */
  advance(nowMs: number, inFlight: number): void {
    if (nowMs < this.#stepEndsMs) return;
    if (this.#hasLanded || (!this.#hasSent && inFlight === 0)) this.#sixteenths += 1;
    this.#hasSent = false;
    this.#hasLanded = false;
    this.#stepEndsMs = nowMs + STEP_MS;
  }
}
