/** A schema from a sample of records: per field the narrowest type that every value fits. */
import { SchemaError } from '../../core/errors.ts';
import {
  type ArrowTimeUnit,
  Binary,
  Bool,
  type DataType,
  DateDay,
  Field,
  Float64,
  Int64,
  Schema,
  Timestamp,
  Utf8,
} from '../arrow.ts';
import { parseExact } from '../number-grammar.ts';
import { parseIsoDate, parseIsoTime } from '../time-grammar.ts';
import { isJsonObject } from './json-object.ts';
import { ARROW_UNITS } from './type-names.ts';

export interface InferOptions {
  /** The values come from a format without types (csv): numbers and booleans are recognised in text. @default false */
  readonly untyped?: boolean;
}

/**
 * What one value looks like. `long` is an integer that no double holds for certain; `zoned` and `naive` are times with
 * and without an offset.
 */
type Shape = 'int' | 'long' | 'float' | 'bool' | 'date' | 'zoned' | 'naive' | 'nested' | 'bytes' | 'text';

interface Seen {
  readonly shapes: Set<Shape>;
  /** In how many records the field is present. */
  records: number;
  /** Most decimals of a second. */
  decimals: number;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;

function integerShape(value: bigint): Shape {
  if (Number.isSafeInteger(Number(value))) return 'int';
  return value >= INT64_MIN && value <= INT64_MAX ? 'long' : 'text';
}

function numberShape(value: number): Shape {
  if (Number.isSafeInteger(value)) return 'int';
  return Number.isFinite(value) ? 'float' : 'text';
}

function textShape(text: string, seen: Seen, untyped: boolean): Shape {
  if (parseIsoDate(text)) return 'date';
  const moment = parseIsoTime(text);
  if (moment) {
    seen.decimals = Math.max(seen.decimals, moment.fraction.length);
    return moment.offsetMinutes === undefined ? 'naive' : 'zoned';
  }
  if (!untyped) return 'text';
  if (text === 'true' || text === 'false') return 'bool';
  if (INTEGER.test(text)) return integerShape(BigInt(text));
  return parseExact(text) && Number.isFinite(Number(text)) ? 'float' : 'text';
}

function shapeOf(value: unknown, seen: Seen, untyped: boolean): Shape {
  if (typeof value === 'string') return textShape(value, seen, untyped);
  if (typeof value === 'number') return numberShape(value);
  if (typeof value === 'bigint') return integerShape(value);
  if (typeof value === 'boolean') return 'bool';
  return value instanceof Uint8Array ? 'bytes' : 'nested';
}

const TYPES: Readonly<Record<Shape, (unit: ArrowTimeUnit) => DataType>> = {
  int: () => new Int64(),
  long: () => new Int64(),
  float: () => new Float64(),
  bool: () => new Bool(),
  date: () => new DateDay(),
  zoned: (unit) => new Timestamp(unit, 'UTC'),
  naive: (unit) => new Timestamp(unit),
  nested: () => new Utf8(),
  bytes: () => new Binary(),
  text: () => new Utf8(),
};

function isSubset(shapes: ReadonlySet<Shape>, ...allowed: readonly Shape[]): boolean {
  return [...shapes].every((shape) => allowed.includes(shape));
}

function typeOf({ shapes, decimals }: Seen): DataType {
  const [shape] = shapes;
  if (shape === undefined) return new Utf8();
  if (shapes.size === 1) return TYPES[shape](decimals > 6 ? ARROW_UNITS.ns : ARROW_UNITS.us);
  if (isSubset(shapes, 'int', 'long')) return new Int64();
  return isSubset(shapes, 'int', 'float') ? new Float64() : new Utf8();
}

function isOnlyNested({ shapes }: Seen): boolean {
  return shapes.size === 1 && shapes.has('nested');
}

/**
 * Fields in the order they are first seen, all nullable, those that some record lacks optional. Integers widen to floats, anything mixed to text; nested
 * values become JSON text. Text is a date or a time only when every value is one, in ISO 8601.
 * @throws SchemaError SCHEMA_EMPTY when there is no field to see
 */
export function inferSchema(records: readonly unknown[], options: InferOptions = {}): Schema {
  const fields = new Map<string, Seen>();
  for (const record of records) {
    const entries = isJsonObject(record) ? Object.entries(record) : [['value', record] as const];
    for (const [name, value] of entries) {
      const seen: Seen = fields.get(name) ?? { shapes: new Set(), records: 0, decimals: 0 };
      fields.set(name, seen);
      seen.records += 1;
      if (value !== null && value !== undefined)
        seen.shapes.add(shapeOf(value, seen, options.untyped ?? false));
    }
  }
  if (fields.size === 0) {
    throw new SchemaError('SCHEMA_EMPTY', 'there is no field to infer a schema from', {
      hint: 'Give a sample with records.',
    });
  }
  return new Schema(
    Array.from(fields, ([name, seen]) => {
      const metadata = new Map<string, string>();
      if (isOnlyNested(seen)) metadata.set('json', 'true');
      if (seen.records < records.length) metadata.set('optional', 'true');
      return new Field(name, typeOf(seen), true, metadata);
    }),
  );
}
