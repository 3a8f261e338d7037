import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../../src/core/errors.ts';
import { compileSchema } from '../../../src/schema/compile-schema.ts';
import {
  type InferOptions,
  inferSchema,
  inferWithCounts,
  SchemaSampler,
} from '../../../src/schema/declare/infer-schema.ts';
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
      'u:Uint64',
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

describe('inference of numbers that no double holds', () => {
  const typeOf = (values: readonly unknown[], options: InferOptions = {}) =>
    String(
      inferSchema(
        values.map((v) => ({ v })),
        options,
      ).fields[0]?.type,
    );
  const untyped = { untyped: true };

  it('is exact: unsigned, decimal or, where digits are already lost, text', () => {
    expect(typeOf([2n ** 63n, 0])).toBe('Uint64');
    expect(typeOf([2n ** 63n, -1])).toBe('Decimal[38e0]');
    expect(typeOf([10n ** 30n, 5])).toBe('Decimal[38e0]');
    expect(typeOf([10n ** 30n, 0.5])).toBe('Utf8');
    expect(typeOf([10n ** 80n])).toBe('Utf8');
  });

  it('looks at every digit of a text', () => {
    expect(typeOf(['0.1', '1e300', '-5e-324'], untyped)).toBe('Float64');
    expect(typeOf(['0.30000000000000004'], untyped)).toBe('Float64');
    expect(typeOf(['0.1000000000000000055511151231257827021181583404541015625'], untyped)).toBe('Float64');
    expect(typeOf([`0.${'3'.repeat(101)}`], untyped)).toBe('Utf8');
    expect(typeOf(['0.300000000000000041'], untyped)).toBe('Decimal[38e+18]');
    expect(typeOf(['9007199254740993.5'], untyped)).toBe('Decimal[38e+1]');
    expect(typeOf(['9007199254740993', '0.5'], untyped)).toBe('Decimal[38e+1]');
    expect(typeOf(['3e-324'], untyped)).toBe('Utf8');
    expect(typeOf(['1e400'], untyped)).toBe('Utf8');
    expect(typeOf(['18446744073709551615'], untyped)).toBe('Uint64');
    expect(typeOf(['99999999999999999999999999999999999999.12'], untyped)).toBe('Decimal[40e+2]');
  });
});

