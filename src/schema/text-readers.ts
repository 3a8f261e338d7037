/** Columns of text, JSON text, bytes and booleans. */
import { isJsonText, toJsonText } from './json-text.ts';
import { type Conversion, type LossKind, type Reader, WRONG_FORMAT, WRONG_TYPE } from './reader.ts';

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}

/** `kind` of the change from a value that is no text, with its text. */
function spell(value: unknown): { readonly text: string | undefined; readonly kind: LossKind } | undefined {
  if (typeof value === 'bigint') return { text: String(value), kind: 'text-from-number' };
  if (typeof value === 'number') return { text: toJsonText(value), kind: 'text-from-number' };
  if (typeof value === 'boolean') return { text: String(value), kind: 'text-from-bool' };
  return isNested(value) ? { text: toJsonText(value), kind: 'text-from-object' } : undefined;
}

/** Lone surrogates are refused: UTF-8 cannot hold them, and the sink would store something else. */
export const textReader: Reader = {
  type: 'text',
  read(value) {
    if (typeof value !== 'string') return WRONG_TYPE;
    return value.isWellFormed() ? value : WRONG_FORMAT;
  },
  convert(value) {
    const spelled = spell(value);
    return spelled?.text === undefined ? undefined : { cell: spelled.text, kind: spelled.kind, lossless: true };
  },
};

/** Nested values and scalars are kept as their JSON text; text must be JSON already and is kept as it is. */
export const jsonReader: Reader = {
  type: 'json',
  read(value) {
    if (typeof value === 'string') return value.isWellFormed() && isJsonText(value) ? value : WRONG_FORMAT;
    if (value instanceof Uint8Array) return WRONG_TYPE;
    return toJsonText(value) ?? WRONG_FORMAT;
  },
  convert(value) {
    if (typeof value !== 'string') return undefined;
    const cell = toJsonText(value);
    return cell === undefined ? undefined : { cell, kind: 'json-from-text', lossless: true };
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

const TRUE_WORDS: ReadonlySet<string> = new Set(['true', 't', 'yes', 'y', '1']);
const FALSE_WORDS: ReadonlySet<string> = new Set(['false', 'f', 'no', 'n', '0']);

function boolOf(text: string): Conversion | undefined {
  const word = text.trim().toLowerCase();
  const cell = TRUE_WORDS.has(word);
  if (!cell && !FALSE_WORDS.has(word)) return undefined;
  return { cell, kind: 'bool-from-text', lossless: text === String(cell) };
}

export const boolReader: Reader = {
  type: 'bool',
  read(value, dialect) {
    if (typeof value === 'boolean') return value;
    if (dialect === 'text' && (value === 'true' || value === 'false')) return value === 'true';
    return WRONG_TYPE;
  },
  convert(value) {
    if (value === 0 || value === 1) return { cell: value === 1, kind: 'bool-from-number', lossless: true };
    return typeof value === 'string' ? boolOf(value) : undefined;
  },
};
