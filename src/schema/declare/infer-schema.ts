/** A schema from a sample of records: per field the narrowest type that every value fits. */
import { SchemaError } from '../../core/errors.ts';
import { DataType, Field, Schema, Utf8 } from '../arrow.ts';
import { FieldSample, type SampleRules } from './field-sample.ts';
import { isJsonObject } from './json-object.ts';
import { sampledField } from './sampled-type.ts';
import type { Shape } from './shapes.ts';
import { FIELDS_MAX } from './subschema.ts';
import { nameOfType } from './type-names.ts';

export interface InferOptions {
  /** The values come from a format without types (csv): numbers and booleans are recognised in text. @default false */
  readonly untyped?: boolean;
  /**
   * `struct`: objects with the same fields become structs, arrays of one type lists; what differs from record to record
   * is JSON text all the same. `json`: everything nested is JSON text. @default 'json'
   */
  readonly nested?: 'struct' | 'json';
  /** Text of at most so many different words, each of them twice on average, becomes an enumeration. @default 0 */
  readonly enumMax?: number;
  /**
   * Whether dates that are not ISO 8601 are recognised and their form is declared; never where day and month could be
   * mistaken for each other. @default false
   */
  readonly formats?: boolean;
}

/** What a sample holds under one name. */
export interface FieldCounts {
  /** `meta.rssi` is within the object `meta`, `tags[]` an item of the array `tags`. */
  readonly name: string;
  /** Type in the schema; empty for what is within JSON text. */
  readonly type: string;
  /** Values, nulls included: of a record's own field, the records that have it. */
  readonly records: number;
  readonly nulls: number;
  /** How many values look like what, the most frequent first. */
  readonly shapes: Readonly<Partial<Record<Shape, number>>>;
  /** The first three different values, shown in at most 60 characters. */
  readonly samples: readonly string[];
  /** In every record, never null, and another value in each: of 10,000 records those are compared. */
  readonly isKeyCandidate: boolean;
}

/** A schema with what it was made from. */
export interface InferredSchema {
  readonly schema: Schema;
  /** In the order first seen, what is nested after what it is in. */
  readonly fields: readonly FieldCounts[];
  readonly records: number;
}

/** Mixed values are text: what is no text is then coerced, and written down. */
function fieldOf(name: string, sample: FieldSample, records: number): Field {
  const optional = sample.records < records ? [['optional', 'true'] as const] : [];
  return sampledField(name, sample, records) ?? new Field(name, new Utf8(), true, new Map(optional));
}

/** Records are added one by one; what is kept does not grow with their number. */
export class SchemaSampler {
  readonly #rules: SampleRules;
  readonly #fields = new Map<string, FieldSample>();
  #records = 0;

  constructor(options: InferOptions = {}) {
    const { untyped = false, nested = 'json', enumMax = 0, formats = false } = options;
    this.#rules = { untyped, nested, enumMax, formats };
  }

  /**
   * What is no object is a record with the one field `value`.
   * @throws SchemaError SCHEMA_TOO_LARGE beyond 100,000 names
   */
  add(record: unknown): void {
    this.#records += 1;
    if (!isJsonObject(record)) {
      this.#sample('value').add(record);
      return;
    }
    for (const [name, value] of Object.entries(record)) this.#sample(name).add(value);
  }

  /**
   * The schema of the records so far; more may be added afterwards.
   * @throws SchemaError SCHEMA_EMPTY when there is no field to see
   */
  result(): InferredSchema {
    if (this.#fields.size === 0) {
      throw new SchemaError('SCHEMA_EMPTY', 'there is no field to infer a schema from', {
        hint: 'Give a sample with records.',
      });
    }
    const schema = new Schema(
      Array.from(this.#fields, ([name, sample]) => fieldOf(name, sample, this.#records)),
    );
    const fields = schema.fields.flatMap((field) => {
      const sample = this.#fields.get(field.name);
      return sample ? countsOf(field.name, field, sample, this.#records) : [];
    });
    return { schema, fields, records: this.#records };
  }

  #sample(name: string): FieldSample {
    const known = this.#fields.get(name);
    if (known) return known;
    if (this.#fields.size >= FIELDS_MAX) {
      throw new SchemaError('SCHEMA_TOO_LARGE', `the sample has more than ${FIELDS_MAX} field names`, {
        hint: 'Are the names data? Keep such records under one name, as JSON text.',
      });
    }
    const sample = new FieldSample(this.#rules, 0);
    this.#fields.set(name, sample);
    return sample;
  }
}

function countsOf(
  name: string,
  field: Field | undefined,
  sample: FieldSample,
  records: number | undefined,
): readonly FieldCounts[] {
  const counts: FieldCounts = {
    name,
    type: field ? typeWords(field) : '',
    records: sample.records,
    nulls: sample.nulls,
    shapes: Object.fromEntries([...sample.shapes].sort(([, a], [, b]) => b - a)),
    samples: sample.samples,
    isKeyCandidate: sample.records === records && records > 1 && sample.isDistinct,
  };
  const children: readonly Field[] = field?.type.children ?? [];
  const inner = [...sample.children].flatMap(([child, seen]) =>
    countsOf(
      `${name}.${child}`,
      children.find((each) => each.name === child),
      seen,
      undefined,
    ),
  );
  const item = sample.item ? countsOf(`${name}[]`, children[0], sample.item, undefined) : [];
  return [counts, ...inner, ...item];
}

function typeWords({ type, metadata }: Field): string {
  if (metadata.get('json') === 'true') return 'json';
  return nameOfType(type) ?? (DataType.isStruct(type) ? 'struct' : 'list');
}

/** `inferSchema`, and what was counted on the way. @throws SchemaError like it */
export function inferWithCounts(records: Iterable<unknown>, options: InferOptions = {}): InferredSchema {
  const sampler = new SchemaSampler(options);
  for (const record of records) sampler.add(record);
  return sampler.result();
}

/**
 * Fields in the order they are first seen, all nullable, those that some record lacks optional. Integers widen to floats,
 * numbers that neither hold to decimals, anything mixed to text; nested values become JSON text unless `nested` says
 * otherwise. Text is a date or a time only when every value is one, in ISO 8601 (or, with `formats`, in one form).
 * @throws SchemaError SCHEMA_EMPTY when there is no field to see, SCHEMA_TOO_LARGE beyond 100,000 names
 */
export function inferSchema(records: readonly unknown[], options: InferOptions = {}): Schema {
  return inferWithCounts(records, options).schema;
}
