/** When two numbers are the same, and how far apart they are: exactly, whatever they are held as. */
import { type Exact, parseExact, rescale } from '../schema/number-grammar.ts';
import { Decimal } from './typed-value.ts';

/** How far two numbers may be apart. */
export interface Epsilon {
  readonly exact: Exact;
  /** As a part of the larger magnitude of the two, instead of absolute. */
  readonly isRelative: boolean;
  /** About the same, to decide quickly what is far from the limit. */
  readonly nearly: number;
}

/**
 * The value of a number, or of text that spells one by the grammar of JSON; undefined for everything else. A fraction
 * held as a double counts as the shortest decimal that reads back as it: 0.1 is one tenth. An integer is its own value.
 */
export function exactOf(value: unknown): Exact | undefined {
  if (typeof value === 'bigint') return { digits: value, scale: 0 };
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return { digits: BigInt(value), scale: 0 };
    return parseExact(String(value));
  }
  if (typeof value === 'string') return parseExact(value);
  return value instanceof Decimal ? parseExact(value.text) : undefined;
}

function digitsAt(value: Exact, scale: number): bigint {
  return rescale(value, scale).digits;
}

function magnitude(digits: bigint): bigint {
  return digits < 0n ? -digits : digits;
}

function largerOf(x: bigint, y: bigint): bigint {
  const [a, b] = [magnitude(x), magnitude(y)];
  if (a > b) return a;
  return b;
}

/** Whether both are the same number: 1, 1.0 and 1e0 are; 2^53 and 2^53 + 1 are not. */
export function isSameExact(a: Exact, b: Exact): boolean {
  const scale = Math.max(a.scale, b.scale);
  return digitsAt(a, scale) === digitsAt(b, scale);
}

/** Whether |a - b| <= epsilon, or <= epsilon × max(|a|, |b|), in exact arithmetic. */
export function isExactlyWithin(a: Exact, b: Exact, epsilon: Epsilon): boolean {
  const scale = Math.max(a.scale, b.scale);
  const [x, y] = [digitsAt(a, scale), digitsAt(b, scale)];
  const distance = { digits: magnitude(x - y), scale };
  const { exact, isRelative } = epsilon;
  const limit = isRelative ? { digits: exact.digits * largerOf(x, y), scale: exact.scale + scale } : exact;
  const common = Math.max(scale, limit.scale);
  return digitsAt(distance, common) <= digitsAt(limit, common);
}

/** Beyond this part of the limit, rounding of doubles cannot have decided. */
const SURE = 1e-9;

/** Two finite doubles against an epsilon: doubles decide what is clear, exact arithmetic what is close to the limit. */
export function areDoublesWithin(a: number, b: number, epsilon: Epsilon): boolean {
  const larger = Math.max(Math.abs(a), Math.abs(b));
  const limit = epsilon.isRelative ? epsilon.nearly * larger : epsilon.nearly;
  const distance = Math.abs(a - b);
  // The difference of two doubles is off by up to an ulp of the larger one.
  const doubt = limit * SURE + larger * Number.EPSILON * 2;
  if (distance < limit - doubt) return true;
  if (distance > limit + doubt) return false;
  const [x, y] = [exactOf(a), exactOf(b)];
  return x !== undefined && y !== undefined && isExactlyWithin(x, y, epsilon);
}

/** The decimal text of a number that is the same for all ways to hold or spell it: no exponent, no trailing zeros. */
export function canonicalDigits({ digits, scale }: Exact): string {
  if (digits === 0n) return '0';
  const text = magnitude(digits)
    .toString()
    .padStart(scale + 1, '0');
  const point = text.length - scale;
  const fraction = text.slice(point).replace(/0+$/, '');
  return `${digits < 0n ? '-' : ''}${text.slice(0, point)}${fraction === '' ? '' : `.${fraction}`}`;
}
