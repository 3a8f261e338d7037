import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../../src/core/errors.ts';
import type { Field } from '../../../src/schema/arrow.ts';
import { compileSchema } from '../../../src/schema/compile-schema.ts';
import { fromJsonSchema } from '../../../src/schema/declare/from-json-schema.ts';
import { ndjsonOf } from '../schemas.ts';

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
      { format: 'MMM DD YYYY', optional: 'true', nullable: 'false' },
    ]);
  });

  it.each<[object, string]>([
    [object({ a: { type: 'string', pattern: '^(a+)+$' } }), '#/properties/a/pattern'],
    [object({ 'a/b': { type: 'string', enum: [] } }), '#/properties/a~1b/enum'],
    [object({ a: { type: 'string', enum: ['x', 1] } }), '#/properties/a/enum'],
    [object({ a: { enum: [null] } }), '#/properties/a/enum'],
    [object({ a: { type: 'integer', enum: [1] } }), '#/properties/a/enum'],
    [object({ a: { type: 'string', format: 'date', enum: ['x'] } }), '#/properties/a/enum'],
    [object({ a: { type: 'boolean', const: true } }), '#/properties/a/const'],
    [object({ a: { type: 'string', const: 1 } }), '#/properties/a/const'],
    [object({ a: { type: ['integer', 'string'], minimum: 1 } }), '#/properties/a/minimum'],
    [object({ a: { type: 'string', minimum: 1 } }), '#/properties/a/minimum'],
    [object({ a: { minimum: 1 } }), '#/properties/a/type'],
    [object({ a: { type: 'null' } }), '#/properties/a/type'],
    [object({ a: { type: 'text' } }), '#/properties/a/type'],
    [object({ a: { type: 'integer', multipleOf: 2 } }), '#/properties/a/multipleOf'],
    [object({ a: { type: 'integer', exclusiveMinimum: 2 ** 53 } }), '#/properties/a/exclusiveMinimum'],
    [object({ a: { type: 'number', exclusiveMaximum: true } }), '#/properties/a/exclusiveMaximum'],
    [object({ a: { type: 'number', exclusiveMinimum: Number.MAX_VALUE } }), '#/properties/a/exclusiveMinimum'],
    [object({ a: { type: 'string', minLength: -1 } }), '#/properties/a/minLength'],
    [object({ a: { type: 'string', maxLength: 1.5 } }), '#/properties/a/maxLength'],
    [object({ a: { type: 'string', format: 'date', maxLength: 9 } }), '#/properties/a/maxLength'],
    [object({ a: { type: 'string', format: 'uuid' } }), '#/properties/a/format'],
    [object({ a: { type: 'string', contentEncoding: 'base32' } }), '#/properties/a/contentEncoding'],
    [object({ a: { type: 'string', 'x-type': 'list' } }), '#/properties/a/x-type'],
    [object({ a: { type: 'string', 'x-type': 'int32' } }), '#/properties/a/x-type'],
    [object({ a: { type: 'string', 'x-key': 'yes' } }), '#/properties/a/x-key'],
    [object({ a: { type: 'string', 'x-aliases': 'b' } }), '#/properties/a/x-aliases'],
    [object({ a: { type: 'string', 'x-metadata': { a: 1 } } }), '#/properties/a/x-metadata'],
    [object({ a: object({ b: { type: 'integer', nullable: true } }) }), '#/properties/a/properties/b/nullable'],
    [object({ a: object({}, { additionalProperties: true }) }), '#/properties/a/additionalProperties'],
    [object({ a: object({}, { required: ['b'] }) }), '#/properties/a/required'],
    [object({ a: { type: 'object', required: ['b'] } }), '#/properties/a/required'],
    [
      object({ a: { type: 'object', additionalProperties: { type: 'string' } } }),
      '#/properties/a/additionalProperties',
    ],
    [object({ a: { type: 'array', items: { not: {} } } }), '#/properties/a/items/not'],
    [object({ a: { type: 'array', items: false } }), '#/properties/a/items'],
    [object({ a: { type: 'array', items: {}, uniqueItems: true } }), '#/properties/a/uniqueItems'],
    [object({ a: { type: 'array', minItems: 1 } }), '#/properties/a/minItems'],
    [object({ a: { type: 'array', items: {}, minItems: 1 } }), '#/properties/a/minItems'],
    [object({ a: { type: 'array', items: {}, maxItems: 3 } }), '#/properties/a/maxItems'],
    [object({ a: { type: 'array', prefixItems: [] } }), '#/properties/a/prefixItems'],
    [object({ a: { anyOf: [{ type: 'string' }, { type: 'integer' }] } }), '#/properties/a/anyOf'],
    [object({ a: { oneOf: [{ type: ['string', 'null'] }, { type: 'null' }] } }), '#/properties/a/oneOf'],
    [
      object({ a: { anyOf: [{ type: 'string' }, { type: 'null' }], maxLength: 1 } }),
      '#/properties/a/maxLength',
    ],
    [
      object({ a: { $ref: '#/$defs/x', minimum: 1 } }, { $defs: { x: { type: 'integer' } } }),
      '#/properties/a/minimum',
    ],
    [object({ a: { $ref: '#/$defs/y' } }, { $defs: { x: {} } }), '#/properties/a/$ref'],
    [object({ a: { $ref: '#/$defs/__proto__' } }, { $defs: {} }), '#/properties/a/$ref'],
    [object({ a: { $ref: 'other.json' } }), '#/properties/a/$ref'],
    [object({ a: { $ref: '#' } }), '#/properties/a/$ref'],
    [
      object({ a: { $ref: '#/$defs/x' } }, { $defs: { x: object({ b: { $ref: '#/$defs/x' } }) } }),
      '#/$defs/x/properties/b/$ref',
    ],
    [object({ a: { $ref: '#/properties/a' } }), '#/properties/a/$ref'],
    [
      object({ a: { $ref: '#/$defs/x/$defs/y' } }, { $defs: { x: { $id: 'x', $defs: { y: {} } } } }),
      '#/properties/a/$ref',
    ],
    [object({ a: false }, { required: ['a'] }), '#/required'],
    [object({ a: 1 }), '#/properties/a'],
    [object({}, { additionalProperties: true }), '#/additionalProperties'],
    [object({}, { patternProperties: {} }), '#/patternProperties'],
    [object({}, { allOf: [] }), '#/allOf'],
    [object({}, { required: ['a'] }), '#/required'],
    [object({ a: {} }, { 'x-order': ['b'] }), '#/x-order'],
    [object({}, { $schema: 'http://json-schema.org/draft-04/schema#' }), '#/$schema'],
    [{ type: 'array' }, '#/type'],
    [{ type: ['object', 'null'], properties: {} }, '#/type'],
    [{ type: 'object' }, '#/properties'],
    [{ properties: {} }, '#/type'],
    [[], '#'],
  ])('refuses %j, naming the place', (document, path) => {
    const fault = faultOf(() => fromJsonSchema(document));
    expect(fault.code).toBe('SCHEMA_UNSUPPORTED');
    expect(fault.message.slice(0, fault.message.indexOf(': '))).toBe(path);
  });

  const levels = (count: number, leaf: object) => {
    let schema = leaf;
    for (let level = 0; level < count; level += 1) schema = object({ a: schema });
    return schema;
  };
  const references = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [
      `d${index}`,
      object({ a: { $ref: `#/$defs/d${index + 1}` }, b: { $ref: `#/$defs/d${index + 1}` } }),
    ]),
  );

  it.each<[string, object]>([
    ['10,000 levels', levels(10_000, { type: 'string' })],
    [
      'lists of 10,000 levels',
      JSON.parse(
        `{"type":"object","properties":{"a":${'{"type":"array","items":'.repeat(10_000)}{}${'}'.repeat(10_000)}}}`,
      ),
    ],
    [
      '100,001 fields',
      object(Object.fromEntries(Array.from({ length: 100_001 }, (_, index) => [`f${index}`, {}]))),
    ],
    [
      'references that double sixty times',
      object({ a: { $ref: '#/$defs/d0' } }, { $defs: { ...references, d60: { type: 'string' } } }),
    ],
    [
      'a row of 100 references',
      object(
        { a: { $ref: '#/$defs/d0' } },
        {
          $defs: Object.fromEntries(
            Array.from({ length: 100 }, (_, index) => [`d${index}`, { $ref: `#/$defs/d${index + 1}` }]),
          ),
        },
      ),
    ],
  ])('refuses %s in bounded time', (_, document) => {
    expect(faultOf(() => fromJsonSchema(document)).code).toBe('SCHEMA_TOO_LARGE');
  });

  it('takes 100,000 fields, and 32 levels', () => {
    const wide = object(
      Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`f${index}`, { type: 'integer' }])),
      { required: Array.from({ length: 100_000 }, (_, index) => `f${index}`) },
    );
    expect(fromJsonSchema(wide).fields).toHaveLength(100_000);
    expect(fromJsonSchema(levels(32, { type: 'string' })).fields).toHaveLength(1);
  });

  it('follows references, also through names that a pointer escapes, and takes rules from beside them', () => {
    const { fields } = fromJsonSchema({
      $id: 'https://example.com/row',
      $ref: '#/$defs/row',
      $defs: {
        row: object(
          { t: { $ref: '#/$defs/a~1b%25', 'x-aliases': ['u'], description: 'x' } },
          { required: ['t'] },
        ),
        'a/b%': { $ref: '#/definitions/number' },
      },
      definitions: { number: { anyOf: [{ type: 'null' }, { type: 'number', minimum: 0 }] } },
    });
    expect(
      fields.map(({ name, type, nullable, metadata }) => [
        name,
        String(type),
        nullable,
        Object.fromEntries(metadata),
      ]),
    ).toEqual([['t', 'Float64', true, { minimum: '0', aliases: '["u"]' }]]);
  });

  it('makes structs and lists of what declares its parts, with the rules of the parts', () => {
    const { fields } = fromJsonSchema(
      object({
        meta: object({ rssi: { type: 'integer' }, fw: { type: 'string' } }, { required: ['rssi'] }),
        tags: { type: ['array', 'null'], items: { type: 'string', maxLength: 3 } },
        empty: object({}),
      }),
    );
    expect(fields.map(({ type }) => String(type))).toEqual([
      'Struct<{rssi:Int64, fw:Utf8}>',
      'List<Utf8>',
      'Struct<{}>',
    ]);
    const [meta, tags] = fields.map((field): readonly Field[] => field.type.children ?? []);
    expect(meta?.map(({ nullable, metadata }) => [nullable, Object.fromEntries(metadata)])).toEqual([
      [false, {}],
      [true, { optional: 'true', nullable: 'false' }],
    ]);
    expect(tags?.map(({ nullable, metadata }) => [nullable, Object.fromEntries(metadata)])).toEqual([
      [false, { maxLength: '3' }],
    ]);
  });

  it('knows what enumerations leave of the types', () => {
    const of = (property: object) => {
      const [field] = fromJsonSchema(object({ a: property }, { required: ['a'] })).fields;
      return [String(field?.type), field?.nullable, field?.metadata.get('enum')];
    };
    const words = 'Dictionary<Int32, Utf8>';
    expect(of({ enum: ['a', 'b', 'a'] })).toEqual([words, false, '["a","b"]']);
    expect(of({ enum: ['a', null] })).toEqual([words, true, '["a"]']);
    expect(of({ type: 'string', enum: ['a', null] })).toEqual([words, false, '["a"]']);
    expect(of({ type: ['string', 'null'], enum: ['a'] })).toEqual([words, false, '["a"]']);
    expect(of({ enum: ['a', 'b'], const: 'b' })).toEqual([words, false, '["b"]']);
    expect(of({ type: 'string', enum: ['a'], 'x-type': 'utf8' })).toEqual(['Utf8', false, '["a"]']);
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
