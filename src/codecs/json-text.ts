/** JSON text to values without losing integers. */
import { type Place, rowError } from './codec.ts';
import { parseDeepJson } from './json-deep.ts';

// Fewer digits than this always fit a safe integer, and most rows pay one regular expression and no reviver.
const LONG_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;

/** The number that `source` spells: `value`, or a bigint where that is an integer which a double may have rounded. */
export function exactNumber(value: number, source: string | undefined): number | bigint {
  if (Number.isSafeInteger(value) || source === undefined) return value;
  return INTEGER.test(source) ? BigInt(source) : value;
}

function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? exactNumber(value, context?.source) : value;
}

/** Like JSON.parse, with integers outside ±(2^53 - 1) as bigint, at any depth. @throws SyntaxError */
export function parseExactJson(text: string): unknown {
  if (!LONG_DIGITS.test(text)) return JSON.parse(text);
  try {
    return JSON.parse(text, keepExact);
  } catch (error) {
    // The reviver's recursion on hostile nesting.
    if (error instanceof RangeError) return parseDeepJson(text, exactNumber);
    throw error;
  }
}

/**
 * Integers outside ±(2^53 - 1) come back as bigint; a field named `__proto__` is an own property.
 * @throws InputError ROW_UNDECODABLE
 */
export function parseJson(text: string, place: Place): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw rowError(place, error instanceof Error ? error.message : 'not valid JSON');
  }
}
