/**
 * Whether values of one type are taken by another, for JSON records: a table of every pair of families.
 *
 * V1 `compatible` and `coercible` are promised only where they hold for every value; where some value is refused, or
 * would mean something else, the pair is `breaking`.
 */
import { JSON_KINDS, type JsonKind } from '../json-value-reader.ts';
import { breaking, COMPATIBLE, coercible, compatible, type Verdict } from './compatibility.ts';
import { compareExact, type Family, type FieldDomain } from './field-domain.ts';

type Judge = (from: FieldDomain, to: FieldDomain) => Verdict;

const asText = coercible('is written as text');
const NO = breaking('is another kind of value');

function always(verdict: Verdict): Judge {
  return () => verdict;
}

/** Whether every number of `from` lies within the bounds of `to`. */
function isWithin(from: FieldDomain, to: FieldDomain): boolean {
  const isAbove = !to.low || (from.low !== undefined && compareExact(from.low, to.low) >= 0);
  const isBelow = !to.high || (from.high !== undefined && compareExact(from.high, to.high) <= 0);
  return isAbove && isBelow;
}

/** Whether every number of `from` is at most 10^digits, so that a column of so many digits holds it. */
function isBelowPower(from: FieldDomain, digits: number): boolean {
  const limit = { digits: 10n ** BigInt(digits), scale: 0 };
  const floor = { digits: -limit.digits, scale: 0 };
  return (
    from.low !== undefined &&
    from.high !== undefined &&
    compareExact(from.low, floor) > 0 &&
    compareExact(from.high, limit) < 0
  );
}

function toRange(from: FieldDomain, to: FieldDomain, otherwise: Verdict = COMPATIBLE): Verdict {
  return isWithin(from, to) ? otherwise : breaking(`values outside of ${rangeWords(to)}`);
}

/** The range of a domain for people. */
export function rangeWords({ name, low, high, field }: FieldDomain): string {
  const own = ['minimum', 'maximum'].some((key) => field.metadata.has(key));
  if (!own || !low || !high) return name;
  return `${field.metadata.get('minimum') ?? '…'} to ${field.metadata.get('maximum') ?? '…'}`;
}

const intToFloat: Judge = (from, to) => {
  const limit = { digits: 2n ** BigInt(to.mantissa), scale: 0 };
  const isExact =
    from.low &&
    from.high &&
    compareExact(from.low, { digits: -limit.digits, scale: 0 }) >= 0 &&
    compareExact(from.high, limit) <= 0;
  return isExact ? toRange(from, to) : breaking(`integers beyond 2^${to.mantissa} are not exact in ${to.name}`);
};

const toDecimal: Judge = (from, to) => {
  if (from.scale > to.scale) return breaking(`more than ${to.scale} decimals`);
  // A double of more digits may have lost some of its text's, so JSON numbers of that size are refused.
  const isExact = from.family === 'decimal' || isBelowPower(from, 15);
  return isExact ? toRange(from, to) : breaking('numbers of more than 15 digits');
};

const decimalToInt: Judge = (from, to) =>
  from.scale > 0
    ? breaking('decimals are lost')
    : toRange(from, to, coercible('text of digits becomes a number'));

const floatToFloat: Judge = (from, to) =>
  from.mantissa > to.mantissa ? breaking(`numbers that ${to.name} does not hold`) : toRange(from, to);

const SAFE_DIGITS: Readonly<Record<number, number>> = { 53: 15, 24: 6, 11: 3 };

const decimalToFloat: Judge = (from, to) => {
  const digits = SAFE_DIGITS[to.mantissa] ?? 0;
  const isExact = isBelowPower(from, Math.max(0, digits - from.scale));
  if (!isExact) return breaking(`numbers of more than ${digits} digits are not exact in ${to.name}`);
  return toRange(from, to, coercible('text of digits becomes a number'));
};

const intToBool: Judge = (from, to) => {
  const isBit =
    from.low &&
    from.high &&
    compareExact(from.low, { digits: 0n, scale: 0 }) >= 0 &&
    compareExact(from.high, { digits: 1n, scale: 0 }) <= 0;
  return isBit ? coercible(`0 and 1 become ${to.name}`) : breaking('numbers other than 0 and 1');
};

function takesKind(to: FieldDomain, kind: JsonKind): boolean {
  const { kinds = [] } = to;
  return kinds.includes(kind) || (kind === 'integer' && kinds.includes('number'));
}

