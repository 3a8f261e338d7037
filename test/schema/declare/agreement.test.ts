/** What a document means to another validator, and to the strict check of the schema that is read from it. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../../src/core/errors.ts';
import { compileSchema } from '../../../src/schema/compile-schema.ts';
import { fromJsonSchema } from '../../../src/schema/declare/from-json-schema.ts';
import { DriftDetector } from '../../../src/schema/drift/drift-detector.ts';
import { planFields } from '../../../src/schema/schema-plan.ts';
import { ndjsonOf } from '../schemas.ts';

const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false, ownProperties: true });

/** The document as this package reads it: a record may hold only what is declared. */
function closed(properties: object, rest: object = {}): object {
  return { type: 'object', properties, additionalProperties: false, ...rest };
}

/** Which records conform, by the strict check. */
function conforming(document: object, records: readonly unknown[]): readonly boolean[] {
  const { columns } = compileSchema(fromJsonSchema(document)).check(ndjsonOf(records), 'all');
  return records.map((_, row) => columns.rows.includes(row));
}

/** The detector of drift has tests of its own for most values; they must agree with the readers. */
function isWithoutDrift(document: object, record: unknown): boolean {
  const detector = new DriftDetector(planFields(fromJsonSchema(document)));
  detector.add(record, 0);
  return detector.report().mismatched === 0;
}

function expectAgreement(document: object, records: readonly unknown[]): void {
  const validate = ajv.compile(document);
  expect(records.map((record) => isWithoutDrift(document, record))).toEqual(
    records.map((record) => validate(record)),
  );
  expect(conforming(document, records)).toEqual(records.map((record) => validate(record)));
}

const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  1.0,
  -1,
  1.5,
  2,
  10,
  255,
  256,
  -129,
  2 ** 31,
  -(2 ** 31),
  Number.MAX_SAFE_INTEGER,
  0.1,
  1.4999999999999998,
  1.5000000000000002,
  -1.5,
  -1.4999999999999998,
  -1.5000000000000002,
  5e-324,
  1e-7,
  '',
  'a',
  'ab',
  'abc',
  '💩',
  '💩💩',
  'e\u0301',
  '1',
  'null',
  '{}',
  '[1]',
  'constructor',
  [],
  [1],
  ['a'],
  [null],
  [[]],
  {},
  { a: 1 },
  { a: null },
  { a: '1' },
  { a: 1, b: 2 },
  [{ a: 1 }],
  [1, null],
  [1, 2],
  [1, 2, 3],
  [[1], []],
  { length: 1 },
  JSON.parse('{"__proto__":1}'),
];

