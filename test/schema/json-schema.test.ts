import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../src/core/errors.ts';
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  Field,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  Schema,
  Timestamp,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from '../../src/schema/arrow.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { fromJsonSchema } from '../../src/schema/declare/from-json-schema.ts';
import { toJsonSchema } from '../../src/schema/declare/to-json-schema.ts';
import { field, ndjsonOf } from './schemas.ts';

const TYPES: readonly DataType[] = [
  new Int8(),
  new Int16(),
  new Int32(),
  new Int64(),
  new Uint8(),
  new Uint16(),
  new Uint32(),
  new Uint64(),
  new Float16(),
  new Float32(),
  new Float64(),
  new Bool(),
  new Utf8(),
  new LargeUtf8(),
  new Binary(),
  new LargeBinary(),
  new Dictionary(new Utf8(), new Int32()),
  new DateDay(),
  new DateMillisecond(),
  new Decimal(2, 10),
  new Timestamp(ArrowTimeUnit.SECOND),
  new Timestamp(ArrowTimeUnit.MICROSECOND, 'UTC'),
  new Timestamp(ArrowTimeUnit.NANOSECOND, 'Europe/Paris'),
];

const object = (properties: object, rest: object = {}) => ({ type: 'object', properties, ...rest });
const typesOf = (properties: object) =>
  fromJsonSchema(object(properties)).fields.map(({ type }) => String(type));

