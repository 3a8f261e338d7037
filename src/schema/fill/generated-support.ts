/** What generated code calls for values that are rare. */
import { skipSequence } from '../../codecs/json-skip.ts';

/** The powers of ten that are doubles to the last digit. */
export const POWERS = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);

/**
 * The double nearest to `digits / 10^decimals` where no other whole number of digits has the same one, which makes these
 * digits its shortest spelling; otherwise, and beyond what is exact, NaN. Exact as one division of exact doubles (Clinger,
 * How to read floating point numbers accurately, 1990).
 */
export function quotientOf(digits: number, decimals: number): number {
  if (!(digits < Number.MAX_SAFE_INTEGER) || decimals >= POWERS.length) return Number.NaN;
  const power = POWERS[decimals] as number;
  const value = digits / power;
  return (digits + 1) / power === value || (digits - 1) / power === value ? Number.NaN : value;
}

/** The double that the plain decimal in `start` to `end` is the shortest spelling of, or NaN. */
export function doubleOf(body: Uint8Array, start: number, end: number): number {
  let text = '';
  for (let at = start; at < end; at += 1) text += String.fromCharCode(body[at] as number);
  const value = Number(text);
  return String(value) === text ? value : Number.NaN;
}

/**
 * Copies text that is not all ASCII up to its closing quote; `to` has room for it.
 * @returns the offset of the quote, or -1 for escapes and for what is not UTF-8
 */
export function copyRest(body: Uint8Array, start: number, end: number, to: Uint8Array, write: number): number {
  const shift = write - start;
  let at = start;
  while (at < end) {
    const byte = body[at] as number;
    if (byte === 34) return at;
    if (byte < 128) {
      if (byte < 32 || byte === 92) return -1;
      to[at + shift] = byte;
      at += 1;
    } else {
      const after = skipSequence(body, at, end);
      if (after < 0) return -1;
      for (; at < after; at += 1) to[at + shift] = body[at] as number;
    }
  }
  return -1;
}
