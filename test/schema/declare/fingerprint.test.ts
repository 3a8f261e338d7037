import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Field, Int32, Int64, List, Schema, Struct, Utf8 } from '../../../src/schema/arrow.ts';
import { fingerprintOf } from '../../../src/schema/declare/fingerprint.ts';
import { fromJsonSchema } from '../../../src/schema/declare/from-json-schema.ts';
import { toJsonSchema } from '../../../src/schema/declare/to-json-schema.ts';
import { field } from '../schemas.ts';
import { SCHEMAS } from './arrow-schemas.ts';

const print = (fields: readonly Field[], metadata: Record<string, string> = {}) =>
  fingerprintOf(new Schema([...fields], new Map(Object.entries(metadata))));

describe('a fingerprint', () => {
  it('stays what it was when it was first written down', () => {
    expect(print([field('a', new Int32(), { key: 'true', aliases: '["b"]' }, false)])).toMatchInlineSnapshot(
      `"v1:6ecd72a4ca9421d24f17cfdb6093e78581200058a1eac2da31d3ae8ce21177a1"`,
    );
  });

  it('survives a way through JSON Schema, whatever the schema', () => {
    fc.assert(
      fc.property(SCHEMAS, (schema) => {
        const again = fromJsonSchema(JSON.parse(JSON.stringify(toJsonSchema(schema))));
        expect(fingerprintOf(again)).toBe(fingerprintOf(schema));
      }),
      { numRuns: 300 },
    );
  });

  it('is equal for schemas that say the same in other words', () => {
    const base = print([field('a', new Int32(), { minimum: '1', aliases: '["x","y"]', essential: 'false' })]);
    const same = {
      essential: 'false',
      aliases: '[ "x", "y" ]',
      minimum: '1.0',
      key: 'false',
      optional: 'false',
    };
    expect(print([field('a', new Int32(), same)])).toBe(base);
    expect(print([field('a', new Int32(), { ...same, json: 'false' })], { pandas: '{}' })).toBe(base);
  });

  it('differs by name, order, type, nullability, rules and whatever is nested', () => {
    const a = field('a', new Int32());
    const b = field('b', new Int32());
    const prints = [
      print([a]),
      print([b]),
      print([a, b]),
      print([b, a]),
      print([a], { onUnknown: 'refuse' }),
      print([field('a', new Int64())]),
      print([field('a', new Int32(), {}, false)]),
      print([field('a', new Int32(), { key: 'true' })]),
      print([field('a', new Int32(), { minimum: '1' })]),
      print([field('a', new Struct([a]))]),
      print([field('a', new Struct([b]))]),
      print([field('a', new Struct([field('a', new Int32(), {}, false)]))]),
      print([field('a', new List(a))]),
      print([field('a', new List(field('a', new Int32(), { minimum: '1' })))]),
      print([field('a', new Utf8())]),
      print([field('a', new Utf8(), { enum: '["x"]' })]),
      print([field('a', new Utf8(), { enum: '["x","y"]' })]),
    ];
    expect(new Set(prints).size).toBe(prints.length);
  });
});
