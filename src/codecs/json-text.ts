/** JSON text to values without losing integers. */
import { type Place, rowError } from './codec.ts';

// Fewer digits than this always fit a safe integer, and most rows pay one regular expression and no reviver.
const LONG_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;

function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

/** Like JSON.parse, with integers outside ±(2^53 - 1) as bigint. @throws SyntaxError; RangeError at hostile nesting */
export function parseExactJson(text: string): unknown {
  return LONG_DIGITS.test(text) ? JSON.parse(text, keepExact) : JSON.parse(text);
}

/**
 * Integers outside ±(2^53 - 1) come back as bigint; a field named `__proto__` is an own property.
 * @throws InputError ROW_UNDECODABLE
 */
export function parseJson(text: string, place: Place): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    // A RangeError is the reviver's recursion on hostile nesting; the row is as unreadable as any other.
    throw rowError(place, error instanceof Error ? error.message : 'not valid JSON');
  }
}
