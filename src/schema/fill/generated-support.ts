/** What generated code calls for values that are rare. */
import { skipSequence } from '../../codecs/json-skip.ts';

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
