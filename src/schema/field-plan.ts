/** Plans the fields of a schema: column, rules, reader. Done once, when a schema is compiled. */
import type { Cell, Column, TimeUnit } from '../core/columns.ts';
import { SchemaError } from '../core/errors.ts';
import { ArrowTimeUnit, DataType, type Field, FloatWidth } from './arrow.ts';
import {
  readAliases,
  readBound,
  readEpoch,
  readFlag,
  readFormat,
  readLength,
  readOnUnknown,
  readOptional,
  readPrecision,
  readTidying,
  readWords,
  refuseKeys,
  refuseMetadata,
} from './field-metadata.ts';
import { FieldNames } from './field-names.ts';
import { DOUBLE, HALF, SINGLE } from './float-width.ts';
import { parseJsonText } from './json-text.ts';
import { jsonKindsOf, jsonValueReader } from './json-value-reader.ts';
import { nestedReader } from './nested-reader.ts';
import { type Exact, rescale } from './number-grammar.ts';
import { decimalReader, floatReader, integerReader } from './number-readers.ts';
import type { FieldPlan, NestedPlan } from './plan.ts';
import { Fault, type Reader } from './reader.ts';
import { boolReader, bytesReader, jsonReader, ruledTextReader, textReader } from './text-readers.ts';
import { dateReader, timestampReader } from './time-readers.ts';

export type { FieldPlan } from './plan.ts';

const SIZES = {
  [FloatWidth.HALF]: HALF,
  [FloatWidth.SINGLE]: SINGLE,
  [FloatWidth.DOUBLE]: DOUBLE,
} as const;

const UNITS = {
  [ArrowTimeUnit.SECOND]: 's',
  [ArrowTimeUnit.MILLISECOND]: 'ms',
  [ArrowTimeUnit.MICROSECOND]: 'us',
  [ArrowTimeUnit.NANOSECOND]: 'ns',
} as const satisfies Record<ArrowTimeUnit, TimeUnit>;

/** Levels of structs and lists; values are read by recursion over the schema. */
const NESTING_MAX = 32;

export function timeUnitOf(unit: ArrowTimeUnit): TimeUnit {
  return UNITS[unit];
}

/** The least count of `10^-scale` that is not below the bound. */
function ceilingOf(bound: Exact, scale: number): bigint {
  return -floorOf({ digits: -bound.digits, scale: bound.scale }, scale);
}

function floorOf(bound: Exact, scale: number): bigint {
  if (bound.scale <= scale) return rescale(bound, scale).digits;
  const divisor = 10n ** BigInt(bound.scale - scale);
  const cut = bound.digits / divisor;
  return bound.digits < 0n && bound.digits % divisor !== 0n ? cut - 1n : cut;
}

function narrow(field: Field, min: bigint, max: bigint, scale: number): { min: bigint; max: bigint } {
  const [low, high] = [readBound(field, 'minimum'), readBound(field, 'maximum')];
  const least = low === undefined ? min : ceilingOf(low, scale);
  const most = high === undefined ? max : floorOf(high, scale);
  return { min: least > min ? least : min, max: most < max ? most : max };
}

function integerPlan(field: Field, bitWidth: number, isSigned: boolean): Reader {
  const bits = BigInt(bitWidth);
  const min = isSigned ? -(2n ** (bits - 1n)) : 0n;
  const max = isSigned ? 2n ** (bits - 1n) - 1n : 2n ** bits - 1n;
  return integerReader({
    ...narrow(field, min, max, 0),
    isWide: bitWidth > 32,
    precision: readPrecision(field),
    leadingZeros: readFlag(field, 'leadingZeros', false),
  });
}

function floatPlan(field: Field, width: FloatWidth): Reader {
  const size = SIZES[width];
  const bound = (key: 'minimum' | 'maximum'): number | undefined => {
    const exact = readBound(field, key);
    return exact && size.round(Number(`${exact.digits}e-${exact.scale}`));
  };
  return floatReader({
    min: Math.max(-size.max, bound('minimum') ?? -size.max),
    max: Math.min(size.max, bound('maximum') ?? size.max),
    size,
    precision: readPrecision(field),
    leadingZeros: readFlag(field, 'leadingZeros', false),
  });
}

function decimalPlan(field: Field, digitsMax: number, scale: number): Reader {
  if (scale < 0 || scale > digitsMax) {
    throw new SchemaError(
      'SCHEMA_TYPE',
      `field ${JSON.stringify(field.name)}: scale ${scale} is not supported`,
      {
        hint: 'Use a scale from 0 to the number of digits.',
      },
    );
  }
  const limit = 10n ** BigInt(digitsMax);
  return decimalReader({
    ...narrow(field, 1n - limit, limit - 1n, scale),
    scale,
    precision: readPrecision(field),
    leadingZeros: readFlag(field, 'leadingZeros', false),
  });
}

const TEXT_KEYS = ['enum', 'onUnknown', 'minLength', 'maxLength', 'text'];

function readNullWords(field: Field): ReadonlySet<string> | undefined {
  const words = readWords(field, 'nullWords');
  if (words && !field.nullable)
    refuseMetadata(field, 'nullWords', JSON.stringify(words), 'no such key in a field that is not nullable');
  return words && new Set(words);
}

