/** JSON text to values without losing integers. */
import { type Place, rowError } from './codec.ts';
import { INTEGER_DIGITS_MAX, LEVELS_MAX } from './json-skip.ts';

// Fewer digits than this always fit a safe integer, and most rows pay one regular expression and no reviver.
const LONG_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;

/**
 * The number that `source` spells: `value`, or a bigint where that is an integer which a double may have rounded.
 * @throws SyntaxError for an integer of more than 4,300 digits
 */
export function exactNumber(value: number, source: string | undefined): number | bigint {
  if (Number.isSafeInteger(value) || source === undefined) return value;
  return INTEGER.test(source) ? exactInteger(source) : value;
}

function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? exactNumber(value, context?.source) : value;
}

/**
 * The integer that `source` spells, which must be one.
 * @throws SyntaxError for one of more than 4,300 digits
 */
export function exactInteger(source: string): bigint {
  const digits = source.startsWith('-') ? source.length - 1 : source.length;
  if (digits <= INTEGER_DIGITS_MAX) return BigInt(source);
  throw new SyntaxError(`an integer has ${digits} digits, more than ${INTEGER_DIGITS_MAX}`);
}

/** How often two characters occur in a text, at least; no more than `enough`. */
function countBrackets(text: string, enough: number): number {
  let count = 0;
  for (const bracket of '[{') {
    for (let at = text.indexOf(bracket); at >= 0 && count < enough; at = text.indexOf(bracket, at + 1))
      count += 1;
  }
  return count;
}

/** Levels of arrays and objects, also in what turns out to be no JSON. */
function isTooDeep(text: string): boolean {
  // The levels have to be closed again, and most texts are told by this alone.
  if (text.length < 2 * LEVELS_MAX || countBrackets(text, LEVELS_MAX + 1) <= LEVELS_MAX) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '[' || char === '{') depth += 1;
    else if (char === ']' || char === '}') depth -= 1;
    if (depth > LEVELS_MAX) return true;
  }
  return false;
}

/** @throws SyntaxError for a text of more than 1,000 levels, which would make whatever recurses over its value fail */
export function checkLevels(text: string): void {
  if (isTooDeep(text)) throw new SyntaxError(`it is nested deeper than ${LEVELS_MAX} levels`);
}

/** The closing quote of the string that starts at `from`, or the end. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

/**
 * Like JSON.parse, with integers outside ±(2^53 - 1) as bigint.
 * @throws SyntaxError, also for more than 1,000 levels, and for an integer of more than 4,300 digits
 */
export function parseExactJson(text: string): unknown {
  checkLevels(text);
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
    throw rowError(place, error instanceof Error ? error.message : 'not valid JSON');
  }
}
