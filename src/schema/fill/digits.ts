/** Numbers from digits in place. What is not spelled plainly is left to the readers, which are slower and complete. */

const ZERO = 48;
const MINUS = 45;
const POINT = 46;
/** Any so many digits are a whole number that a double holds. */
const DIGITS_MAX = 15;
const LOW_DIGITS = 9;
/** Any so many digits fit 63 bits, and one more if the first is not a nine. */
const SAFE_DIGITS = 18;
const NINE = 57;
const WORD = 2 ** 32;
const HALF_WORD = 2 ** 16;
/** Which half of a 64-bit integer stands first in memory. */
export const LOW = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
export const HIGH = 1 - LOW;

const POWERS = Float64Array.from({ length: DIGITS_MAX + 1 }, (_, power) => 10 ** power);

/** The whole number of at most 15 digits in `start` to `end`, or NaN: `-0` and leading zeros are left to others. */
export function parseWhole(body: Uint8Array, start: number, end: number): number {
  const isNegative = body[start] === MINUS;
  let at = isNegative ? start + 1 : start;
  const count = end - at;
  if (count < 1 || count > DIGITS_MAX) return Number.NaN;
  if (body[at] === ZERO && (count > 1 || isNegative)) return Number.NaN;
  let value = 0;
  while (at < end) {
    const digit = (body[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
    at += 1;
  }
  return isNegative ? -value : value;
}

/** The double of a plain decimal of at most 15 digits, which is a spelling of it; NaN for any other text. */
export function parseDecimal(body: Uint8Array, start: number, end: number): number {
  const isNegative = body[start] === MINUS;
  let at = isNegative ? start + 1 : start;
  const first = at;
  if (end - first > DIGITS_MAX + 1 || end <= first) return Number.NaN;
  let mantissa = 0;
  let decimals = -1;
  while (at < end) {
    const digit = (body[at] as number) - ZERO;
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      if (decimals >= 0) decimals += 1;
    } else {
      if (digit + ZERO !== POINT || decimals >= 0 || at === first) return Number.NaN;
      decimals = 0;
    }
    at += 1;
  }
  const digits = end - first - (decimals >= 0 ? 1 : 0);
  if (decimals === 0 || digits > DIGITS_MAX) return Number.NaN;
  const whole = digits - Math.max(decimals, 0);
  if (whole > 1 && body[first] === ZERO) return Number.NaN;
  const value = decimals > 0 ? mantissa / (POWERS[decimals] as number) : mantissa;
  return isNegative ? -value : value;
}

/** Stores a whole number that a double holds as the 64-bit integer `index`. */
export function storeWhole(words: Uint32Array, index: number, value: number): void {
  const high = Math.floor(value / WORD);
  words[2 * index + LOW] = value - high * WORD;
  words[2 * index + HIGH] = high;
}

/** Stores `units * scale + rest` as the 64-bit integer `index`; |units| < 2^39, scale <= 10^9, 0 <= rest < 2^43. */
export function storeProduct(
  words: Uint32Array,
  index: number,
  units: number,
  scale: number,
  rest: number,
): void {
  const upper = Math.floor(units / HALF_WORD);
  const product = upper * scale;
  const carried = Math.floor(product / HALF_WORD);
  const lower = (units - upper * HALF_WORD) * scale + rest;
  const lowest = Math.floor(lower / WORD);
  const low = (product - carried * HALF_WORD) * HALF_WORD + (lower - lowest * WORD);
  const overflow = Math.floor(low / WORD);
  words[2 * index + LOW] = low - overflow * WORD;
  words[2 * index + HIGH] = carried + lowest + overflow;
}

/** Stores the whole number in `start` to `end`; false for any other text, and for what may be beyond 63 bits. */
export function storeDigits(
  body: Uint8Array,
  start: number,
  end: number,
  words: Uint32Array,
  index: number,
): boolean {
  const short = parseWhole(body, start, end);
  if (!Number.isNaN(short)) {
    storeWhole(words, index, short);
    return true;
  }
  const isNegative = body[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  const count = end - first;
  if (count <= DIGITS_MAX || body[first] === ZERO) return false;
  if (count > SAFE_DIGITS && (count > SAFE_DIGITS + 1 || body[first] === NINE)) return false;
  const upper = parseWhole(body, first, end - LOW_DIGITS);
  let lower = 0;
  for (let at = end - LOW_DIGITS; at < end; at += 1) {
    const digit = (body[at] as number) - ZERO;
    if (digit < 0 || digit > 9) return false;
    lower = lower * 10 + digit;
  }
  if (Number.isNaN(upper)) return false;
  storeProduct(words, index, upper, 1e9, lower);
  if (isNegative) {
    const low = (~(words[2 * index + LOW] as number) + 1) >>> 0;
    words[2 * index + LOW] = low;
    words[2 * index + HIGH] = ~(words[2 * index + HIGH] as number) + (low === 0 ? 1 : 0);
  }
  return true;
}
