/**
 * Tests that a value conforms, without making its cell: far cheaper than the reader, and never in disagreement with it.
 *
 * A1 what a test accepts, the reader accepts in every dialect; what it does not accept, the reader decides.
 */
import { ArrowTimeUnit, DataType, type Field, FloatWidth } from '../arrow.ts';

const NESTED_MAX = 64;
const ZERO = 48;
const DASH = 45;
const COLON = 58;
const POINT = 46;
const UPPER_T = 84;
const UPPER_Z = 90;
/** Inside of the years that a 64-bit count of nanoseconds can hold. */
const YEAR_MIN = 1678;
const YEAR_MAX = 2261;
const MONTH_DAYS = Uint8Array.of(0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

/** Two digits as a number, or a number above 99. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 100;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function startsWithDay(text: string): boolean {
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return false;
  const century = twoDigits(text, 0);
  const ofCentury = twoDigits(text, 2);
  const year = century * 100 + ofCentury;
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (
    century > 99 ||
    ofCentury > 99 ||
    year < YEAR_MIN ||
    year > YEAR_MAX ||
    month < 1 ||
    month > 12 ||
    day < 1
  )
    return false;
  return day <= (MONTH_DAYS[month] ?? 0) || (day === 29 && month === 2 && isLeap(year));
}

/** `2024-02-29` of the years 1678 to 2261. */
export function isPlainDay(text: string): boolean {
  return text.length === 10 && startsWithDay(text);
}

/** `2024-02-29T12:00:00.5Z` of the years 1678 to 2261, with at most `decimalsMax` decimals. */
export function isPlainInstant(text: string, decimalsMax: number): boolean {
  const last = text.length - 1;
  if (last < 19 || last > 29 || text.charCodeAt(last) !== UPPER_Z) return false;
  if (text.charCodeAt(10) !== UPPER_T || text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON)
    return false;
  if (twoDigits(text, 11) > 23 || twoDigits(text, 14) > 59 || twoDigits(text, 17) > 59) return false;
  if (last > 19) {
    const decimals = last - 20;
    if (text.charCodeAt(19) !== POINT || decimals === 0 || decimals > decimalsMax) return false;
    for (let at = 20; at < last; at += 1) {
      const digit = text.charCodeAt(at) - ZERO;
      if (!(digit >= 0 && digit <= 9)) return false;
    }
  }
  return startsWithDay(text);
}

/** A value that has JSON text which means the same: no lone surrogates, infinities or objects that write themselves. */
export function isPlainJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed();
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return true;
    case 'object':
      return value === null || (depth < NESTED_MAX && isPlainNested(value, depth + 1));
    default:
      return false;
  }
}

function isPlainNested(value: object, depth: number): boolean {
  if (Array.isArray(value)) return value.every((element) => isPlainJson(element, depth));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const members = value as Readonly<Record<string, unknown>>;
  if (typeof members['toJSON'] === 'function') return false;
  for (const name in members) {
    const member = members[name];
    if (typeof member === 'string' ? !member.isWellFormed() : !isPlainJson(member, depth)) return false;
  }
  return true;
}

/** A test of one field as JavaScript over the variable `v`, and the same as a function. */
export interface FastAccept {
  readonly code: string;
  accepts(value: unknown): boolean;
}

/** Metadata that does not change which values conform, beside the bounds, which are read here. */
const HARMLESS: ReadonlySet<string> = new Set([
  'key',
  'essential',
  'optional',
  'nullable',
  'aliases',
  'tolerance',
  'precision',
  'minimum',
  'maximum',
  'json',
]);

const NEVER: FastAccept = { code: 'false', accepts: () => false };
const BOOL: FastAccept = { code: 'typeof v === "boolean"', accepts: (value) => typeof value === 'boolean' };
const TEXT: FastAccept = {
  code: 'typeof v === "string" && v.isWellFormed()',
  accepts: (value) => typeof value === 'string' && value.isWellFormed(),
};
const JSON_TEXT: FastAccept = {
  code: 'typeof v === "object" && v !== null && isPlainJson(v, 0)',
  accepts: (value) => typeof value === 'object' && value !== null && isPlainJson(value),
};
const DAY: FastAccept = {
  code: 'typeof v === "string" && isPlainDay(v)',
  accepts: (value) => typeof value === 'string' && isPlainDay(value),
};

const DECIMALS = {
  [ArrowTimeUnit.SECOND]: 0,
  [ArrowTimeUnit.MILLISECOND]: 3,
  [ArrowTimeUnit.MICROSECOND]: 6,
  [ArrowTimeUnit.NANOSECOND]: 9,
} as const;

function instantAccept(unit: ArrowTimeUnit): FastAccept {
  const decimals = DECIMALS[unit];
  return {
    code: `typeof v === "string" && isPlainInstant(v, ${decimals})`,
    accepts: (value) => typeof value === 'string' && isPlainInstant(value, decimals),
  };
}

/** A bound as a number; NaN when the number is not exactly what was declared, for then the reader has to say. */
function boundOf(field: Field, key: string, otherwise: number): number {
  const text = field.metadata.get(key);
  if (text === undefined) return otherwise;
  return String(Number(text)) === text ? Number(text) : Number.NaN;
}

function numberAccept(field: Field, low: number, high: number, isWhole: boolean): FastAccept {
  const min = Math.max(low, boundOf(field, 'minimum', low));
  const max = Math.min(high, boundOf(field, 'maximum', high));
  if (Number.isNaN(min) || Number.isNaN(max)) return NEVER;
  const isSmall = min >= -(2 ** 31) && max < 2 ** 31;
  const whole = isSmall ? '(v | 0) === v && ' : 'Number.isSafeInteger(v) && ';
  return {
    code: `typeof v === "number" && ${isWhole ? whole : ''}v >= ${min} && v <= ${max}`,
    accepts: (value) =>
      typeof value === 'number' && value >= min && value <= max && (!isWhole || Number.isSafeInteger(value)),
  };
}

function integerAccept(field: Field, bitWidth: number, isSigned: boolean): FastAccept {
  const bits = Math.min(bitWidth, 54);
  const low = isSigned ? -(2 ** (bits - 1)) : 0;
  return numberAccept(field, low, isSigned ? -low - 1 : 2 ** Math.min(bits, 53) - 1, true);
}

/** Made once per field. A field with rules that no test here knows is left to its reader. */
export function fastAcceptOf(field: Field): FastAccept {
  const type: DataType = field.type;
  for (const key of field.metadata.keys()) if (!HARMLESS.has(key)) return NEVER;
  if (DataType.isInt(type)) return integerAccept(field, type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) {
    return type.precision === FloatWidth.DOUBLE
      ? numberAccept(field, -Number.MAX_VALUE, Number.MAX_VALUE, false)
      : NEVER;
  }
  if (DataType.isBool(type)) return BOOL;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    return field.metadata.get('json') === 'true' ? JSON_TEXT : TEXT;
  }
  if (DataType.isDate(type)) return DAY;
  return DataType.isTimestamp(type) ? instantAccept(type.unit) : NEVER;
}