describe('inference of nested values, when asked for structs', () => {
  const infer = (...records: unknown[]) =>
    inferSchema(records, { nested: 'struct' }).fields.map(
      ({ type, metadata }) => `${type}${metadata.get('json') ? ' json' : ''}`,
    );

  it('makes structs of objects that are alike, and lists of arrays of one type', () => {
    expect(infer({ m: { a: 1, b: { c: 'x' } } }, { m: { a: 2, b: { c: null } } })).toEqual([
      'Struct<{a:Int64, b:Struct<{c:Utf8}>}>',
    ]);
    expect(infer({ m: [1, 2] }, { m: [0.5] }, { m: [] })).toEqual(['List<Float64>']);
    expect(infer({ m: [{ a: 1 }, { a: null }] })).toEqual(['List<Struct<{a:Int64}>>']);
  });

  it.each<[string, unknown[]]>([
    [
      'objects whose fields are mostly absent',
      [{ m: { a: 1, b: 1 } }, { m: { c: 1, d: 1 } }, { m: { e: 1, f: 1 } }],
    ],
    [
      'objects with many names',
      [{ m: Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, 1])) }],
    ],
    ['a field of mixed types', [{ m: { a: 1 } }, { m: { a: 'x' } }]],
    ['objects and arrays', [{ m: {} }, { m: [] }]],
    ['empty objects', [{ m: {} }]],
    ['empty arrays', [{ m: [] }]],
    ['arrays of mixed types', [{ m: [1, 'x'] }]],
  ])('keeps %s as JSON text', (_, records) => {
    expect(infer(...records)).toEqual(['Utf8 json']);
  });

  it('looks no deeper than 8 levels, and survives 10,000', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`);
    expect(infer({ m: deep })[0]).toMatch(/^Struct<.*a:Utf8/);
  });
});

describe('inference of enumerations and written dates, when asked for', () => {
  const first = (values: readonly unknown[], options: InferOptions) => {
    const [field] = inferSchema(
      values.map((v) => ({ v })),
      options,
    ).fields;
    return [String(field?.type), Object.fromEntries(field?.metadata ?? [])];
  };

  it('takes few words that come back for an enumeration, and names for text', () => {
    expect(first(['on', 'off', 'on', 'off', null], { enumMax: 2 })).toEqual([
      'Dictionary<Int32, Utf8>',
      { enum: '["on","off"]' },
    ]);
    expect(first(['on', 'off', 'on'], { enumMax: 2 })).toEqual(['Utf8', {}]);
    expect(first(['a', 'b', 'c', 'a', 'b', 'c'], { enumMax: 2 })).toEqual(['Utf8', {}]);
    expect(first(['on', 'on'], {})).toEqual(['Utf8', {}]);
  });

  it.each([
    [['Jun 12 1998', 'Dec 1 2001'], 'Date32<DAY>', 'MMM D YYYY'],
    [['24.12.2020', '1.2.2021'], 'Date32<DAY>', 'D.M.YYYY'],
    [['12/24/2020', '01/02/2021'], 'Date32<DAY>', 'M/D/YYYY'],
    [['24/12/2020', '01/02/2021'], 'Date32<DAY>', 'D/M/YYYY'],
    [['2020-12-24 10:00:00', '2021-01-01 23:59:59'], 'Timestamp<MICROSECOND>', 'YYYY-MM-DD HH:mm:ss'],
    [['24/Dec/2020:10:00:00 +0200'], 'Timestamp<MICROSECOND, UTC>', 'D/MMM/YYYY:HH:mm:ss Z'],
    [['01/02/2021', '03/04/2021'], 'Utf8', undefined],
    [['24.12.2020', '12/24/2020'], 'Utf8', undefined],
    [['31.02.2020'], 'Utf8', undefined],
    [['x'.repeat(1_000_000)], 'Utf8', undefined],
  ])('reads %j as one form, or not at all', (values, type, format) => {
    const records = values.map((v) => ({ v }));
    expect(first(values, { formats: true })).toEqual([type, format === undefined ? {} : { format }]);
    expect(first(values, {})).toEqual(['Utf8', {}]);
    expect(
      compileSchema(inferSchema(records, { formats: true })).check(ndjsonOf(records), 'all').residue,
    ).toEqual([]);
  });
});

describe('the counts of a sample', () => {
  it('say of every name how often it is there, what it looks like, and whether it may be a key', () => {
    const { fields, records } = inferWithCounts(
      [
        { id: 1, s: 'a', m: { x: 1 }, t: [1, 2] },
        { id: 2, s: null, m: { x: null }, t: [] },
        { id: 3, s: 5, m: { x: 2 } },
      ],
      { nested: 'struct' },
    );
    expect(records).toBe(3);
    expect(fields).toEqual([
      {
        name: 'id',
        type: 'int64',
        records: 3,
        nulls: 0,
        shapes: { int: 3 },
        samples: ['1', '2', '3'],
        isKeyCandidate: true,
      },
      {
        name: 's',
        type: 'utf8',
        records: 3,
        nulls: 1,
        shapes: { text: 1, int: 1 },
        samples: ['"a"', '5'],
        isKeyCandidate: false,
      },
      {
        name: 'm',
        type: 'struct',
        records: 3,
        nulls: 0,
        shapes: { object: 3 },
        samples: ['{"x":1}', '{"x":null}', '{"x":2}'],
        isKeyCandidate: false,
      },
      {
        name: 'm.x',
        type: 'int64',
        records: 3,
        nulls: 1,
        shapes: { int: 2 },
        samples: ['1', '2'],
        isKeyCandidate: false,
      },
      {
        name: 't',
        type: 'list',
        records: 2,
        nulls: 0,
        shapes: { array: 2 },
        samples: ['[1,2]', '[]'],
        isKeyCandidate: false,
      },
      {
        name: 't[]',
        type: 'int64',
        records: 2,
        nulls: 0,
        shapes: { int: 2 },
        samples: ['1', '2'],
        isKeyCandidate: false,
      },
    ]);
  });

  it('add up to the records, whatever they hold, and are the same however the sample is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.jsonValue())),
        (records) => {
          fc.pre(records.some((record) => Object.keys(record).length > 0));
          const { fields, schema } = inferWithCounts(records);
          for (const { name, records: present, nulls, shapes } of fields) {
            expect(present).toBe(records.filter((record) => Object.hasOwn(record, name)).length);
            expect(nulls + Object.values(shapes).reduce((sum, count) => sum + count, 0)).toBe(present);
          }
          const sampler = new SchemaSampler();
          for (const record of records) {
            sampler.add(record);
            if (Object.keys(record).length > 0) sampler.result();
          }
          expect(sampler.result()).toEqual({ fields, schema, records: records.length });
        },
      ),
    );
  });

  it('stop at 100,000 names', () => {
    const sampler = new SchemaSampler();
    for (let index = 0; index < 100_000; index += 1) sampler.add({ [`k${index}`]: 1 });
    expect(() => sampler.add({ more: 1 })).toThrow(SchemaError);
  });
});
