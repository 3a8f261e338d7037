/**
 * Dates and times from text by a strict grammar, without Date.parse, which guesses ("12" is December 2001)
 * and rolls over (29 February 2023 becomes 1 March).
 */
import type { TimeUnit } from '../core/columns.ts';

const ISO_DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const ISO_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;
/** What the strict form allows, plus: a space for the T, no seconds, a comma, more decimals, `+0200`, lower case. */
const LOOSE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?\s?([Zz]|[+-]\d\d(?::?\d\d)?)?)?$/;

const DAY_SECONDS = 86_400;
const NANO_DIGITS = 9;
const UNIT_DIGITS: Readonly<Record<TimeUnit, number>> = { s: 0, ms: 3, us: 6, ns: 9 };
const UNIT_POWER: Readonly<Record<TimeUnit, bigint>> = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n };
const YEAR_MAX = 253_402_300_799n;
const YEAR_MIN = -62_167_219_200n;
const INT64_MAX = 2n ** 63n - 1n;

/** A day and a time of day as written; nothing is converted yet. */
export interface Moment {
  /** Days since 1970-01-01 in the proleptic Gregorian calendar. */
  readonly days: number;
  /** Seconds of the day. */
  readonly seconds: number;
  /** Decimals of the second, as digits. */
  readonly fraction: string;
  /** East of UTC; undefined when the text has none. */
  readonly offsetMinutes: number | undefined;
  readonly hasTime: boolean;
}

/** The parts of a moment as text; absent parts are undefined. */
export interface MomentParts {
  readonly year: string | undefined;
  readonly month: string | undefined;
  readonly day: string | undefined;
  readonly hour?: string | undefined;
  readonly minute?: string | undefined;
  readonly second?: string | undefined;
  readonly fraction?: string | undefined;
  readonly offset?: string | undefined;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function daysBeforeYear(year: number): number {
  const past = year - 1;
  return year * 365 + Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
}

const EPOCH_DAYS = daysBeforeYear(1970);

function countDays(year: number, month: number, day: number): number {
  let days = daysBeforeYear(year) - EPOCH_DAYS + day - 1;
  for (let past = 1; past < month; past += 1) days += daysInMonth(year, past);
  return days;
}

function parseOffset(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'Z' || text === 'z') return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(3).replace(':', ''));
  if (hours > 23 || minutes > 59) return Number.NaN;
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** @returns undefined when a part is out of its range: 29 Feb of a common year, 24:00, second 60 */
export function makeMoment(parts: MomentParts): Moment | undefined {
  const year = Number(parts.year);
  const month = Number(parts.month);
  const day = Number(parts.day);
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined;
  const hour = Number(parts.hour ?? 0);
  const minute = Number(parts.minute ?? 0);
  const second = Number(parts.second ?? 0);
  const offsetMinutes = parseOffset(parts.offset);
  if (hour > 23 || minute > 59 || second > 59 || Number.isNaN(offsetMinutes)) return undefined;
  return {
    days: countDays(year, month, day),
    seconds: hour * 3600 + minute * 60 + second,
    fraction: parts.fraction ?? '',
    offsetMinutes,
    hasTime: parts.hour !== undefined,
  };
}

function fromMatch(match: RegExpExecArray | null): Moment | undefined {
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  return makeMoment({ year, month, day, hour, minute, second, fraction, offset });
}

/** `2024-02-29`, or undefined. */
export function parseIsoDate(text: string): Moment | undefined {
  return fromMatch(ISO_DATE.exec(text));
}

/** `2024-02-29T12:00:00.5Z`, with or without decimals (up to 9) and offset, or undefined. */
export function parseIsoTime(text: string): Moment | undefined {
  return fromMatch(ISO_TIME.exec(text));
}

/** ISO as people write it, date alone included; the order of day and month is never guessed. */
export function parseLooseTime(text: string): Moment | undefined {
  return fromMatch(LOOSE_TIME.exec(text));
}

/** Count of `unit` since 1970, toward the past when decimals do not fit; undefined outside of 64 bits. */
export function toUnit(
  moment: Moment,
  unit: TimeUnit,
): { readonly count: bigint; readonly isExact: boolean } | undefined {
  const digits = UNIT_DIGITS[unit];
  const seconds = moment.days * DAY_SECONDS + moment.seconds - (moment.offsetMinutes ?? 0) * 60;
  const fraction = moment.fraction.padEnd(NANO_DIGITS, '0');
  const whole = BigInt(seconds) * UNIT_POWER[unit];
  const count = digits === 0 || moment.fraction === '' ? whole : whole + BigInt(fraction.slice(0, digits));
  const isExact = moment.fraction === '' || /^0*$/.test(fraction.slice(digits));
  return isInt64(count) ? { count, isExact } : undefined;
}

export function isInt64(count: bigint): boolean {
  return count >= -INT64_MAX - 1n && count <= INT64_MAX;
}

/** The decimals of a second that `unit` drops, as a part of the unit: 0.5 for `…00.0005` in milliseconds. */
export function droppedPart({ fraction }: Moment, unit: TimeUnit): number {
  const dropped = fraction.slice(UNIT_DIGITS[unit]);
  return dropped === '' ? 0 : Math.max(Number(`0.${dropped}`), /[1-9]/.test(dropped) ? Number.MIN_VALUE : 0);
}

/** Whether a count is in the years 0000 to 9999. */
export function isYearKnown(count: bigint, unit: TimeUnit): boolean {
  const per = UNIT_POWER[unit];
  return count >= YEAR_MIN * per && count < (YEAR_MAX + 1n) * per;
}

/** `2024-02-29T12:00:00.500Z` with all the decimals of the unit; undefined outside of the years 0000 to 9999. */
export function formatTime(count: bigint, unit: TimeUnit): string | undefined {
  const per = UNIT_POWER[unit];
  const fraction = ((count % per) + per) % per;
  const seconds = (count - fraction) / per;
  if (!isYearKnown(count, unit)) return undefined;
  const shown = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const digits = UNIT_DIGITS[unit];
  return digits === 0 ? `${shown}Z` : `${shown}.${String(fraction).padStart(digits, '0')}Z`;
}

/** Units of `unit` in a second. */
export function unitsPerSecond(unit: TimeUnit): bigint {
  return UNIT_POWER[unit];
}

/** Decimals of a second that `unit` counts: 3 for milliseconds. */
export function unitDigits(unit: TimeUnit): number {
  return UNIT_DIGITS[unit];
}
