import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../../src/core/errors.ts';
import { compileSchema } from '../../../src/schema/compile-schema.ts';
import { inferSchema } from '../../../src/schema/declare/infer-schema.ts';
import { ndjsonOf } from '../schemas.ts';

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
    expect(() => inferSchema([{}])).toThrow(SchemaError);
  });
});
