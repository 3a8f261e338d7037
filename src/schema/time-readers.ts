/** Columns of dates and timestamps. */
import type { TimeUnit } from '../core/columns.ts';
import { formatDay } from '../core/day.ts';
import { parseExact, rescale } from './number-grammar.ts';
import {
  type Conversion,
  type Fault,
  OUT_OF_RANGE,
  type Reader,
  TOO_PRECISE,
  WRONG_FORMAT,
  WRONG_TYPE,
} from './reader.ts';
import type { TimeFormat } from './time-format.ts';
import { type Moment, parseIsoDate, parseIsoTime, parseLooseTime, toUnit, unitDigits } from './time-grammar.ts';

const INT64_MAX = 2n ** 63n - 1n;
/** Below: seconds (until the year 5138); from here to `MILLISECONDS_MAX`: milliseconds. */
const SECONDS_MAX = 1e11;
const MILLISECONDS_MAX = 1e14;
const UTC_NAMES: ReadonlySet<string> = new Set(['UTC', 'Etc/UTC', 'GMT', 'Z', '+00:00']);

/** A text of the declared shape is never read as ISO: `YYYY-DD-MM` and ISO look alike. */
function parseDeclared(text: string, format: TimeFormat | undefined): Moment | 'other' | 'invalid' {
  return format?.parse(text) ?? 'other';
}

/** A date has no time of day to lose: only midnight without an offset is a date. */
function asDay(moment: Moment): string | Fault {
  const isWhole = moment.seconds === 0 && /^0*$/.test(moment.fraction) && (moment.offsetMinutes ?? 0) === 0;
  return isWhole ? formatDay(moment.days) : TOO_PRECISE;
}

export function dateReader(format: TimeFormat | undefined): Reader {
  const read = (value: unknown): string | Fault => {
    if (typeof value !== 'string') return WRONG_TYPE;
    const declared = parseDeclared(value, format);
    if (declared === 'invalid') return WRONG_FORMAT;
    const moment = declared === 'other' ? parseIsoDate(value) : declared;
    return moment ? asDay(moment) : WRONG_FORMAT;
  };
  return {
    type: 'date',
    read,
    convert(value) {
      if (typeof value !== 'string') return undefined;
      const text = value.trim();
      const strict = read(text);
      if (typeof strict === 'string') return { cell: strict, kind: 'time-from-text', lossless: false };
      const moment = parseDeclared(text, format) === 'other' ? parseLooseTime(text) : undefined;
      const cell = moment && asDay(moment);
      return typeof cell === 'string' ? { cell, kind: 'time-from-text', lossless: false } : undefined;
    },
  };
}

export interface TimestampOptions {
  readonly unit: TimeUnit;
  /** Name of the zone, or undefined for timestamps without one. Text without an offset is then UTC. */
  readonly zone: string | undefined;
  readonly format: TimeFormat | undefined;
}

/** Seconds or milliseconds since 1970, by magnitude; larger numbers could be anything. */
function fromNumber(value: number, unit: TimeUnit): Conversion | undefined {
  const exact = Math.abs(value) < MILLISECONDS_MAX ? parseExact(String(value)) : undefined;
  if (!exact) return undefined;
  const shift = Math.abs(value) < SECONDS_MAX ? 0 : unitDigits('ms');
  const { digits, error } = rescale({ digits: exact.digits, scale: exact.scale + shift }, unitDigits(unit));
  if (digits > INT64_MAX || digits < -INT64_MAX - 1n) return undefined;
  return { cell: digits, kind: error > 0 ? 'rounded' : 'time-from-number', lossless: false };
}

export function timestampReader({ unit, zone, format }: TimestampOptions): Reader {
  const takesNaive = zone === undefined || UTC_NAMES.has(zone);
  const readText = (text: string): bigint | Fault => {
    const declared = parseDeclared(text, format);
    const moment = declared === 'other' ? parseIsoTime(text) : declared;
    if (!moment || moment === 'invalid') return WRONG_FORMAT;
    // A column with a zone says what instant it means, and so must the text, unless its form was declared.
    const isVague =
      moment.offsetMinutes === undefined && (declared === 'other' ? zone !== undefined : !takesNaive);
    if (isVague) return WRONG_FORMAT;
    const counted = toUnit(moment, unit);
    if (!counted) return OUT_OF_RANGE;
    return counted.isExact ? counted.count : TOO_PRECISE;
  };
  const convertText = (text: string): Conversion | undefined => {
    const declared = parseDeclared(text, format);
    const moment = declared === 'other' ? parseLooseTime(text) : declared;
    if (!moment || moment === 'invalid') return undefined;
    if (moment.offsetMinutes === undefined && !takesNaive) return undefined;
    const counted = toUnit(moment, unit);
    if (!counted) return undefined;
    return { cell: counted.count, kind: counted.isExact ? 'time-from-text' : 'rounded', lossless: false };
  };
  return {
    type: 'timestamp',
    unit,
    read(value, dialect) {
      if (dialect === 'epoch' && typeof value === 'bigint') {
        return value <= INT64_MAX && value >= -INT64_MAX - 1n ? value : OUT_OF_RANGE;
      }
      return typeof value === 'string' ? readText(value) : WRONG_TYPE;
    },
    convert(value) {
      if (typeof value === 'string') return convertText(value.trim());
      return typeof value === 'number' ? fromNumber(value, unit) : undefined;
    },
  };
}