/** A text column with rules, or the plain one. */
function textPlan(field: Field): Reader {
  const tidying = readTidying(field);
  const words = readWords(field, 'enum');
  const nullWords = readNullWords(field);
  const onUnknown = readOnUnknown(field);
  const [lengthMin, lengthMax] = [readLength(field, 'minLength'), readLength(field, 'maxLength')];
  const isPlain = [...TEXT_KEYS, 'nullWords'].every((key) => !field.metadata.has(key));
  if (isPlain) return textReader;
  const rules = {
    words,
    lengthMin: lengthMin ?? 0,
    lengthMax: lengthMax ?? Number.POSITIVE_INFINITY,
    isTrimmed: tidying.includes('trim'),
    isNormalized: tidying.includes('nfc'),
    nullWords,
  };
  if (onUnknown !== 'default') return ruledTextReader({ ...rules, onUnknown });
  const cell = readDefault(field, ruledTextReader({ ...rules, onUnknown: 'refuse' }));
  return ruledTextReader({ ...rules, onUnknown: { cell: cell ?? '' } });
}

/** @throws SchemaError when the default does not conform to its own field */
function readDefault(field: Field, reader: Reader): Cell | undefined {
  const text = field.metadata.get('default');
  if (text === undefined) return undefined;
  const value = parseJsonText(text);
  const cell = value === undefined || value === null ? undefined : reader.read(value, 'typed');
  // The default of a nullable field is never used for null, and JSON Schema allows null there.
  if (value === null && field.nullable) return undefined;
  return cell === undefined || cell instanceof Fault
    ? refuseMetadata(field, 'default', text, `JSON text of a value that conforms (${reader.type})`)
    : cell;
}

function isText(type: DataType): boolean {
  if (DataType.isDictionary(type)) return isText(type.dictionary);
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type);
}

function refuseType(field: Field, hint: string): never {
  throw new SchemaError(
    'SCHEMA_TYPE',
    `field ${JSON.stringify(field.name)}: type ${field.type} is not supported`,
    { hint },
  );
}

function planNested(field: Field, depth: number): NestedPlan | undefined {
  const type: DataType = field.type;
  const isStruct = DataType.isStruct(type);
  if (!isStruct && !DataType.isList(type) && !DataType.isFixedSizeList(type)) return undefined;
  if (depth >= NESTING_MAX) refuseType(field, `Nest no deeper than ${NESTING_MAX} levels.`);
  if (isStruct) {
    const fields = type.children.map((child) => planDeep(child, depth + 1));
    return { kind: 'struct', fields, names: new FieldNames(fields) };
  }
  const [item] = type.children;
  if (!item) return refuseType(field, 'Give the list a type of element.');
  const size = DataType.isFixedSizeList(type) ? type.listSize : undefined;
  return { kind: 'list', item: planDeep(item, depth + 1), size };
}

function jsonPlan(field: Field): Reader {
  const kinds = jsonKindsOf(field);
  return kinds ? jsonValueReader(kinds) : jsonReader;
}

function planReader(field: Field, nested: NestedPlan | undefined): Reader {
  const type: DataType = field.type;
  if (nested) return nestedReader(nested);
  if (isText(type) && !readFlag(field, 'json', false)) return textPlan(field);
  refuseKeys(field, TEXT_KEYS, 'text');
  if (isText(type)) return jsonPlan(field);
  if (DataType.isInt(type)) return integerPlan(field, type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) return floatPlan(field, type.precision);
  if (DataType.isBool(type)) return boolReader;
  if (DataType.isDate(type)) return dateReader(readFormat(field));
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return bytesReader;
  if (DataType.isDecimal(type)) return decimalPlan(field, type.precision, type.scale);
  if (DataType.isTimestamp(type)) {
    return timestampReader({
      unit: timeUnitOf(type.unit),
      zone: type.timezone || undefined,
      format: readFormat(field),
      epoch: readEpoch(field),
    });
  }
  return refuseType(
    field,
    'Use a scalar type, a struct, a list, or Utf8 with metadata json=true for any nesting.',
  );
}

function planDeep(field: Field, depth: number): FieldPlan {
  const nested = planNested(field, depth);
  const reader = planReader(field, nested);
  const column: Column = {
    name: field.name,
    type: reader.type,
    nullable: field.nullable,
    key: readFlag(field, 'key', false),
    ...(reader.unit === undefined ? {} : { unit: reader.unit }),
  };
  if (field.metadata.get('json') !== 'true') refuseKeys(field, ['jsonTypes'], 'JSON text');
  if (reader.type !== 'timestamp') refuseKeys(field, ['epoch'], 'timestamps');
  const isNumeric =
    DataType.isInt(field.type) || DataType.isFloat(field.type) || DataType.isDecimal(field.type);
  if (!isNumeric) refuseKeys(field, ['leadingZeros'], 'numbers');
  return {
    column,
    essential: readFlag(field, 'essential', true),
    optional: readOptional(field),
    takesNull: readFlag(field, 'nullable', field.nullable) && field.nullable,
    aliases: readAliases(field),
    precision: readPrecision(field),
    default: readDefault(field, reader),
    nullWords: readNullWords(field),
    onUnknown: readOnUnknown(field),
    leadingZeros: readFlag(field, 'leadingZeros', false),
    epoch: readEpoch(field),
    format: reader.type === 'date' || reader.type === 'timestamp' ? readFormat(field) : undefined,
    size: DataType.isFloat(field.type) ? SIZES[field.type.precision] : undefined,
    nested,
    reader,
  };
}

/** @throws SchemaError SCHEMA_TYPE or SCHEMA_METADATA, naming the field */
export function planField(field: Field): FieldPlan {
  return planDeep(field, 0);
}
