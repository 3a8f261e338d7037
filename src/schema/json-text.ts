/** Values to JSON text and back, exactly or not at all. */
import { parseJson } from '../codecs/json-text.ts';

interface RawJson {
  readonly rawJSON?: (text: string) => unknown;
}

// In every supported Node; TypeScript's library does not know it yet.
const { rawJSON } = JSON as RawJson;

function writeRaw(text: string): unknown {
  if (!rawJSON) throw new RangeError('this runtime cannot write numbers as they are');
  return rawJSON(text);
}

function keepExact(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return writeRaw(String(value));
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError('not a finite number');
    return Object.is(value, -0) ? writeRaw('-0') : value;
  }
  if (value instanceof Uint8Array) throw new RangeError('bytes have no JSON text');
  if (typeof value === 'string' && !value.isWellFormed()) throw new RangeError('a lone surrogate');
  return value;
}

/**
 * JSON text of a decoded value; bigint as plain digits, -0 with its sign.
 * @returns undefined when the text would not mean the same: infinities, lone surrogates, nesting too deep
 */
export function toJsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, keepExact);
  } catch {
    return undefined;
  }
}

const NOWHERE = { row: 0, offset: 0 };

/** The value of a JSON text, integers exact; undefined when it is none. */
export function parseJsonText(text: string): unknown {
  try {
    return parseJson(text, NOWHERE);
  } catch {
    return undefined;
  }
}

export function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
