/** One field of a schema, understood: its column, its rules and how it reads values. Made once, when a schema is compiled. */
import type { Column, TimeUnit } from '../core/columns.ts';
import { SchemaError } from '../core/errors.ts';
import { ArrowTimeUnit, DataType, type Field, FloatWidth } from './arrow.ts';
import { jsonKindsOf, jsonValueReader } from './json-value-reader.ts';
import { type Precision, parsePrecision } from './number-grammar.ts';
import { decimalReader, floatReader, integerReader } from './number-readers.ts';
import type { Reader } from './reader.ts';
import { boolReader, bytesReader, jsonReader, textReader } from './text-readers.ts';
import { compileTimeFormat, type TimeFormat } from './time-format.ts';
import { dateReader, timestampReader } from './time-readers.ts';

export interface FieldPlan {
  readonly column: Column;
  /** A value that cannot be coerced costs the row; otherwise, in a nullable field, only the value. */
  readonly essential: boolean;
  /** May be absent, which is null and conforms; otherwise a row without it does not conform. */
  readonly optional: boolean;
  /** Whether an explicit null conforms: a column may be nullable only because its field may be absent. */
  readonly takesNull: boolean;
  readonly aliases: readonly string[];
  readonly precision: Precision | undefined;
  readonly reader: Reader;
}

const FLOAT_LIMITS = {
  [FloatWidth.HALF]: 65_504,
  [FloatWidth.SINGLE]: 3.4028234663852886e38,
  [FloatWidth.DOUBLE]: Number.MAX_VALUE,
} as const;

const UNITS = {
  [ArrowTimeUnit.SECOND]: 's',
  [ArrowTimeUnit.MILLISECOND]: 'ms',
  [ArrowTimeUnit.MICROSECOND]: 'us',
  [ArrowTimeUnit.NANOSECOND]: 'ns',
} as const satisfies Record<ArrowTimeUnit, TimeUnit>;

export function timeUnitOf(unit: ArrowTimeUnit): TimeUnit {
  return UNITS[unit];
}

function refuse(field: Field, key: string, found: string, expected: string): never {
  throw new SchemaError(
    'SCHEMA_METADATA',
    `field ${JSON.stringify(field.name)}: ${key} is ${JSON.stringify(found)}, expected ${expected}`,
    {
      hint: `Correct the metadata ${key} of that field.`,
    },
  );
}

function readFlag(field: Field, key: string, otherwise: boolean): boolean {
  const text = field.metadata.get(key);
  if (text !== undefined && text !== 'true' && text !== 'false') refuse(field, key, text, '"true" or "false"');
  return text === undefined ? otherwise : text === 'true';
}

/** @throws SchemaError when absence would have no value to stand for it, or would make two records one */
function readOptional(field: Field): boolean {
  const isOptional = readFlag(field, 'optional', false);
  if (isOptional && !field.nullable)
    refuse(field, 'optional', 'true', '"false" in a field that is not nullable');
  if (isOptional && readFlag(field, 'key', false)) refuse(field, 'optional', 'true', '"false" in a key field');
  return isOptional;
}

function readAliases(field: Field): readonly string[] {
  const text = field.metadata.get('aliases');
  if (text === undefined) return [];
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  } catch {
    // Answered below: both mistakes need the same correction.
  }
  return refuse(field, 'aliases', text, 'a JSON array of names');
}

function readPrecision(field: Field): Precision | undefined {
  const text = field.metadata.get('precision');
  const precision = text === undefined ? undefined : parsePrecision(text);
  if (text !== undefined && !precision) refuse(field, 'precision', text, 'a number such as 0.01, or 1e-6r');
  return precision;
}

function readFormat(field: Field): TimeFormat | undefined {
  const text = field.metadata.get('format');
  if (text === undefined) return undefined;
  const format = compileTimeFormat(text);
  return typeof format === 'string' ? refuse(field, 'format', text, `a date format: ${format}`) : format;
}

/** A bound that narrows the type's own range. */
function readBound(field: Field, key: 'minimum' | 'maximum'): number | undefined {
  const text = field.metadata.get(key);
  if (text === undefined) return undefined;
  const bound = Number(text);
  return Number.isFinite(bound) && text.trim() !== '' ? bound : refuse(field, key, text, 'a number');
}

function integerPlan(field: Field, bitWidth: number, isSigned: boolean): Reader {
  const bits = BigInt(bitWidth);
  const min = isSigned ? -(2n ** (bits - 1n)) : 0n;
  const max = isSigned ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  const low = readBound(field, 'minimum');
  const high = readBound(field, 'maximum');
  return integerReader({
    min: low !== undefined && low > min ? BigInt(Math.ceil(low)) : min,
    max: high !== undefined && high < max ? BigInt(Math.floor(high)) : max,
    isWide: bitWidth > 32,
    precision: readPrecision(field),
  });
}

function floatPlan(field: Field, width: FloatWidth): Reader {
  const limit = FLOAT_LIMITS[width];
  return floatReader({
    min: Math.max(-limit, readBound(field, 'minimum') ?? -limit),
    max: Math.min(limit, readBound(field, 'maximum') ?? limit),
    precision: readPrecision(field),
  });
}

function isText(type: DataType): boolean {
  if (DataType.isDictionary(type)) return isText(type.dictionary);
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type);
}

function planJson(field: Field): Reader {
  const kinds = jsonKindsOf(field);
  return kinds ? jsonValueReader(kinds) : jsonReader;
}

function planReader(field: Field): Reader {
  const type: DataType = field.type;
  if (isText(type)) return readFlag(field, 'json', false) ? planJson(field) : textReader;
  if (DataType.isInt(type)) return integerPlan(field, type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) return floatPlan(field, type.precision);
  if (DataType.isBool(type)) return boolReader;
  if (DataType.isDate(type)) return dateReader(readFormat(field));
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return bytesReader;
  if (DataType.isDecimal(type)) {
    return decimalReader({ digitsMax: type.precision, scale: type.scale, precision: readPrecision(field) });
  }
  if (DataType.isTimestamp(type)) {
    return timestampReader({
      unit: timeUnitOf(type.unit),
      zone: type.timezone || undefined,
      format: readFormat(field),
    });
  }
  throw new SchemaError('SCHEMA_TYPE', `field ${JSON.stringify(field.name)}: type ${type} is not supported`, {
    hint: 'Use a scalar type, or Utf8 with metadata json=true for nested values.',
  });
}

/** @throws SchemaError SCHEMA_TYPE or SCHEMA_METADATA, naming the field */
export function planField(field: Field): FieldPlan {
  const reader = planReader(field);
  const column: Column = {
    name: field.name,
    type: reader.type,
    nullable: field.nullable,
    key: readFlag(field, 'key', false),
    ...(reader.unit === undefined ? {} : { unit: reader.unit }),
  };
  return {
    column,
    essential: readFlag(field, 'essential', true),
    optional: readOptional(field),
    takesNull: readFlag(field, 'nullable', field.nullable) && field.nullable,
    aliases: readAliases(field),
    precision: readPrecision(field),
    reader,
  };
}
