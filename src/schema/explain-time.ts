/** The diff validator's view of time: writes the new cell back as digits and compares those with the old text. */
import type { Cell, TimeUnit } from '../core/columns.ts';
import { type Exact, gapOf, parseExact, powerOfTen } from './number-grammar.ts';
import type { FieldPlan } from './plan.ts';
import { type Dialect, epochUnitOf } from './reader.ts';
import { type Moment, toUnit, unitDigits, unitsPerSecond } from './time-grammar.ts';

const OFFSET = /([+-])(\d\d):?(\d\d)?$/;
/** YYYYMMDDHHMMSS */
const SECOND_DIGITS = 14;
const TEXT_MAX = 200;

function digitsOf(text: string): string {
  return text.replace(/\D/g, '');
}

/** `YYYYMMDDHHMMSS` and the decimals of the unit, shifted east. */
function showDigits(field: FieldPlan, cell: string | bigint, eastMinutes: number): string {
  if (typeof cell === 'string') return digitsOf(cell).padEnd(SECOND_DIGITS, '0');
  const decimals = unitDigits(field.column.unit ?? 's');
  const perSecond = 10n ** BigInt(decimals);
  const fraction = ((cell % perSecond) + perSecond) % perSecond;
  const seconds = (cell - fraction) / perSecond + BigInt(eastMinutes * 60);
  const shown = new Date(Number(seconds) * 1000);
  if (Number.isNaN(shown.getTime())) return '';
  const tail = decimals === 0 ? '' : String(fraction).padStart(decimals, '0');
  return digitsOf(shown.toISOString()).slice(0, SECOND_DIGITS) + tail;
}

function isRead(moment: Moment, field: FieldPlan, after: bigint, isExact: boolean): boolean {
  const counted = toUnit(moment, field.column.unit ?? 's');
  return counted?.count === after && counted.isExact === isExact;
}

/** The number that digits from `start` to before `end` spell; NaN when one is no digit. */
function digitsAt(text: string, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** `YYYYMMDD` of a count of days since 1970, as a number. */
function dayNumber(days: number): number {
  // Years from March, so that the leap day is the last day of one; eras of 400 years repeat.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const day = shifted - era * 146_097;
  const year = Math.floor(
    (day - Math.floor(day / 1460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365,
  );
  const dayOfYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * month + 2) / 5) + 1;
  const january = month < 10 ? 0 : 1;
  return (era * 400 + year + january) * 10_000 + (month < 10 ? month + 3 : month - 9) * 100 + dayOfMonth;
}

/**
 * The usual form, `2024-02-29 10:30:00` with or without Z and nothing else, in numbers.
 * @returns undefined when the text has another form
 */
function isPlainTime(text: string, count: bigint, unit: TimeUnit): boolean | undefined {
  const isUtc = text.length === 20 && (text.charCodeAt(19) | 32) === 122;
  if (text.length !== 19 && !isUtc) return undefined;
  const day = digitsAt(text, 0, 4) * 10_000 + digitsAt(text, 5, 7) * 100 + digitsAt(text, 8, 10);
  const second = digitsAt(text, 11, 13) * 3600 + digitsAt(text, 14, 16) * 60 + digitsAt(text, 17, 19);
  if (Number.isNaN(day + second)) return undefined;
  const per = unitsPerSecond(unit);
  const seconds = Number(count / per);
  if (count % per !== 0n) return false;
  const days = Math.floor(seconds / 86_400);
  return seconds - days * 86_400 === second && dayNumber(days) === day;
}

/** Whether text and cell are the same day and time: to the last digit, or only down to the column's unit. */
export function isTimeOf(field: FieldPlan, before: unknown, after: Cell, isExact: boolean): boolean {
  if (typeof before !== 'string' || (typeof after !== 'string' && typeof after !== 'bigint')) return false;
  if (before.length > TEXT_MAX) return false;
  const text = before.trim();
  // A declared format has its own order of digits: it is read again.
  const declared = field.format?.parse(text);
  if (declared && typeof declared === 'object') {
    return typeof after === 'bigint'
      ? isRead(declared, field, after, isExact)
      : isExact && field.reader.read(text, 'typed') === after;
  }
  const plain = typeof after === 'bigint' ? isPlainTime(text, after, field.column.unit ?? 's') : undefined;
  if (plain !== undefined) return plain && isExact;
  const offset = text.length > 10 ? OFFSET.exec(text.slice(10)) : null;
  const east = offset ? Number(offset[2]) * 60 + Number(offset[3] ?? 0) : 0;
  const shown = showDigits(field, after, offset?.[1] === '-' ? -east : east);
  const written = digitsOf(offset ? text.slice(0, -offset[0].length) : text).padEnd(shown.length, '0');
  const isWhole = /^0*$/.test(written.slice(shown.length));
  return shown !== '' && written.startsWith(shown) && isWhole === isExact;
}

const UNITS = ['s', 'ms', 'us', 'ns'] as const;

/** The number that a value is, or that its text holds where times are declared to be numbers. */
function exactOfTime(field: FieldPlan, before: unknown): Exact | undefined {
  if (typeof before === 'bigint') return { digits: before, scale: 0 };
  if (typeof before === 'number') return parseExact(String(before));
  return typeof before === 'string' && field.epoch ? parseExact(before.trim()) : undefined;
}

/** Whether the cell is this number of some unit, or of the one that is declared: exactly, or the nearest to it. */
export function isEpochOf(
  field: FieldPlan,
  before: unknown,
  after: Cell,
  isExact: boolean,
  dialect: Dialect,
): boolean {
  const exact = typeof after === 'bigint' ? exactOfTime(field, before) : undefined;
  if (!exact || typeof after !== 'bigint') return false;
  const known = (typeof before === 'bigint' ? epochUnitOf(dialect) : undefined) ?? field.epoch;
  const to = unitDigits(field.column.unit ?? 's');
  return (known ? [known] : UNITS).some((unit) => {
    // Both sides in the finer of the two units.
    const power = unitDigits(unit) - to;
    const cell = { digits: after * powerOfTen(Math.max(0, power)), scale: 0 };
    const gap = gapOf({ digits: exact.digits * powerOfTen(Math.max(0, -power)), scale: exact.scale }, cell);
    if (isExact || gap.digits === 0n) return isExact && gap.digits === 0n;
    return gap.digits * 2n <= powerOfTen(Math.max(0, power)) * powerOfTen(gap.scale);
  });
}
