/** Values back to JSON text, exactly or not at all. */

interface RawJson {
  readonly rawJSON?: (text: string) => unknown;
}

// In every supported Node; TypeScript's library does not know it yet.
const { rawJSON } = JSON as RawJson;

function keepExact(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') {
    if (!rawJSON) throw new RangeError('this runtime cannot write big integers');
    return rawJSON(String(value));
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('not a finite number');
  if (typeof value === 'string' && !value.isWellFormed()) throw new RangeError('a lone surrogate');
  return value;
}

/**
 * JSON text of a decoded value; bigint as plain digits.
 * @returns undefined when the text would not mean the same: infinities, lone surrogates, nesting too deep
 */
export function toJsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, keepExact);
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
