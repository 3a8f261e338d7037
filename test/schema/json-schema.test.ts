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
import { fromJsonSchema } from '../../src/schema/from-json-schema.ts';
import { inferSchema } from '../../src/schema/infer-schema.ts';
import { toJsonSchema } from '../../src/schema/to-json-schema.ts';
import { batchOf, compiled, field, ndjsonOf } from './schemas.ts';

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
      { format: 'MMM DD YYYY' },
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
                  nullable,
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

describe('inference', () => {
  const inferred = (records: unknown[], untyped = false) =>
    inferSchema(records, { untyped }).fields.map(
      ({ name, type, metadata }) => `${name}:${type}${metadata.get('json') ? ' json' : ''}`,
    );

  it('takes the narrowest type that all values fit, and text for a mixture', () => {
    expect(
      inferred([
        { i: 1, f: 1, b: true, n: null, m: 1, j: { a: 1 }, k: [1], l: 2n ** 62n, u: 2n ** 63n, g: 2n ** 60n },
        { i: -5, f: 0.5, b: false, m: 'x', j: [], k: 5, l: 1, g: 0.5, late: 1 },
      ]),
    ).toEqual([
      'i:Int64',
      'f:Float64',
      'b:Bool',
      'n:Utf8',
      'm:Utf8',
      'j:Utf8 json',
      'k:Utf8',
      'l:Int64',
      'u:Utf8',
      'g:Utf8',
      'late:Int64',
    ]);
  });

  it('takes text as a date or a time only when every value is one', () => {
    expect(
      inferred([
        {
          d: '2024-02-29',
          t: '2024-02-29T10:00:00Z',
          z: '2024-02-29T10:00:00.123456789',
          x: '2024-02-29',
          y: '2024-02-29',
          s: '5',
        },
        {
          d: null,
          t: '2024-02-29T10:00:00.5+01:00',
          z: '2024-02-29T10:00:00',
          x: '2023-02-29',
          y: '2024-02-29T10:00:00Z',
          s: '6',
        },
      ]),
    ).toEqual([
      'd:Date32<DAY>',
      't:Timestamp<MICROSECOND, UTC>',
      'z:Timestamp<NANOSECOND>',
      'x:Utf8',
      'y:Utf8',
      's:Utf8',
    ]);
  });

  it('recognises canonical numbers and booleans in text for formats without types', () => {
    expect(
      inferred(
        [
          { i: '42', f: '1.5', b: 'true', z: '007', e: null },
          { i: '-1', f: '2', b: 'false', z: '8', e: null },
        ],
        true,
      ),
    ).toEqual(['i:Int64', 'f:Float64', 'b:Bool', 'z:Utf8', 'e:Utf8']);
  });

  it('gives a schema that its own sample conforms to, when no field is mixed', () => {
    const column = fc.constantFrom<fc.Arbitrary<unknown>>(
      fc.integer(),
      fc
        .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        .map((n) => (n > 2n ** 53n || n < -(2n ** 53n) ? n : Number(n))),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.string(),
      fc.array(fc.integer()),
      fc.constant(null),
      fc.constantFrom('2024-01-01', '1999-12-31'),
      fc.constantFrom('2024-01-01T00:00:00Z', '2024-01-01T00:00:00.25-03:00'),
    );
    const table = fc
      .array(column, { minLength: 1, maxLength: 5 })
      .chain((columns) => fc.array(fc.tuple(...columns), { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(table, (rows) => {
        const records = rows.map((cells) =>
          Object.fromEntries(cells.map((cell, index) => [`c${index}`, cell])),
        );
        const batch = ndjsonOf(records);
        expect(compileSchema(inferSchema(records)).check(batch, 'all').residue).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a sample without fields', () => {
    expect(faultOf(() => inferSchema([{}])).code).toBe('SCHEMA_EMPTY');
  });
});

describe('compiling', () => {
  it('gives equal schemas equal fingerprints and different ones different', () => {
    const print = (...fields: Field[]) => compiled(fields).fingerprint;
    const base = print(field('a', new Int32(), { key: 'true', essential: 'false' }));
    expect(print(field('a', new Int32(), { essential: 'false', key: 'true' }))).toBe(base);
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(
      new Set([
        base,
        print(field('a', new Int32())),
        print(field('a', new Int64())),
        print(field('b', new Int32())),
        print(field('a', new Int32(), {}, false)),
      ]).size,
    ).toBe(5);
  });

  it.each<[string, () => unknown, string]>([
    [
      'two fields of one name',
      () => compiled([field('a', new Int32()), field('a', new Int32())]),
      '"a" means two fields',
    ],
    [
      'an alias that is a field',
      () => compiled([field('a', new Int32(), { aliases: '["b"]' }), field('b', new Int32())]),
      '"b" means two fields',
    ],
    [
      'one alias of two fields',
      () =>
        compiled([
          field('a', new Int32(), { aliases: '["c"]' }),
          field('b', new Int32(), { aliases: '["c"]' }),
        ]),
      '"c" means two fields',
    ],
    [
      'aliases that are no list',
      () => compiled([field('a', new Int32(), { aliases: 'b' })]),
      'field "a": aliases',
    ],
    [
      'a precision that is no number',
      () => compiled([field('a', new Int32(), { precision: 'high' })]),
      'field "a": precision',
    ],
    [
      'a flag that is no flag',
      () => compiled([field('a', new Int32(), { essential: 'no' })]),
      'field "a": essential',
    ],
    [
      'a format with an unknown token',
      () => compiled([field('a', new DateDay(), { format: 'YY-MM-DD' })]),
      'field "a": format',
    ],
    [
      'a format without a year',
      () => compiled([field('a', new DateDay(), { format: 'MM-DD' })]),
      'field "a": format',
    ],
    [
      'a format that names a part twice',
      () => compiled([field('a', new DateDay(), { format: 'YYYY-MM-DD YYYY' })]),
      'field "a": format',
    ],
    ['a schema without fields', () => compiled([]), 'the schema has no fields'],
  ])('refuses %s', (_what, run, words) => {
    expect(faultOf(run).message).toContain(words);
  });

  it('refuses a tolerance outside of 0 to 1', () => {
    expect(() => compiled([field('a', new Int32())], { tolerance: 1.1 })).toThrow('tolerance: found 1.1');
  });

  it('reads declared formats with names, brackets, fractions and offsets', () => {
    const schema = compiled([
      field('t', new Timestamp(ArrowTimeUnit.MILLISECOND, 'UTC'), { format: 'D MMMM YYYY [at] H:mm:ss.SSS Z' }),
    ]);
    const { columns } = schema.check(
      batchOf('{"t":"9 June 1970 at 8:05:00.250 +01:00"}\n{"t":"9 june 1970 at 8:05:00.250 +01:00"}'),
      'all',
    );
    expect(columns.values).toEqual([[BigInt(Date.UTC(1970, 5, 9, 7, 5, 0, 250))]]);
  });
});
