/** The type that a sampled field has: the narrowest one that all of its values fit. */
import {
  type ArrowTimeUnit,
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  Struct,
  Timestamp,
  Uint64,
  Utf8,
} from '../arrow.ts';
import { compileTimeFormat } from '../time-format.ts';
import type { FieldSample } from './field-sample.ts';
import type { Shape } from './shapes.ts';
import { ARROW_UNITS } from './type-names.ts';

/** A type with the metadata that goes with it. */
export interface SampledType {
  readonly type: DataType;
  readonly metadata: Readonly<Record<string, string>>;
}

const DECIMAL_128_DIGITS = 38;
const DECIMAL_DIGITS_MAX = 76;
/** A struct whose fields are there less often than this, on average, is a map with few names. */
const PRESENCE_MIN = 0.5;
const JSON_TEXT: SampledType = { type: new Utf8(), metadata: { json: 'true' } };
const MICROSECOND_DIGITS = 6;

function plain(type: DataType): SampledType {
  return { type, metadata: {} };
}

function unitFor({ decimals }: FieldSample): ArrowTimeUnit {
  return decimals > MICROSECOND_DIGITS ? ARROW_UNITS.ns : ARROW_UNITS.us;
}

function textType(sample: FieldSample): SampledType {
  const format = sample.times?.format;
  if (format !== undefined) return timeType(format);
  const { words } = sample;
  const count = sample.shapes.get('text') ?? 0;
  // Words that do not come back are names, not a vocabulary.
  if (words && words.size > 0 && count >= 2 * words.size) {
    return {
      type: new Dictionary(new Utf8(), new Int32()),
      metadata: { enum: JSON.stringify([...words.keys()]) },
    };
  }
  return plain(new Utf8());
}

function timeType(format: string): SampledType {
  const compiled = compileTimeFormat(format);
  const hasTime = format.includes('HH') && typeof compiled !== 'string';
  const zone = format.endsWith('Z') ? 'UTC' : undefined;
  return { type: hasTime ? new Timestamp(ARROW_UNITS.us, zone) : new DateDay(), metadata: { format } };
}

function decimalType({ whole, scale }: FieldSample): SampledType | undefined {
  const digits = Math.max(1, whole + scale);
  if (digits > DECIMAL_DIGITS_MAX) return undefined;
  return plain(
    new Decimal(scale, Math.max(digits, DECIMAL_128_DIGITS), digits > DECIMAL_128_DIGITS ? 256 : 128),
  );
}

function isSubset(shapes: ReadonlyMap<Shape, number>, ...allowed: readonly Shape[]): boolean {
  return [...shapes.keys()].every((shape) => allowed.includes(shape));
}

function numberType(sample: FieldSample): SampledType | undefined {
  const { shapes } = sample;
  if (isSubset(shapes, 'int', 'long')) return plain(new Int64());
  if (isSubset(shapes, 'int', 'float')) return plain(new Float64());
  if (isSubset(shapes, 'int', 'long', 'ulong') && !sample.isNegative) return plain(new Uint64());
  const isNumber = isSubset(shapes, 'int', 'long', 'ulong', 'decimal', 'float');
  // A double stands for digits that nobody knows any more, so it is no decimal.
  return isNumber && sample.isExact ? decimalType(sample) : undefined;
}

const SINGLE: Readonly<Partial<Record<Shape, (sample: FieldSample) => SampledType>>> = {
  bool: () => plain(new Bool()),
  date: () => plain(new DateDay()),
  zoned: (sample) => plain(new Timestamp(unitFor(sample), 'UTC')),
  naive: (sample) => plain(new Timestamp(unitFor(sample))),
  bytes: () => plain(new Binary()),
  text: textType,
  object: structType,
  array: listType,
};

function structType(sample: FieldSample): SampledType {
  const objects = sample.shapes.get('object') ?? 0;
  const { children } = sample;
  const present = [...children.values()].reduce((sum, child) => sum + child.records, 0);
  if (sample.isMap || children.size === 0 || present < PRESENCE_MIN * children.size * objects) return JSON_TEXT;
  const fields = [...children].map(([name, child]) => sampledField(name, child, objects));
  return fields.every((field) => field !== undefined) ? plain(new Struct(fields)) : JSON_TEXT;
}

function listType({ item }: FieldSample): SampledType {
  if (!item || item.shapes.size === 0) return JSON_TEXT;
  const found = sampledType(item);
  if (!found) return JSON_TEXT;
  return plain(
    new List(new Field('item', found.type, item.nulls > 0, new Map(Object.entries(found.metadata)))),
  );
}

/** @returns undefined when no type but text takes all values */
export function sampledType(sample: FieldSample): SampledType | undefined {
  const { shapes } = sample;
  const [shape] = shapes.keys();
  if (shape === undefined) return plain(new Utf8());
  const single = shapes.size === 1 ? SINGLE[shape] : undefined;
  if (single) return single(sample);
  return isSubset(shapes, 'object', 'array') ? JSON_TEXT : numberType(sample);
}

/**
 * The field of a sample, nullable, and optional when some of `records` lack it.
 * @returns undefined when its values are mixed
 */
export function sampledField(name: string, sample: FieldSample, records: number): Field | undefined {
  const found = sampledType(sample);
  if (!found) return undefined;
  const metadata = new Map(Object.entries(found.metadata));
  if (sample.records < records) metadata.set('optional', 'true');
  return new Field(name, found.type, true, metadata);
}
