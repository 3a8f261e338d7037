/** A field as the set of JSON values that conform to it, for comparing two of them. */

import type { TimeUnit } from '../../core/columns.ts';
import { DataType, type Field } from '../arrow.ts';
import { timeUnitOf } from '../field-plan.ts';
import { type JsonKind, jsonKindsOf } from '../json-value-reader.ts';
import { type Exact, parseExact } from '../number-grammar.ts';
import { nameOfType } from './type-names.ts';

/** Kinds of columns that take different values. */
export const FAMILIES = [
  'int',
  'float',
  'decimal',
  'bool',
  'text',
  'json',
  'bytes',
  'date',
  'timestamp',
  'struct',
  'list',
] as const;
export type Family = (typeof FAMILIES)[number];

/** What a field takes, understood. Bounds are exact; undefined = open. */
export interface FieldDomain {
  readonly field: Field;
  readonly family: Family;
  /** As in `x-type`, or the family for what is nested. */
  readonly name: string;
  readonly low: Exact | undefined;
  readonly high: Exact | undefined;
  /** Decimals of a decimal; 0 of an integer. */
  readonly scale: number;
  /** Bits of a float that count: 53 for doubles. */
  readonly mantissa: number;
  readonly words: readonly string[] | undefined;
  readonly kinds: readonly JsonKind[] | undefined;
  readonly unit: TimeUnit | undefined;
  readonly zone: string | undefined;
  readonly format: string | undefined;
  readonly fields: readonly Field[];
  /** Of a list: the one number of items; undefined = any. */
  readonly size: number | undefined;
}

const MANTISSAS: Readonly<Record<string, number>> = { float16: 11, float32: 24, float64: 53 };
/** How JSON numbers reach a float column: as doubles, up to the largest number of the column. */
const FLOAT_MAX: Readonly<Record<string, Exact>> = {
  float16: { digits: 65_504n, scale: 0 },
  float32: { digits: BigInt(3.4028234663852886e38), scale: 0 },
  float64: { digits: BigInt(Number.MAX_VALUE), scale: 0 },
};

function familyOf(field: Field): Family | undefined {
  const type: DataType = field.type;
  if (DataType.isStruct(type)) return 'struct';
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) return 'list';
  if (DataType.isInt(type)) return 'int';
  if (DataType.isFloat(type)) return 'float';
  if (DataType.isDecimal(type)) return 'decimal';
  if (DataType.isBool(type)) return 'bool';
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return 'bytes';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isTimestamp(type)) return 'timestamp';
  return field.metadata.get('json') === 'true' ? 'json' : 'text';
}

export function compareExact(a: Exact, b: Exact): number {
  const scale = Math.max(a.scale, b.scale);
  const left = a.digits * 10n ** BigInt(scale - a.scale);
  const right = b.digits * 10n ** BigInt(scale - b.scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

function negate({ digits, scale }: Exact): Exact {
  return { digits: -digits, scale };
}

/** The range of a type by itself. */
function typeRange(type: DataType, name: string): readonly [Exact | undefined, Exact | undefined] {
  if (DataType.isInt(type)) {
    const bits = BigInt(type.bitWidth);
    const [min, max] = type.isSigned ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
    return [
      { digits: min, scale: 0 },
      { digits: max, scale: 0 },
    ];
  }
  const high = DataType.isDecimal(type)
    ? { digits: 10n ** BigInt(type.precision) - 1n, scale: type.scale }
    : FLOAT_MAX[name];
  return high ? [negate(high), high] : [undefined, undefined];
}

function narrowEnd(field: Field, key: 'minimum' | 'maximum', own: Exact | undefined): Exact | undefined {
  const given = parseExact(field.metadata.get(key) ?? '');
  if (!given || !own) return own;
  const order = compareExact(given, own);
  return (key === 'minimum' ? order > 0 : order < 0) ? given : own;
}

function parseWords(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const words: unknown = JSON.parse(text);
  return Array.isArray(words) ? words.map(String) : undefined;
}

/** @param field one that `compileSchema` takes */
export function domainOf(field: Field): FieldDomain {
  const type: DataType = field.type;
  const family = familyOf(field) ?? 'text';
  const name = nameOfType(type) ?? family;
  const [low, high] = typeRange(type, name);
  return {
    field,
    family,
    name: family === 'json' ? 'json' : DataType.isFixedSizeList(type) ? `list(${type.listSize})` : name,
    low: narrowEnd(field, 'minimum', low),
    high: narrowEnd(field, 'maximum', high),
    scale: DataType.isDecimal(type) ? type.scale : 0,
    mantissa: MANTISSAS[name] ?? 0,
    words: family === 'text' ? parseWords(field.metadata.get('enum')) : undefined,
    kinds: family === 'json' ? jsonKindsOf(field) : undefined,
    unit: DataType.isTimestamp(type) ? timeUnitOf(type.unit) : undefined,
    zone: (DataType.isTimestamp(type) && type.timezone) || undefined,
    format: field.metadata.get('format'),
    fields: type.children ?? [],
    size: DataType.isFixedSizeList(type) ? type.listSize : undefined,
  };
}
