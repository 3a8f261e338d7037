/** Columns of dates and timestamps. */
import type { TimeUnit } from '../core/columns.ts';
import { formatDay } from '../core/day.ts';
import { type Exact, parseExact } from './number-grammar.ts';
import {
  type Conversion,
  converted,
  type Dialect,
  epochUnitOf,
  Fault,
  OUT_OF_RANGE,
  type Reader,
  TOO_PRECISE,
  WRONG_FORMAT,
  WRONG_TYPE,
} from './reader.ts';
import { countOf, exactNumber, timeFromCount, timeFromNumber } from './rules/time-from-number.ts';
import type { TimeFormat } from './time-format.ts';
import {
  droppedPart,
  type Moment,
  parseIsoDate,
  parseIsoTime,
  parseLooseTime,
  toUnit,
} from './time-grammar.ts';

const UTC_NAMES: ReadonlySet<string> = new Set(['UTC', 'Etc/UTC', 'GMT', 'Z', '+00:00']);
/** Decimals of a time are bounded by its grammar, so a longer text is none. */
const TEXT_MAX = 200;

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
    if (value.length > TEXT_MAX) return WRONG_FORMAT;
    const declared = parseDeclared(value, format);
    if (declared === 'invalid') return WRONG_FORMAT;
    const moment = declared === 'other' ? parseIsoDate(value) : declared;
    return moment ? asDay(moment) : WRONG_FORMAT;
  };
  return {
    type: 'date',
    read,
    convert(value) {
      if (typeof value !== 'string' || value.length > TEXT_MAX) return undefined;
      const text = value.trim();
      const strict = read(text);
      if (typeof strict === 'string') return converted(strict, 'time-from-text', false);
      const moment = parseDeclared(text, format) === 'other' ? parseLooseTime(text) : undefined;
      const cell = moment && asDay(moment);
      return typeof cell === 'string' ? converted(cell, 'time-from-text', false) : undefined;
    },
  };
}

export interface TimestampOptions {
  readonly unit: TimeUnit;
  /** Name of the zone, or undefined for timestamps without one. Text without an offset is then UTC. */
  readonly zone: string | undefined;
  readonly format: TimeFormat | undefined;
  /** The unit of numbers, which then conform; undefined = numbers are a mismatch and their size is looked at. */
  readonly epoch: TimeUnit | undefined;
}

/** Whether texts without an offset say when it was. */
function takesNaive(zone: string | undefined): boolean {
  return zone === undefined || UTC_NAMES.has(zone);
}

/** The strict reading of text. */
function textReaderOf({ unit, zone, format }: TimestampOptions): (text: string) => bigint | Fault {
  return (text) => {
    if (text.length > TEXT_MAX) return WRONG_FORMAT;
    const declared = parseDeclared(text, format);
    const moment = declared === 'other' ? parseIsoTime(text) : declared;
    if (!moment || moment === 'invalid') return WRONG_FORMAT;
    // A column with a zone says what instant it means, and so must the text, unless its form was declared.
    const isVague =
      moment.offsetMinutes === undefined && (declared === 'other' ? zone !== undefined : !takesNaive(zone));
    if (isVague) return WRONG_FORMAT;
    const counted = toUnit(moment, unit);
    if (!counted) return OUT_OF_RANGE;
    return counted.isExact ? counted.count : TOO_PRECISE;
  };
}

function timeFromText(value: string, { unit, zone, format }: TimestampOptions): Conversion | undefined {
  if (value.length > TEXT_MAX) return undefined;
  const text = value.trim();
  const declared = parseDeclared(text, format);
  const moment = declared === 'other' ? parseLooseTime(text) : declared;
  if (!moment || moment === 'invalid') return undefined;
  if (moment.offsetMinutes === undefined && !takesNaive(zone)) return undefined;
  const counted = toUnit(moment, unit);
  if (!counted) return undefined;
  return counted.isExact
    ? converted(counted.count, 'time-from-text', false)
    : converted(counted.count, 'rounded', false, droppedPart(moment, unit));
}

/** A count in a known unit: exactly, or not at all. */
function readCount(exact: Exact | undefined, from: TimeUnit, to: TimeUnit): bigint | Fault {
  const counted = exact && countOf(exact, from, to);
  if (!counted) return OUT_OF_RANGE;
  return counted.error > 0 ? TOO_PRECISE : counted.count;
}

/** The number that a text holds where times are declared to be numbers. */
function numberIn(value: string): Exact | undefined {
  return value.length <= TEXT_MAX ? parseExact(value.trim()) : undefined;
}

export function timestampReader(options: TimestampOptions): Reader {
  const { unit, epoch } = options;
  const readText = textReaderOf(options);
  /** The unit in which this number is a time for certain. */
  const knownUnit = (value: number | bigint, dialect: Dialect): TimeUnit | undefined =>
    (typeof value === 'bigint' ? epochUnitOf(dialect) : undefined) ?? epoch;
  return {
    type: 'timestamp',
    unit,
    read(value, dialect) {
      if (typeof value === 'string') {
        const text = readText(value);
        if (!(text instanceof Fault) || epoch === undefined || dialect !== 'text') return text;
        const count = value.trim() === value ? numberIn(value) : undefined;
        return count === undefined ? text : readCount(count, epoch, unit);
      }
      if (typeof value !== 'bigint' && typeof value !== 'number') return WRONG_TYPE;
      const from = knownUnit(value, dialect);
      return from === undefined ? WRONG_TYPE : readCount(exactNumber(value), from, unit);
    },
    convert(value, dialect) {
      if (typeof value === 'string') {
        const count = epoch === undefined ? undefined : numberIn(value);
        return count && epoch ? timeFromCount(count, epoch, unit) : timeFromText(value, options);
      }
      if (typeof value !== 'bigint' && typeof value !== 'number') return undefined;
      return timeFromNumber(value, unit, knownUnit(value, dialect));
    },
  };
}
