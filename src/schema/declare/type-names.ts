/**
 * Scalar Arrow types as the text of `x-type`, for those that JSON Schema has no words for: `float32`, `decimal(10,2)`,
 * `timestamp(ns,UTC)`, `dictionary(int8,utf8)`.
 */
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  DataType,
  DateDay,
  DateMillisecond,
  DateUnit,
  Decimal,
  Dictionary,
  Float16,
  Float32,
  Float64,
  FloatWidth,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  Timestamp,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from '../arrow.ts';
import { timeUnitOf } from '../field-plan.ts';

const PLAIN: Readonly<Record<string, () => DataType>> = {
  int8: () => new Int8(),
  int16: () => new Int16(),
  int32: () => new Int32(),
  int64: () => new Int64(),
  uint8: () => new Uint8(),
  uint16: () => new Uint16(),
  uint32: () => new Uint32(),
  uint64: () => new Uint64(),
  float16: () => new Float16(),
  float32: () => new Float32(),
  float64: () => new Float64(),
  bool: () => new Bool(),
  utf8: () => new Utf8(),
  'large-utf8': () => new LargeUtf8(),
  binary: () => new Binary(),
  'large-binary': () => new LargeBinary(),
  dictionary: () => new Dictionary(new Utf8(), new Int32()),
  date: () => new DateDay(),
  'date-ms': () => new DateMillisecond(),
};

const DECIMAL = /^decimal(32|64|128|256)?\((\d{1,2}),(\d{1,2})\)$/;
const DICTIONARY = /^dictionary\((u?int(?:8|16|32)),((?:large-)?utf8)\)$/;

const INDICES: Readonly<Record<string, () => Int8 | Int16 | Int32 | Uint8 | Uint16 | Uint32>> = {
  int8: () => new Int8(),
  int16: () => new Int16(),
  int32: () => new Int32(),
  uint8: () => new Uint8(),
  uint16: () => new Uint16(),
  uint32: () => new Uint32(),
};
const TIMESTAMP = /^timestamp\((s|ms|us|ns)(?:,(.+))?\)$/;
const DECIMAL_DIGITS_MAX = 76;
const DECIMAL_128_DIGITS = 38;

export const ARROW_UNITS = {
  s: ArrowTimeUnit.SECOND,
  ms: ArrowTimeUnit.MILLISECOND,
  us: ArrowTimeUnit.MICROSECOND,
  ns: ArrowTimeUnit.NANOSECOND,
} as const;

function isUnit(text: string | undefined): text is keyof typeof ARROW_UNITS {
  return text !== undefined && Object.hasOwn(ARROW_UNITS, text);
}

function usualWidth(digits: number): number {
  return digits > DECIMAL_128_DIGITS ? 256 : 128;
}

function decimalOf(text: string): DataType | undefined {
  const [, width, precision, scale] = DECIMAL.exec(text) ?? [];
  const digits = Number(precision);
  if (!(digits >= 1 && digits <= DECIMAL_DIGITS_MAX && Number(scale) <= digits)) return undefined;
  return new Decimal(Number(scale), digits, width === undefined ? usualWidth(digits) : Number(width));
}

function dictionaryOf(text: string): DataType | undefined {
  const [, index = '', value = ''] = DICTIONARY.exec(text) ?? [];
  const indices = INDICES[index]?.();
  const values = PLAIN[value]?.();
  return values && indices ? new Dictionary(values, indices) : undefined;
}

/** The type of a name, or undefined when the name is not known. */
export function typeOfName(name: string): DataType | undefined {
  const make = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (make) return make();
  const [, unit, zone] = TIMESTAMP.exec(name) ?? [];
  if (isUnit(unit)) return new Timestamp(ARROW_UNITS[unit], zone);
  return decimalOf(name) ?? dictionaryOf(name);
}

function nameOfDecimal({ precision, scale, bitWidth }: Decimal): string | undefined {
  if (scale < 0 || scale > precision) return undefined;
  return `decimal${bitWidth === usualWidth(precision) ? '' : bitWidth}(${precision},${scale})`;
}

function nameOfDictionary({ dictionary, indices }: Dictionary): string | undefined {
  const [index, value] = [nameOfType(indices), nameOfType(dictionary)];
  if (value !== 'utf8' && value !== 'large-utf8') return undefined;
  return index === 'int32' && value === 'utf8' ? 'dictionary' : `dictionary(${index},${value})`;
}

const FLOAT_NAMES = {
  [FloatWidth.HALF]: 'float16',
  [FloatWidth.SINGLE]: 'float32',
  [FloatWidth.DOUBLE]: 'float64',
} as const;

/** The name of a type that a compiled schema supports; undefined for others. */
export function nameOfType(type: DataType): string | undefined {
  if (DataType.isInt(type)) return `${type.isSigned ? 'int' : 'uint'}${type.bitWidth}`;
  if (DataType.isFloat(type)) return FLOAT_NAMES[type.precision];
  if (DataType.isBool(type)) return 'bool';
  if (DataType.isUtf8(type)) return 'utf8';
  if (DataType.isLargeUtf8(type)) return 'large-utf8';
  if (DataType.isBinary(type)) return 'binary';
  if (DataType.isLargeBinary(type)) return 'large-binary';
  if (DataType.isDictionary(type)) return nameOfDictionary(type);
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? 'date' : 'date-ms';
  if (DataType.isDecimal(type)) return nameOfDecimal(type);
  if (!DataType.isTimestamp(type)) return undefined;
  return `timestamp(${timeUnitOf(type.unit)}${type.timezone ? `,${type.timezone}` : ''})`;
}
