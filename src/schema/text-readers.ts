/** Columns of text, free JSON text, bytes and booleans. */
import type { Cell } from '../core/columns.ts';
import { isJsonText, toJsonText } from './json-text.ts';
import {
  type Conversion,
  converted,
  type Fault,
  OUT_OF_RANGE,
  type Reader,
  WRONG_FORMAT,
  WRONG_TYPE,
} from './reader.ts';
import { boolFromNumber } from './rules/bool-from-number.ts';
import { boolFromText } from './rules/bool-from-text.ts';
import { defaulted } from './rules/defaulted.ts';
import { jsonFromText } from './rules/json-from-text.ts';
import { textFromBool } from './rules/text-from-bool.ts';
import { textFromNumber } from './rules/text-from-number.ts';
import { textFromObject } from './rules/text-from-object.ts';
import { UNKNOWN_WORD } from './rules/unknown-word.ts';
import { foldWords, wordFromText } from './rules/word-from-text.ts';

function textFromScalar(value: unknown): Conversion | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return textFromNumber(value);
  if (typeof value === 'boolean') return textFromBool(value);
  return typeof value === 'object' && value !== null ? textFromObject(value) : undefined;
}

/** Lone surrogates are refused: UTF-8 cannot hold them, and the sink would store something else. */
export const textReader: Reader = {
  type: 'text',
  read(value) {
    if (typeof value !== 'string') return WRONG_TYPE;
    return value.isWellFormed() ? value : WRONG_FORMAT;
  },
  convert: textFromScalar,
};

/** What a text column asks of its texts beside being text. */
export interface TextRules {
  /** The only texts allowed. */
  readonly words: readonly string[] | undefined;
  /** In code points. @default 0 */
  readonly lengthMin: number;
  /** In code points. @default Infinity */
  readonly lengthMax: number;
  readonly isTrimmed: boolean;
  readonly isNormalized: boolean;
  /** What becomes of a text that is none of the words: refused, null, or this cell. */
  readonly onUnknown: 'refuse' | 'null' | { readonly cell: Cell };
  /** Texts that stand for nothing, and so are no text. */
  readonly nullWords: ReadonlySet<string> | undefined;
}

/** Code units are twice the code points at most, so most texts need not be walked. */
function isOfLength(text: string, min: number, max: number): boolean {
  if (text.length < min || text.length > max * 2) return false;
  if (text.length >= min * 2 && text.length <= max) return true;
  let count = 0;
  for (const _ of text) count += 1;
  return count >= min && count <= max;
}

export function ruledTextReader(rules: TextRules): Reader {
  const { lengthMin, lengthMax, isTrimmed, isNormalized, onUnknown, nullWords } = rules;
  const words = rules.words && new Set(rules.words);
  const folded = foldWords(rules.words ?? []);
  const isAllowed = (text: string): boolean =>
    (!words || words.has(text)) && isOfLength(text, lengthMin, lengthMax);
  const tidy = (text: string): string => {
    const trimmed = isTrimmed ? text.trim() : text;
    return isNormalized ? trimmed.normalize('NFC') : trimmed;
  };
  const read = (value: unknown): string | Fault => {
    if (typeof value !== 'string') return WRONG_TYPE;
    if (!value.isWellFormed() || tidy(value) !== value) return WRONG_FORMAT;
    if (nullWords?.has(value.trim())) return WRONG_FORMAT;
    return isAllowed(value) ? value : OUT_OF_RANGE;
  };
  const convertUnknown = (text: string): Conversion | undefined => {
    if (!words) return undefined;
    const word = wordFromText(text, folded);
    if (word && isOfLength(String(word.cell), lengthMin, lengthMax)) return word;
    if (onUnknown === 'refuse') return undefined;
    return onUnknown === 'null' ? UNKNOWN_WORD : defaulted(onUnknown.cell);
  };
  const convertText = (value: string): Conversion | undefined => {
    if (!value.isWellFormed() || nullWords?.has(value.trim())) return undefined;
    const text = tidy(value);
    if (!isAllowed(text)) return convertUnknown(value);
    const isComposed = isNormalized && value.normalize('NFC') !== value;
    return converted(text, isComposed ? 'normalized' : 'trimmed', false);
  };
  return {
    type: 'text',
    read,
    convert(value) {
      if (typeof value === 'string') return convertText(value);
      const spelled = textFromScalar(value);
      if (!spelled) return undefined;
      return read(spelled.cell) === spelled.cell ? spelled : convertUnknown(String(spelled.cell));
    },
  };
}

/** Nested values and scalars are kept as their JSON text; text must be JSON already and is kept as it is. */
export const jsonReader: Reader = {
  type: 'json',
  read(value) {
    if (typeof value === 'string') return value.isWellFormed() && isJsonText(value) ? value : WRONG_FORMAT;
    if (value instanceof Uint8Array) return WRONG_TYPE;
    return toJsonText(value) ?? WRONG_FORMAT;
  },
  convert(value) {
    return typeof value === 'string' ? jsonFromText(value) : undefined;
  },
};

/** Bytes, or canonical base64 where the format has no bytes. */
export const bytesReader: Reader = {
  type: 'bytes',
  read(value) {
    if (value instanceof Uint8Array) return value;
    if (typeof value !== 'string') return WRONG_TYPE;
    const bytes = Buffer.from(value, 'base64');
    // Node's decoder skips what it does not know, so only text that it writes back the same is taken.
    return bytes.toString('base64') === value ? new Uint8Array(bytes) : WRONG_FORMAT;
  },
  convert() {
    return undefined;
  },
};

export const boolReader: Reader = {
  type: 'bool',
  read(value, dialect) {
    if (typeof value === 'boolean') return value;
    if (dialect === 'text' && (value === 'true' || value === 'false')) return value === 'true';
    return WRONG_TYPE;
  },
  convert(value) {
    if (typeof value === 'number' || typeof value === 'bigint') return boolFromNumber(value);
    return typeof value === 'string' ? boolFromText(value) : undefined;
  },
};