const SCHEMAS: readonly (object | boolean)[] = [
  true,
  {},
  { type: 'integer' },
  { type: 'number' },
  { type: 'string' },
  { type: 'boolean' },
  { type: 'object' },
  { type: 'array' },
  { type: ['integer', 'null'] },
  { type: ['string', 'null'] },
  { type: ['integer', 'string'] },
  { type: ['number', 'integer'] },
  { type: ['object', 'array', 'null'] },
  { type: ['array', 'object', 'boolean'] },
  { type: ['boolean', 'integer'] },
  { type: ['string'] },
  { type: 'object', additionalProperties: true },
  { type: 'array', items: true, uniqueItems: false },
  { type: 'integer', minimum: 0, maximum: 255 },
  { type: 'integer', minimum: -128, maximum: 127 },
  { type: 'integer', minimum: 0.5, maximum: 1.5 },
  { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 2 },
  { type: 'integer', exclusiveMinimum: 0.5 },
  { type: 'integer', minimum: 1, exclusiveMinimum: 1 },
  { type: 'integer', multipleOf: 1 },
  { type: 'number', multipleOf: 1 },
  { type: 'number', multipleOf: 1.0, maximum: 9 },
  { type: 'number', minimum: 0 },
  { type: 'number', exclusiveMinimum: 0 },
  { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1.5 },
  { type: 'number', exclusiveMaximum: 0 },
  { type: 'number', exclusiveMinimum: 1.5 },
  { type: 'number', exclusiveMinimum: -1.5, exclusiveMaximum: 1.5 },
  { type: 'number', exclusiveMaximum: -1.5 },
  { type: 'number', minimum: 3, maximum: 2 },
  { type: ['number', 'null'], minimum: 1 },
  { const: 1 },
  { const: 1.5 },
  { type: 'integer', const: 2 },
  { type: ['integer', 'null'], const: 2 },
  { type: 'number', const: 0 },
  { anyOf: [{ type: 'integer' }, { type: 'null' }] },
  { oneOf: [{ type: 'null' }, { type: 'string' }] },
  { anyOf: [{ const: null }, { type: 'number', minimum: 1 }] },
  { oneOf: [{ type: 'object' }, { type: 'null' }], description: 'x' },
  { enum: ['a', 'abc', ''] },
  { enum: ['a', null] },
  { type: 'string', enum: ['a', null] },
  { type: ['string', 'null'], enum: ['a'] },
  { const: 'a' },
  { const: 'constructor' },
  { type: 'string', const: 'a', 'x-type': 'utf8' },
  { type: 'string', minLength: 2 },
  { type: 'string', maxLength: 1 },
  { type: 'string', maxLength: 0 },
  { type: 'string', minLength: 2, maxLength: 2 },
  { type: 'string', minLength: 3, maxLength: 2 },
  { type: ['string', 'null'], minLength: 1.0 },
  { type: 'string', enum: ['a', 'abc'], maxLength: 2 },
  { type: 'array', items: {} },
  { type: 'array', items: { type: 'integer' } },
  { type: ['array', 'null'], items: { type: ['integer', 'null'] } },
  { type: 'array', items: { type: 'string', minLength: 1 } },
  { type: 'array', items: { enum: ['a'] } },
  { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 },
  { type: 'array', items: { type: 'integer' }, minItems: 0 },
  { type: 'array', items: { type: 'array' } },
  { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
  { type: 'object', properties: { a: { type: 'integer' } }, additionalProperties: false },
  { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false },
  { type: 'object', properties: { a: true, b: false }, additionalProperties: false },
  { type: 'object', properties: { a: { type: ['integer', 'null'] } }, additionalProperties: false },
  { type: 'object', additionalProperties: false },
  { type: 'object', properties: {}, additionalProperties: false },
  {
    type: ['object', 'null'],
    properties: { length: { type: 'number' }, constructor: { type: 'string' } },
    additionalProperties: false,
  },
];

const NUMBER = fc.constantFrom(0, 1, -1, 1.5, 255, 256, 2 ** 31);
/** Schemas of most keywords, sensible or not, nested in each other. */
const { schema: ANY_SCHEMA } = fc.letrec<{ schema: object; keyword: object }>((tie) => ({
  keyword: fc.oneof(
    fc.record({
      type: fc.constantFrom<unknown>(
        'integer',
        'number',
        'string',
        'boolean',
        'object',
        'array',
        ['integer', 'null'],
        ['number', 'string'],
        ['object', 'null'],
      ),
    }),
    fc.record({ minimum: NUMBER }),
    fc.record({ maximum: NUMBER }),
    fc.record({ exclusiveMinimum: NUMBER }),
    fc.record({ exclusiveMaximum: NUMBER }),
    fc.record({ multipleOf: fc.constantFrom(1, 2) }),
    fc.record({ const: fc.constantFrom(1, 1.5, null, true, 'a') }),
    fc.record({ enum: fc.subarray(['a', 'ab', null, 1]) }),
    fc.record({ minLength: fc.nat(2) }),
    fc.record({ maxLength: fc.nat(2) }),
    fc.record({ pattern: fc.constant('a') }),
    fc.record({ not: fc.constant({}) }),
    fc.record({ title: fc.constant('x') }),
    fc.record({ items: tie('schema') }),
    fc.record({ properties: fc.record({ a: tie('schema') }), additionalProperties: fc.constant(false) }),
    fc.record({
      properties: fc.record({ a: tie('schema') }),
      required: fc.constant(['a']),
      additionalProperties: fc.constant(false),
    }),
    fc.record({ anyOf: fc.tuple(tie('schema'), fc.constant({ type: 'null' })) }),
  ),
  schema: fc
    .tuple(
      fc.oneof(
        fc.record({ type: fc.constantFrom('integer', 'number'), minimum: NUMBER }, { requiredKeys: ['type'] }),
        fc.record(
          { type: fc.constant('string'), minLength: fc.nat(2), maxLength: fc.nat(2) },
          { requiredKeys: ['type'] },
        ),
        fc.record({ type: fc.constant('array'), items: tie('schema') }),
        fc.constant({}),
      ),
      fc.array(tie('keyword'), { maxLength: 2, depthIdentifier: 'schema' }),
    )
    .map(([base, parts]) => Object.assign({}, base, ...parts)),
}));

describe('a schema and another validator', () => {
  it.each(SCHEMAS.map((schema) => [schema]))('agree on %j, required or not', (schema) => {
    const records = [...VALUES.map((value) => ({ v: value })), {}, { w: 1 }];
    expectAgreement(closed({ v: schema }, { required: ['v'] }), records);
    expectAgreement(closed({ v: schema }), records);
  });

  it('agree on a property that may not be there', () => {
    expectAgreement(closed({ a: { type: 'integer' }, b: false }), [{ a: 1 }, { a: 1, b: 1 }, { b: null }, {}]);
  });

  it('agree on names that every object inherits', () => {
    const names = ['constructor', 'toString', 'hasOwnProperty', 'length'];
    const entries = (value: unknown) => Object.fromEntries(names.map((name) => [name, value]));
    const records = [{}, entries(1), entries('x'), ...names.map((name) => Object.fromEntries([[name, 1]]))];
    expectAgreement(closed(entries({ type: 'integer' })), records);
    expectAgreement(closed(entries({ type: 'integer' }), { required: names }), records);
    expectAgreement(closed({ a: { type: 'integer' } }), records);
  });

  it('take __proto__ for a name like any other, which not every validator does', () => {
    const [named, one, text] = ['{"type":"integer"}', '1', '"x"'].map((json) =>
      JSON.parse(`{"__proto__":${json}}`),
    );
    const document = closed(named, { required: ['__proto__'] });
    expect(conforming(document, [one, text, {}, { a: 1 }])).toEqual([true, false, false, false]);
    expect(conforming(closed({ a: { type: 'integer' } }), [{ a: 1 }, one])).toEqual([true, false]);
  });

  it('agree on references', () => {
    const records = VALUES.map((value) => ({ a: value }));
    const $defs = { whole: { type: 'integer', minimum: 0 }, 'a/b~c%"': { $ref: '#/$defs/whole' } };
    expectAgreement(closed({ a: { $ref: '#/$defs/whole' } }, { $defs }), records);
    expectAgreement(closed({ a: { $ref: '#/$defs/a~1b~0c%25%22' } }, { $defs }), records);
    expectAgreement(
      closed({ a: { anyOf: [{ $ref: '#/$defs/whole' }, { type: 'null' }] } }, { $defs }),
      records,
    );
    expectAgreement(closed({ $ref: { type: 'string' } }), [{ $ref: 'a' }, { $ref: 1 }]);
  });

  it('agree on every document that is not refused, whatever keywords it combines', () => {
    let accepted = 0;
    fc.assert(
      fc.property(ANY_SCHEMA, fc.boolean(), (property, isRequired) => {
        const document = closed({ v: property }, isRequired ? { required: ['v'] } : {});
        try {
          fromJsonSchema(document);
        } catch (error) {
          expect(error).toBeInstanceOf(SchemaError);
          const { message } = error as SchemaError;
          // Its pointer leads to something that is there, or to a type that is missing.
          const pointer = message.slice(2, message.indexOf(': ')).split('/');
          const place = pointer
            .slice(0, -1)
            .reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document);
          expect(Object.keys({ ...(place as object), type: 1 })).toContain(pointer.at(-1));
          return;
        }
        accepted += 1;
        expectAgreement(document, [...VALUES.map((value) => ({ v: value })), {}]);
      }),
      { numRuns: 1_200 },
    );
    expect(accepted).toBeGreaterThan(200);
  });
});
