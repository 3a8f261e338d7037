/**
 * The names of the last accepted point, in its order, and the search for one that occurs twice.
 *
 * Two names are the same exactly when they are spelled the same: there is one way to escape each of them.
 */
import { TOKEN_STRIDE, type Tokens } from './tokens.ts';

/** What the tokens are called that have no name in the body: their name starts at -1 and ends at the place in this list. */
export const FIXED_NAMES = ['measurement', 'time'] as const;
export const MEASUREMENT = 0;
export const TIME = 1;

/** Up to here names are compared each with each; more of them go through a set. */
const PAIRWISE_MAX = 32;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

const MEASUREMENT_BYTES = bytesOf(FIXED_NAMES[MEASUREMENT]);
const TIME_BYTES = bytesOf(FIXED_NAMES[TIME]);

/** Public fields, for the hot loops that compare with them. */
export class KnownNames {
  readonly body: Uint8Array;
  /** Start and end of each name in the body; the measurement, which has none, is the first. */
  spans = new Int32Array(128);
  /** Names, the measurement among them and the timestamp not; 0 until there is a point. */
  count = 0;
  /** How many of them are measurement and tags. */
  tagCount = 0;
  /** Whether one of them is `time`, so that there may be no timestamp. */
  hasTime = false;
  /** How often names were learned. */
  version = 0;

  constructor(body: Uint8Array) {
    this.body = body;
  }

  /**
   * Takes over the first `count` names of the tokens.
   * @returns false, and keeps what it has, when one of them occurs twice
   */
  learn(tokens: Tokens, count: number, tagCount: number): boolean {
    if (this.#hasTwice(tokens, count)) return false;
    if (this.spans.length < count * 2) this.spans = new Int32Array(count * 4);
    this.version += 1;
    this.count = count;
    this.tagCount = tagCount;
    this.hasTime = false;
    for (let index = 0; index < count; index += 1) {
      const start = tokens.data[index * TOKEN_STRIDE] as number;
      const end = tokens.data[index * TOKEN_STRIDE + 1] as number;
      this.spans[index * 2] = start;
      this.spans[index * 2 + 1] = end;
      this.hasTime ||= start >= 0 && this.#isSpelled(start, end, TIME_BYTES);
    }
    return true;
  }

  #isSpelled(start: number, end: number, letters: Uint8Array): boolean {
    return (
      end - start === letters.length && letters.every((letter, index) => this.body[start + index] === letter)
    );
  }

  #hasTwice(tokens: Tokens, count: number): boolean {
    if (count > PAIRWISE_MAX) return this.#hasTwiceAmongMany(tokens, count);
    const { data } = tokens;
    for (let one = TOKEN_STRIDE; one < count * TOKEN_STRIDE; one += TOKEN_STRIDE) {
      const start = data[one] as number;
      const end = data[one + 1] as number;
      if (this.#isSpelled(start, end, MEASUREMENT_BYTES)) return true;
      for (let other = TOKEN_STRIDE; other < one; other += TOKEN_STRIDE) {
        if (this.#isSame(start, end, data[other] as number, data[other + 1] as number)) return true;
      }
    }
    return false;
  }

  #isSame(start: number, end: number, other: number, otherEnd: number): boolean {
    const length = end - start;
    if (otherEnd - other !== length) return false;
    let same = 0;
    while (same < length && this.body[start + same] === this.body[other + same]) same += 1;
    return same === length;
  }

  // The hash of a string is seeded, so a hundred thousand names cannot be made to collide.
  #hasTwiceAmongMany(tokens: Tokens, count: number): boolean {
    const text = Buffer.from(this.body.buffer, this.body.byteOffset, this.body.byteLength);
    const names = new Set<string>([FIXED_NAMES[MEASUREMENT]]);
    for (let at = TOKEN_STRIDE; at < count * TOKEN_STRIDE; at += TOKEN_STRIDE) {
      names.add(text.toString('latin1', tokens.data[at], tokens.data[at + 1]));
    }
    return names.size < count;
  }
}
