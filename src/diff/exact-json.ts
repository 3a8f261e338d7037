/**
 * JSON text to values without losing a digit of any number.
 *
 * N1 a number is the decimal that it is written as: a safe integer or the double that is spelled that way where there is
 * one, a bigint for any other whole number in plain digits, else a `Decimal` of its text. N2 a text whose numbers are all
 * spelled by their doubles, as most are, pays one look at every 16th character and no reviver. N3 the limits are those of
 * the codecs: what they do not decode is not compared either.
 */
import { checkLevels, exactInteger } from '../codecs/json-text.ts';
import { exactOf, isSameExact } from './exact-number.ts';
import { Decimal } from './typed-value.ts';

/** So many digits, or digits and a point, may be more than a double holds. */
const RUN = 16;
/** A number with an exponent, by what may stand behind it: most texts that look like one are names and ids. */
const EXPONENT = /\d[eE][-+]?\d+(?:[\s,\]}]|$)/;
/** What may stand next to a number. */
const BEFORE = ' \t\n\r,:[-';
const BEHIND = ' \t\n\r,]}';
const INTEGER = /^-?\d+$/;

function isDigitOrPoint(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46;
}

/** Whether other whole numbers have the same double. */
function isWide(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

/** Whether the digits from `start` to `end` are in a string, or a number that its double is spelled as. */
function isSpelledByDouble(text: string, start: number, end: number): boolean {
  const isNumber =
    (start === 0 || BEFORE.includes(text.charAt(start - 1))) &&
    (end === text.length || BEHIND.includes(text.charAt(end)));
  if (!isNumber) return true;
  const digits = text.slice(start, end);
  const value = Number(digits);
  return Number.isInteger(value)
    ? Number.isSafeInteger(value) && !digits.includes('.')
    : String(value) === digits;
}

/** Whether every number is what its double says, so that `JSON.parse` alone is exact. */
function areSpelledByDoubles(text: string): boolean {
  for (let at = RUN - 1; at < text.length; at += RUN) {
    if (!isDigitOrPoint(text.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && isDigitOrPoint(text.charCodeAt(start - 1))) start -= 1;
    while (at < text.length && isDigitOrPoint(text.charCodeAt(at))) at += 1;
    if (at - start >= RUN && !isSpelledByDouble(text, start, at)) return false;
    // The next run starts behind this one.
    at -= 1;
  }
  return !EXPONENT.test(text);
}

function keepExact(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined) return value;
  if (String(value) === source && !isWide(value)) return value;
  if (INTEGER.test(source)) return Number.isSafeInteger(value) ? value : exactInteger(source);
  const [written, held] = [exactOf(source), exactOf(value)];
  return written && held && isSameExact(written, held) ? value : new Decimal(source);
}

/**
 * Like `JSON.parse`, with whole numbers outside ±(2^53 - 1) as bigint, and numbers that no double is spelled as `Decimal`.
 * @throws SyntaxError, also for more than 1,000 levels, and for an integer of more than 4,300 digits
 */
export function parseExactJson(text: string): unknown {
  checkLevels(text);
  return areSpelledByDoubles(text) ? JSON.parse(text) : JSON.parse(text, keepExact);
}

const NESTED = /^[ \t\n\r]*[[{]/;

/** The object or array that a text spells; undefined for any other text. */
export function parseNestedJson(text: string): object | undefined {
  if (!NESTED.test(text)) return undefined;
  try {
    return parseExactJson(text) as object;
  } catch {
    return undefined;
  }
}
