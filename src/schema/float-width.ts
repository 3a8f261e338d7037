/**
 * Floating point columns of every width: the nearest value to a text, and whether a text is a spelling of it.
 *
 * W1 a spelling loses nothing that the column could hold: with n significant digits, at most as many as tell any two
 * values of the width apart, it is the value written with n digits; or it is the value's binary expansion in full; or
 * it spells the double that the value also is, which is how every JSON writer shows it.
 */
import { type Exact, gapOf, parseExact } from './number-grammar.ts';

/** What the width of a float says about its values. */
export interface FloatSize {
  /** Texts of so many digits always survive the way there and back, unless they are subnormal. */
  readonly digitsSafe: number;
  /** So many digits tell any two values apart. */
  readonly digitsMax: number;
  /** The least value with full precision. */
  readonly normalMin: number;
  readonly max: number;
  /** The nearest value of this width, ties to even; infinite above `max`. */
  round(value: number): number;
}

const bits = new DataView(new ArrayBuffer(8));
const MANTISSA_BITS = 52n;
const MANTISSA_MASK = (1n << MANTISSA_BITS) - 1n;
/** Exponent of the last mantissa bit of a subnormal double. */
const EXPONENT_MIN = -1074;

/** The power of two of the leading bit of a normal double. */
function exponentOf(value: number): number {
  bits.setFloat64(0, value);
  return ((bits.getUint16(0) >> 4) & 0x7ff) - 1023;
}

const HALF_MAX = 65_504;
const HALF_OVERFLOW = 65_520;

function roundHalf(value: number): number {
  const size = Math.abs(value);
  if (size >= HALF_OVERFLOW) return value < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (size === 0) return value;
  const step = 2 ** (Math.max(exponentOf(size), -14) - 10);
  const count = size / step;
  const below = Math.floor(count);
  const rest = count - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0;
  return (value < 0 ? -1 : 1) * (below + up) * step;
}

export const HALF: FloatSize = {
  digitsSafe: 3,
  digitsMax: 5,
  normalMin: 2 ** -14,
  max: HALF_MAX,
  round: roundHalf,
};
export const SINGLE: FloatSize = {
  digitsSafe: 6,
  digitsMax: 9,
  normalMin: 2 ** -126,
  max: 3.4028234663852886e38,
  round: Math.fround,
};
export const DOUBLE: FloatSize = {
  digitsSafe: 15,
  digitsMax: 17,
  normalMin: 2 ** -1022,
  max: Number.MAX_VALUE,
  round: (value) => value,
};

/** A finite double as the decimal it is, to the last digit. */
export function exactOf(value: number): Exact {
  if (Number.isInteger(value)) return { digits: BigInt(value), scale: 0 };
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const biased = Number((raw >> MANTISSA_BITS) & 0x7ffn);
  let mantissa = biased === 0 ? raw & MANTISSA_MASK : (raw & MANTISSA_MASK) | (1n << MANTISSA_BITS);
  let power = biased === 0 ? EXPONENT_MIN : biased - 1075;
  while ((mantissa & 1n) === 0n) {
    mantissa >>= 1n;
    power += 1;
  }
  const digits = mantissa * 5n ** BigInt(-power);
  return { digits: value < 0 ? -digits : digits, scale: -power };
}

function isGreater(a: Exact, b: Exact): boolean {
  return a.digits * 10n ** BigInt(b.scale) > b.digits * 10n ** BigInt(a.scale);
}

/** The value of this width nearest to a number text, which is not the double's nearest where the double is a tie. */
export function nearestOf(text: string, size: FloatSize): number {
  const double = Number(text);
  const near = size.round(double);
  if (near === double || !Number.isFinite(near)) return near;
  const other = 2 * double - near;
  if (size.round(other) !== other) return near;
  // The double lies just between two values: only the text says which one is nearer.
  const exact = parseExact(text);
  const middle = exactOf(double);
  if (!exact || gapOf(exact, middle).digits === 0n) return near;
  return isGreater(exact, middle) ? Math.max(near, other) : Math.min(near, other);
}

const ZERO = 48;
const NINE = 57;

/** Digits between the first and the last that is not 0; of a text by the number grammar. */
export function significantDigits(text: string): number {
  let count = 0;
  let trailing = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 101 || code === 69) break;
    if (code < ZERO || code > NINE) continue;
    if (code !== ZERO) {
      count += trailing + 1;
      trailing = 0;
    } else if (count > 0) trailing += 1;
  }
  return count;
}

/** Whether `text`, a number by the grammar, spells `value`, the nearest of this width (W1). */
export function isSpelling(text: string, value: number, size: FloatSize): boolean {
  const count = significantDigits(text);
  if (count === 0) return value === 0;
  const isNormal = Math.abs(value) >= size.normalMin;
  if (count <= size.digitsSafe && isNormal) return true;
  if (count <= size.digitsMax) {
    const shown = value.toPrecision(count);
    // Two texts of up to 15 digits are the same number exactly when their doubles are.
    const isSame =
      count <= DOUBLE.digitsSafe && Math.abs(value) >= DOUBLE.normalMin
        ? Number(shown) === Number(text)
        : isSameNumber(shown, text);
    if (isSame) return true;
  }
  if (size !== DOUBLE && Number(text) === value) return isSpelling(text, value, DOUBLE);
  const exact = parseExact(text);
  return exact !== undefined && gapOf(exact, exactOf(value)).digits === 0n;
}

function isSameNumber(a: string, b: string): boolean {
  const [first, second] = [parseExact(a), parseExact(b)];
  return first !== undefined && second !== undefined && gapOf(first, second).digits === 0n;
}
