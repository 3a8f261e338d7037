import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DataType,
  DateDay,
  Dictionary,
  type Field,
  Float64,
  Int32,
  List,
  Schema,
  Struct,
  Uint8,
  Utf8,
} from '../../../src/schema/arrow.ts';
import { fromJsonSchema } from '../../../src/schema/declare/from-json-schema.ts';
import { toJsonSchema } from '../../../src/schema/declare/to-json-schema.ts';
import { field } from '../schemas.ts';
import { SCHEMAS, showSchema } from './arrow-schemas.ts';

const written = (...fields: Field[]) => toJsonSchema(new Schema(fields)) as { readonly properties: object };

describe('writing JSON Schema', () => {
  it('gives a document that reads back to an equal schema, whatever its types, names, nesting and metadata', () => {
    fc.assert(
      fc.property(SCHEMAS, (schema) => {
        const again = fromJsonSchema(JSON.parse(JSON.stringify(toJsonSchema(schema))));
        expect(showSchema(again)).toEqual(showSchema(schema));
      }),
      { numRuns: 1_000 },
    );
  });

  it('uses the words of JSON Schema where there are some', () => {
    const words = new Dictionary(new Utf8(), new Int32());
    expect(
      written(
        field('id', new Uint8(), { minimum: '1', maximum: '9' }, false),
        field('share', new Float64(), { minimum: '5e-324', maximum: '1' }),
        field('state', words, { enum: '["on","off"]', default: '"on"' }),
        field('name', new Utf8(), { optional: 'true', nullable: 'false', minLength: '1' }),
        field('any', new Utf8(), { json: 'true', jsonTypes: '["object"]' }, false),
        field('text', new Utf8(), { json: 'true' }, false),
        field('day', new DateDay(), { format: 'DD.MM.YYYY' }, false),
        field('meta', new Struct([field('rssi', new Int32(), {}, false)]), {}, false),
        field('tags', new List(field('item', new Utf8(), {}, false)), {}, false),
      ),
    ).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        id: { type: 'integer', minimum: 1, maximum: 9 },
        share: { type: ['number', 'null'], exclusiveMinimum: 0, maximum: 1 },
        state: { type: ['string', 'null'], enum: ['on', 'off', null], default: 'on' },
        name: { type: 'string', minLength: 1 },
        any: { type: 'object' },
        text: { type: ['object', 'array'], 'x-json': true },
        day: { type: 'string', format: 'date', 'x-format': 'DD.MM.YYYY' },
        meta: {
          type: 'object',
          properties: { rssi: { type: 'integer', 'x-type': 'int32' } },
          required: ['rssi'],
          additionalProperties: false,
        },
        tags: { type: 'array', items: { type: 'string' } },
      },
      required: ['id', 'share', 'state', 'any', 'text', 'day', 'meta', 'tags'],
      additionalProperties: false,
    });
  });

  const nested = (levels: number): DataType => {
    let type: DataType = new Utf8();
    for (let level = 0; level < levels; level += 1) type = new List(field('item', type));
    return type;
  };

  it.each([
    [
      'a type that no schema supports',
      field('a', new Dictionary(new Float64(), new Int32())),
      'SCHEMA_TYPE',
      '"a"',
    ],
    [
      'a name that is there twice',
      field('a', new Struct([field('b', new Utf8()), field('b', new Utf8())])),
      'SCHEMA_NAMES',
      '"b"',
    ],
    ['1,000 levels', field('a', nested(1_000)), 'SCHEMA_TOO_LARGE', 'deeper than 32'],
  ])('refuses %s', (_, faulty, code, words) => {
    expect(() => written(faulty)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });
});