/** Into JSON text, for values of these kinds; free-form JSON text takes text only where it holds JSON. */
function toJson(...kinds: readonly JsonKind[]): Judge {
  return (_from, to) => {
    if (!to.kinds) return kinds.includes('string') ? coercible('text is quoted as JSON') : COMPATIBLE;
    const refused = kinds.find((kind) => !takesKind(to, kind));
    return refused === undefined ? COMPATIBLE : breaking(`JSON of kind ${refused} is not taken`);
  };
}

/** Decimals are numbers or their text, and such text is JSON. */
const decimalToJson: Judge = (_from, to) => {
  if (!to.kinds) return COMPATIBLE;
  if (!takesKind(to, 'number')) return breaking('JSON of kind number is not taken');
  return takesKind(to, 'string') ? COMPATIBLE : coercible('text of digits becomes a number');
};

const jsonToJson: Judge = (from, to) => {
  if (!from.kinds && !to.kinds) return COMPATIBLE;
  return toJson(...(from.kinds ?? JSON_KINDS))(from, to);
};

const jsonToText: Judge = (from) =>
  from.kinds?.every((kind) => kind === 'string') ? COMPATIBLE : coercible('JSON is written as text');

function isUtc(zone: string | undefined): boolean {
  return zone === undefined || ['UTC', 'Etc/UTC', 'GMT', 'Z', '+00:00'].includes(zone);
}

const toTimestamp: Judge = (from, to) => {
  if (from.format !== undefined && from.format !== to.format)
    return breaking(`times of the form ${from.format}`);
  if (to.unit === 'ns' && from.unit !== 'ns') return breaking('years before 1678 and after 2261');
  const order = ['s', 'ms', 'us', 'ns'];
  // A date, and a time in a column without a zone, does not say of which zone it is.
  const isNaive = from.zone === undefined && to.zone !== undefined;
  if (isNaive && !isUtc(to.zone)) return breaking(`times without an offset in a column of ${to.zone}`);
  if (from.unit === undefined) return coercible('becomes midnight');
  if (order.indexOf(from.unit) > order.indexOf(to.unit ?? 's')) return coercible(`is cut to ${to.unit}`);
  return isNaive ? coercible('times without an offset are taken for UTC') : COMPATIBLE;
};

const dateToDate: Judge = (from, to) =>
  from.format === undefined || from.format === to.format
    ? COMPATIBLE
    : breaking(`dates of the form ${from.format}`);

const toList: Judge = (from, to) =>
  to.size === undefined || to.size === from.size
    ? COMPATIBLE
    : breaking(`lists of another number of items than ${to.size}`);

const NONE: Readonly<Record<Family, Judge>> = {
  int: always(NO),
  float: always(NO),
  decimal: always(NO),
  bool: always(NO),
  text: always(NO),
  json: always(NO),
  bytes: always(NO),
  date: always(NO),
  timestamp: always(NO),
  struct: always(NO),
  list: always(NO),
};

/** By the family of the old type, then of the new one. What is nested in both is compared by its parts. */
const TABLE: Readonly<Record<Family, Readonly<Record<Family, Judge>>>> = {
  int: {
    ...NONE,
    int: toRange,
    float: intToFloat,
    decimal: toDecimal,
    bool: intToBool,
    text: always(asText),
    json: toJson('integer'),
  },
  float: { ...NONE, float: floatToFloat, text: always(asText), json: toJson('number') },
  decimal: {
    ...NONE,
    int: decimalToInt,
    float: decimalToFloat,
    decimal: toDecimal,
    text: always(asText),
    json: decimalToJson,
  },
  bool: { ...NONE, bool: always(COMPATIBLE), text: always(asText), json: toJson('boolean') },
  text: { ...NONE, text: always(COMPATIBLE), json: toJson('string') },
  json: { ...NONE, text: jsonToText, json: jsonToJson },
  // Bytes are base64 in JSON alone, so as text they would mean something else in every other format.
  bytes: { ...NONE, bytes: always(COMPATIBLE) },
  date: {
    ...NONE,
    date: dateToDate,
    timestamp: toTimestamp,
    text: always(compatible('any text is taken')),
    json: toJson('string'),
  },
  timestamp: {
    ...NONE,
    timestamp: toTimestamp,
    text: always(compatible('any text is taken')),
    json: toJson('string'),
  },
  struct: { ...NONE, struct: always(COMPATIBLE), text: always(asText), json: toJson('object') },
  list: { ...NONE, list: toList, text: always(asText), json: toJson('array') },
};

/** Whether `to` takes what conforms to `from`, apart from words, lengths, null and what is nested. */
export function judgeType(from: FieldDomain, to: FieldDomain): Verdict {
  return TABLE[from.family][to.family](from, to);
}
