/**
 * Hashes that nobody can predict who does not know their seed, so that no choice of keys makes many of them collide.
 *
 * HalfSipHash with one round for each word of four bytes and three at the end, and 32 bits of result.
 */
import { randomBytes } from 'node:crypto';

/** 64 bits of chance. */
export interface HashSeed {
  readonly low: number;
  readonly high: number;
}

export function randomSeed(): HashSeed {
  const bytes = randomBytes(8);
  return { low: bytes.readInt32LE(0), high: bytes.readInt32LE(4) };
}

const ROUNDS_AT_END = 3;

/** The bytes from `at` to `to`, up to four, as a number. */
function wordAt(data: Uint8Array, at: number, to: number): number {
  let word = 0;
  for (let byte = Math.min(to, at + 4) - 1; byte >= at; byte -= 1) word = (word << 8) | (data[byte] as number);
  return word;
}

export function hashBytes(data: Uint8Array, from: number, to: number, { low, high }: HashSeed): number {
  let a = low;
  let b = high;
  let c = 0x6c796765 ^ low;
  let d = 0x74656462 ^ high;
  const whole = from + ((to - from) & ~3);
  const end = whole + 4 * (ROUNDS_AT_END + 1);
  for (let at = from; at < end; at += 4) {
    let word = 0;
    if (at < whole)
      word =
        (data[at] as number) |
        ((data[at + 1] as number) << 8) |
        ((data[at + 2] as number) << 16) |
        ((data[at + 3] as number) << 24);
    else if (at === whole) word = ((to - from) << 24) | wordAt(data, at, to);
    else if (at === whole + 4) c ^= 0xff;
    d ^= word;
    a = (a + b) | 0;
    b = ((b << 5) | (b >>> 27)) ^ a;
    a = (a << 16) | (a >>> 16);
    c = (c + d) | 0;
    d = ((d << 8) | (d >>> 24)) ^ c;
    a = (a + d) | 0;
    d = ((d << 7) | (d >>> 25)) ^ a;
    c = (c + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ c;
    c = (c << 16) | (c >>> 16);
    a ^= word;
  }
  return b ^ d;
}

export function hashText(text: string, seed: HashSeed): number {
  const bytes = Buffer.from(text, 'utf16le');
  return hashBytes(bytes, 0, bytes.length, seed);
}

/** Spreads 32-bit numbers so that the high bits of two are the same no more often than by chance. */
export function spread(value: number, { low, high }: HashSeed): number {
  // Multiplication by a random odd number does that for any two numbers; the shift helps the lower bits.
  const product = Math.imul(value ^ low, high | 1);
  return product ^ (product >>> 15);
}
