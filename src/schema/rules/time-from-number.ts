/**
 * A number is a count of seconds, milliseconds, microseconds or nanoseconds since 1970: of the unit that the field
 * declares (`epoch`), else by its size, where the size leaves no other reading.
 */
import type { TimeUnit } from '../../core/columns.ts';
import { type Exact, parseExact, powerOfTen, rescale } from '../number-grammar.ts';
import { type Conversion, converted } from '../reader.ts';
import { isInt64, isYearKnown, unitDigits } from '../time-grammar.ts';
import type { Rule } from './rule.ts';

/**
 * From 1973 to 5138 each unit has a range of its own. Numbers below the first one would be the first days of 1970 in one
 * unit and years away in the next.
 */
const RANGES: readonly (readonly [below: number, unit: TimeUnit])[] = [
  [1e11, 's'],
  [1e14, 'ms'],
  [1e17, 'us'],
  [1e20, 'ns'],
];
const RANGES_START = 1e8;
/** 2024022910, 202402291030, 20240229103000: a day and a time in a row are as likely as a count. */
const WRITTEN_OUT =
  /^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){0,2}(?:\d{3})?$/;

/** The only unit in which a number is a plausible time; 0 is 1970 in all of them. */
export function epochUnitBySize(value: number | bigint): TimeUnit | undefined {
  const size = Math.abs(Number(value));
  if (size === 0) return 's';
  if (size < RANGES_START || WRITTEN_OUT.test(String(value))) return undefined;
  return RANGES.find(([below]) => size < below)?.[1];
}

/**
 * An exact number of `from` as a count of `to`, rounded half away from zero, with the error in units of `to`.
 * @returns undefined outside of 64 bits and of the years 0000 to 9999, which are all that can be written as text
 */
export function countOf(
  value: Exact,
  from: TimeUnit,
  to: TimeUnit,
): { readonly count: bigint; readonly error: number } | undefined {
  // Units of `to` in one of `from`, as a power of ten; the value is scaled before it is rounded, once.
  const power = unitDigits(to) - unitDigits(from);
  const scaled =
    power >= 0
      ? { digits: value.digits * powerOfTen(power), scale: value.scale }
      : { digits: value.digits, scale: value.scale - power };
  const { digits, error } = rescale(scaled, 0);
  return isInt64(digits) && isYearKnown(digits, to) ? { count: digits, error } : undefined;
}

export function exactNumber(value: number | bigint): Exact | undefined {
  if (typeof value === 'bigint') return { digits: value, scale: 0 };
  // A double beyond 2^53 may stand for any of several integers.
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? parseExact(String(value)) : undefined;
}

/** `epoch` is the unit of the number where that is known. */
export function timeFromNumber(
  value: number | bigint,
  unit: TimeUnit,
  epoch: TimeUnit | undefined,
): Conversion | undefined {
  const from = epoch ?? epochUnitBySize(value);
  const exact = from === undefined ? undefined : exactNumber(value);
  return exact && from && timeFromCount(exact, from, unit);
}

export function timeFromCount(value: Exact, from: TimeUnit, to: TimeUnit): Conversion | undefined {
  const counted = countOf(value, from, to);
  if (!counted) return undefined;
  const { count, error } = counted;
  return converted(count, error > 0 ? 'rounded' : 'time-from-number', false, error);
}

export const timeFromNumberRule: Rule = { loss: 'which unit the count was in' };
