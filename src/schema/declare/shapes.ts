/** What one value looks like: the alphabet of inference. */
import { type Exact, parseExact } from '../number-grammar.ts';
import { parseIsoDate, parseIsoTime } from '../time-grammar.ts';

/**
 * `long` and `ulong` are integers that need 64 bits, `decimal` a number that neither those nor a double hold exactly;
 * `zoned` and `naive` are times with and without an offset.
 */
export const SHAPES = [
  'int',
  'long',
  'ulong',
  'decimal',
  'float',
  'bool',
  'date',
  'zoned',
  'naive',
  'text',
  'bytes',
  'object',
  'array',
] as const;
export type Shape = (typeof SHAPES)[number];

/** A value with what its type needs to know of it. */
export interface Seen {
  readonly shape: Shape;
  /** The number as it is written, where that is known. */
  readonly exact?: Exact;
  /** Decimals of a second. */
  readonly decimals?: number;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const DECIMAL_DIGITS_MAX = 76;
/** Every text of so many significant digits is told apart by a double of usual size. */
const SAFE_DIGITS = 15;
/** Of `toPrecision`. */
const PRECISION_MAX = 100;
const SMALLEST_NORMAL = 2.2250738585072014e-308;

function seeInteger(value: bigint): Seen {
  const exact = { digits: value, scale: 0 };
  if (Number.isSafeInteger(Number(value))) return { shape: 'int', exact };
  if (value >= INT64_MIN && value <= INT64_MAX) return { shape: 'long', exact };
  if (value > 0n && value <= UINT64_MAX) return { shape: 'ulong', exact };
  return digitsOf(exact).whole <= DECIMAL_DIGITS_MAX ? { shape: 'decimal', exact } : { shape: 'text' };
}

function seeNumber(value: number): Seen {
  if (Number.isSafeInteger(value)) return { shape: 'int', exact: { digits: BigInt(value), scale: 0 } };
  return { shape: Number.isFinite(value) ? 'float' : 'text' };
}

/** Digits before and after the point. */
export function digitsOf({ digits, scale }: Exact): { readonly whole: number; readonly scale: number } {
  const length = String(digits < 0n ? -digits : digits).length;
  return { whole: Math.max(0, length - scale), scale };
}

/** Whether the text is a spelling of the double that it is read as, so that nothing is lost on the way. */
function isDouble(text: string, exact: Exact): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  const significant = String(exact.digits).replace(/^-/, '').replace(/0+$/, '').length || 1;
  if (significant <= SAFE_DIGITS && Math.abs(value) >= SMALLEST_NORMAL) return true;
  if (significant > PRECISION_MAX) return false;
  const again = parseExact(value.toPrecision(significant));
  const scale = Math.max(exact.scale, again?.scale ?? 0);
  return again !== undefined && scaled(again, scale) === scaled(exact, scale);
}

function scaled({ digits, scale }: Exact, to: number): bigint {
  return digits * 10n ** BigInt(to - scale);
}

function seeUntyped(text: string): Seen {
  if (text === 'true' || text === 'false') return { shape: 'bool' };
  if (INTEGER.test(text) && text.length <= DECIMAL_DIGITS_MAX + 1) return seeInteger(BigInt(text));
  const exact = parseExact(text);
  if (!exact) return { shape: 'text' };
  if (isDouble(text, exact)) return { shape: 'float', exact };
  const { whole, scale } = digitsOf(exact);
  return whole + scale <= DECIMAL_DIGITS_MAX ? { shape: 'decimal', exact } : { shape: 'text' };
}

function seeText(text: string, untyped: boolean): Seen {
  if (parseIsoDate(text)) return { shape: 'date' };
  const moment = parseIsoTime(text);
  if (moment) {
    return { shape: moment.offsetMinutes === undefined ? 'naive' : 'zoned', decimals: moment.fraction.length };
  }
  return untyped ? seeUntyped(text) : { shape: 'text' };
}

/**
 * @param untyped the value is from a format without types: numbers and booleans are recognised in text
 */
export function seeValue(value: NonNullable<unknown>, untyped: boolean): Seen {
  if (typeof value === 'string') return seeText(value, untyped);
  if (typeof value === 'number') return seeNumber(value);
  if (typeof value === 'bigint') return seeInteger(value);
  if (typeof value === 'boolean') return { shape: 'bool' };
  if (value instanceof Uint8Array) return { shape: 'bytes' };
  return { shape: Array.isArray(value) ? 'array' : 'object' };
}
