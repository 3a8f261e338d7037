/**
 * Numbers of line protocol where they stand in the body, by the same grammar as in `line-protocol-point.ts`.
 *
 * A number is called `number` only when it is one by JSON too and has at most 15 digits, so that reading its digits is as
 * exact as making the double that it means; every other is a `float`.
 */
import { TOKEN } from './tokens.ts';

const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const SMALL_E = 101;
const SMALL_I = 105;
const SMALL_U = 117;

const EXACT_DIGITS = 15;
/** Below this many digits, and with an exponent of at most two, a number is never infinite. */
const FINITE_DIGITS = 200;
const INT64_MAX = Uint8Array.from('9223372036854775807', (digit) => digit.charCodeAt(0));
const INT64_MIN = Uint8Array.from('9223372036854775808', (digit) => digit.charCodeAt(0));
const UINT64_MAX = Uint8Array.from('18446744073709551615', (digit) => digit.charCodeAt(0));

/** Kind of the number that `scanNumber` found last: a register, for two results of one call without an object. */
export let numberKind = 0;

/** Offset of the first byte that is no digit. */
function skipDigits(body: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && ((body[at] as number) - ZERO) >>> 0 < 10) at += 1;
  return at;
}

/** Whether the digits from `from` to `end` are at most `max`, which has no leading zeros. */
function isAtMost(body: Uint8Array, from: number, end: number, max: Uint8Array): boolean {
  let at = from;
  while (at < end && body[at] === ZERO) at += 1;
  if (end - at !== max.length) return end - at < max.length;
  for (const digit of max) {
    const found = body[at] as number;
    if (found !== digit) return found < digit;
    at += 1;
  }
  return true;
}

/** Whether the digits are an integer of 64 bits with that sign. */
function isSigned(body: Uint8Array, from: number, end: number, isNegative: boolean): boolean {
  const digits = end - from;
  return digits < 19 ? digits > 0 : isAtMost(body, from, end, isNegative ? INT64_MIN : INT64_MAX);
}

function isUnsigned(body: Uint8Array, from: number, end: number, isNegative: boolean): boolean {
  return !isNegative && end > from && isAtMost(body, from, end, UINT64_MAX);
}

function isFiniteDouble(body: Uint8Array, start: number, end: number): boolean {
  const text = Buffer.from(body.buffer, body.byteOffset + start, end - start).toString('latin1');
  return Number.isFinite(Number(text));
}

/** Whether bytes `from` to `end` are a timestamp: an integer of 64 bits. */
export function isTime(body: Uint8Array, from: number, end: number): boolean {
  const digits = body[from] === MINUS ? from + 1 : from;
  return skipDigits(body, digits, end) === end && isSigned(body, digits, end, digits > from);
}

/**
 * Reads the number at `start`, with its suffix if it has one.
 * @returns the offset behind it, and its kind in `numberKind`; -1 when there is no number or it is out of range
 */
export function scanNumber(body: Uint8Array, start: number, end: number): number {
  const whole = body[start] === MINUS ? start + 1 : start;
  const at = skipDigits(body, whole, end);
  const suffix = at < end ? (body[at] as number) : 0;
  if (suffix === SMALL_I) {
    numberKind = TOKEN.signed;
    return isSigned(body, whole, at, whole > start) ? at + 1 : -1;
  }
  if (suffix === SMALL_U) {
    numberKind = TOKEN.unsigned;
    return isUnsigned(body, whole, at, whole > start) ? at + 1 : -1;
  }
  return scanFloat(body, start, whole, at, end);
}

/** @param whole where the digits before the point start, @param point where they end */
function scanFloat(body: Uint8Array, start: number, whole: number, point: number, end: number): number {
  let digits = point - whole;
  let isJson = digits === 1 || (digits > 1 && body[whole] !== ZERO);
  let at = point;
  if (at < end && body[at] === DOT) {
    at = skipDigits(body, point + 1, end);
    digits += at - point - 1;
    isJson &&= at > point + 1;
  }
  if (digits === 0) return -1;
  let mayOverflow = digits > FINITE_DIGITS;
  if (at < end && ((body[at] as number) | 32) === SMALL_E) {
    const sign = at + 1 < end ? body[at + 1] : 0;
    const exponent = sign === PLUS || sign === MINUS ? at + 2 : at + 1;
    at = skipDigits(body, exponent, end);
    if (at === exponent) return -1;
    mayOverflow ||= at - exponent > 2;
  }
  if (mayOverflow && !isFiniteDouble(body, start, at)) return -1;
  numberKind = isJson && digits <= EXACT_DIGITS ? TOKEN.number : TOKEN.float;
  return at;
}