function faultOf(run: () => unknown): SchemaError {
  try {
    run();
  } catch (error) {
    if (error instanceof SchemaError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('reading JSON Schema', () => {
  it('takes the narrowest integer that holds the declared range, 64 bits without one', () => {
    const int = (minimum?: number, maximum?: number) => ({
      type: 'integer',
      ...(minimum === undefined ? {} : { minimum }),
      ...(maximum === undefined ? {} : { maximum }),
    });
    expect(
      typesOf({
        a: int(),
        b: int(0, 255),
        c: int(-1, 100),
        d: int(0, 256),
        e: int(-(2 ** 31), 2 ** 31 - 1),
        f: int(0),
        g: int(0, 2 ** 40),
        h: int(-(2 ** 63), 2 ** 63 - 1),
      }),
    ).toEqual(['Int64', 'Uint8', 'Int8', 'Uint16', 'Int32', 'Uint64', 'Int64', 'Int64']);
  });

  it('enforces a range that is narrower than the type', () => {
    const schema = compileSchema(
      fromJsonSchema(
        object({ n: { type: 'integer', minimum: 1, maximum: 10 }, f: { type: 'number', minimum: 0 } }),
      ),
    );
    const { columns } = schema.check(
      ndjsonOf([
        { n: 1, f: 0 },
        { n: 10, f: 1e300 },
        { n: 0, f: 0 },
        { n: 11, f: 0 },
        { n: 5, f: -0.1 },
      ]),
      'all',
    );
    expect(columns.rows).toEqual([0, 1]);
  });

  it('maps text formats, nested values and nullability', () => {
    const { fields } = fromJsonSchema(
      object(
        {
          a: { type: 'string', format: 'date' },
          b: { type: 'string', format: 'date-time' },
          c: { type: ['object', 'null'] },
          d: { type: 'array' },
          e: { type: 'string' },
        },
        {
          required: ['a', 'c'],
          additionalProperties: false,
          $schema: 'https://json-schema.org/draft/2020-12/schema',
        },
      ),
    );
    expect(
      fields.map(({ type, nullable, metadata }) => [String(type), nullable, metadata.get('json')]),
    ).toEqual([
      ['Date32<DAY>', false, undefined],
      ['Timestamp<MICROSECOND, UTC>', true, undefined],
      ['Utf8', true, 'true'],
      ['Utf8', true, 'true'],
      ['Utf8', true, undefined],
    ]);
  });

  it('reads the extensions into field metadata', () => {
    const { fields } = fromJsonSchema(
      object({
        a: { type: 'number', 'x-aliases': ['b'], 'x-key': true, 'x-essential': false, 'x-precision': 0.5 },
        d: { type: 'string', format: 'date', 'x-format': 'MMM DD YYYY' },
      }),
    );
    expect(fields.map(({ metadata }) => Object.fromEntries(metadata))).toEqual([
      { aliases: '["b"]', key: 'true', essential: 'false', precision: '0.5' },
      { format: 'MMM DD YYYY', optional: 'true' },
    ]);
  });

  it.each<[object, string]>([
    [object({ a: { type: 'string', pattern: 'x' } }), '#/properties/a/pattern'],
    [object({ 'a/b': { type: 'string', enum: [] } }), '#/properties/a~1b/enum'],
    [object({ a: { type: 'object', properties: {} } }), '#/properties/a/properties'],
    [object({ a: { type: ['string', 'integer'] } }), '#/properties/a/type'],
    [object({ a: {} }), '#/properties/a/type'],
    [object({ a: true }), '#/properties/a'],
    [object({ a: { type: 'string', format: 'uuid' } }), '#/properties/a/format'],
    [object({ a: { type: 'string', 'x-type': 'list' } }), '#/properties/a/x-type'],
    [object({ a: { type: 'string', 'x-key': 'yes' } }), '#/properties/a/x-key'],
    [object({}, { additionalProperties: true }), '#/additionalProperties'],
    [object({}, { allOf: [] }), '#/allOf'],
    [object({}, { required: ['a'] }), '#/required'],
    [{ type: 'array' }, '#/type'],
    [[], '#'],
  ])('refuses %j, naming the place', (document, path) => {
    const fault = faultOf(() => fromJsonSchema(document));
    expect(fault.code).toBe('SCHEMA_UNSUPPORTED');
    expect(fault.message.startsWith(`${path}: `)).toBe(true);
  });

  it('keeps a property named __proto__', () => {
    const document = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"}},"required":["__proto__"]}',
    );
    expect(fromJsonSchema(document).fields.map(({ name, nullable }) => [name, nullable])).toEqual([
      ['__proto__', false],
    ]);
  });
});

describe('writing JSON Schema', () => {
  it('gives a document that reads back to an equal schema, for every supported type and rule', () => {
    const metadata = fc.constantFrom<Record<string, string>>(
      {},
      { key: 'true' },
      { essential: 'false' },
      { aliases: '["p","q"]' },
      { precision: '1e-6r' },
      { minimum: '1', maximum: '9' },
      { optional: 'true' },
    );
    const name = fc.oneof(
      fc.string({ minLength: 1 }).filter((text) => !/^\d+$/.test(text)),
      fc.constant('__proto__'),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, fc.constantFrom(...TYPES), metadata, fc.boolean()), {
          minLength: 1,
          selector: ([key]) => key,
        }),
        (parts) => {
          const schema = new Schema(
            parts.map(
              ([key, type, rules, nullable]) =>
                new Field(
                  key,
                  type,
                  nullable || 'optional' in rules,
                  new Map(Object.entries(/int|float/i.test(`${type}`) ? rules : {})),
                ),
            ),
          );
          const again = fromJsonSchema(JSON.parse(JSON.stringify(toJsonSchema(schema))));
          const show = ({ fields }: Schema) =>
            fields.map((each) => [
              each.name,
              String(each.type),
              each.nullable,
              Object.fromEntries(each.metadata),
            ]);
          expect(show(again)).toEqual(show(schema));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keeps JSON text and declared formats', () => {
    const schema = new Schema([
      field('j', new Utf8(), { json: 'true' }, false),
      field('d', new DateDay(), { format: 'DD.MM.YYYY' }),
    ]);
    expect(compileSchema(fromJsonSchema(toJsonSchema(schema))).fingerprint).toBe(
      compileSchema(schema).fingerprint,
    );
  });
});
