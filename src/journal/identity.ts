/**
 * What makes two entries the same to the journal: purpose, key and rows, as 128 bits.
 *
 * The key has 128 bits already and stays what it is; another purpose or a part of the rows is hashed in.
 */
import { sha256 } from '../core/keys.ts';
import type { RawEntry } from './journal.ts';

/** What an identity is made of. */
export type Identified = Pick<RawEntry, 'purpose' | 'key' | 'rows'>;

/** The 128 bits of an identity, as signed integers: V8 keeps those without an object each. */
export interface Identity {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** Words per identity. */
export const IDENTITY_WORDS = 4;
const DIGITS = 32;
const encoder = new TextEncoder();

/** The value of a lower-case hex digit by its character code; 255 for every other character. */
const DIGIT = new Uint8Array(128).fill(255);
for (let value = 0; value < 16; value += 1) DIGIT[value.toString(16).charCodeAt(0)] = value;

/** @returns false when `hex` does not start with 32 lower-case hex digits */
function parseWords(hex: string, words: Uint32Array): boolean {
  if (hex.length < DIGITS) return false;
  for (let word = 0; word < IDENTITY_WORDS; word += 1) {
    let value = 0;
    for (let at = word * 8; at < word * 8 + 8; at += 1) {
      const digit = DIGIT[hex.charCodeAt(at)] ?? 255;
      if (digit === 255) return false;
      value = (value << 4) | digit;
    }
    words[word] = value;
  }
  return true;
}

const scratch = new Uint32Array(IDENTITY_WORDS);

/** Whether a key is 32 lower-case hex digits, as the format needs it. */
export function isKey(key: string): boolean {
  return key.length === DIGITS && parseWords(key, scratch);
}

/** Whether the identity of an entry is its key and nothing else. */
export function isKeyItself({ purpose, rows }: Identified): boolean {
  return purpose === 'replay' && rows === undefined;
}

/** A text that is equal for equal entries and for no others; the key itself for whole batches that wait for replay. */
export function identityText(entry: Identified): string {
  const { purpose, key, rows } = entry;
  if (isKeyItself(entry)) return key;
  return `${purpose}:${key}:${rows === undefined ? 'all' : rows.join()}`;
}

/**
 * Writes the 128 bits of an entry's identity; `text` is its `identityText`.
 * @returns whether the text itself is a key
 */
export function writeIdentity(text: string, words: Uint32Array): boolean {
  if (text.length === DIGITS && parseWords(text, words)) return true;
  parseWords(sha256(encoder.encode(text)), words);
  return false;
}

export function identityOf(words: Uint32Array): Identity {
  return {
    a: (words[0] ?? 0) | 0,
    b: (words[1] ?? 0) | 0,
    c: (words[2] ?? 0) | 0,
    d: (words[3] ?? 0) | 0,
  };
}
