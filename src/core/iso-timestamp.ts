/** An instant as ISO 8601 text in UTC with exactly the digits of its unit: the inverse loses nothing. */
import type { TimeUnit } from './time-unit.ts';

const FRACTION_DIGITS: Readonly<Record<TimeUnit, number>> = { s: 0, ms: 3, us: 6, ns: 9 };
const SECONDS_PER_DAY = 86_400;

/**
 * @param count units since 1970, any 64-bit value
 * @returns `2026-11-20T17:48:46.123Z`; years outside 0..9999 carry a sign and at least six digits (`+012345`)
 */
export function isoTimestamp(count: bigint, unit: TimeUnit): string {
  const digits = FRACTION_DIGITS[unit];
  const perSecond = 10n ** BigInt(digits);
  const seconds = floorDivide(count, perSecond);
  const fraction = digits === 0 ? '' : `.${String(count - seconds * perSecond).padStart(digits, '0')}`;
  // 64 bits of seconds are 1.1e14 days: exact as a number.
  const day = Number(floorDivide(seconds, BigInt(SECONDS_PER_DAY)));
  const secondOfDay = Number(seconds - BigInt(day) * BigInt(SECONDS_PER_DAY));
  return `${dateText(day)}T${timeText(secondOfDay)}${fraction}Z`;
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
}

function timeText(secondOfDay: number): string {
  const [hours, minutes, seconds] = [secondOfDay / 3600, (secondOfDay / 60) % 60, secondOfDay % 60];
  return [hours, minutes, seconds].map((part) => pad(Math.floor(part), 2)).join(':');
}

/** Proleptic Gregorian date of a day since 1970, by 400-year eras that start on 1 March. */
function dateText(day: number): string {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${yearText(year)}-${pad(month, 2)}-${pad(dayOfMonth, 2)}`;
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return pad(year, 4);
  return `${year < 0 ? '-' : '+'}${pad(Math.abs(year), 6)}`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
