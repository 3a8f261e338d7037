import { describe, expect, it } from 'vitest';
import { SchemaError } from '../../src/core/errors.ts';
import {
  ArrowTimeUnit,
  DateDay,
  type Field,
  Int32,
  Int64,
  Schema,
  Timestamp,
  Utf8,
} from '../../src/schema/arrow.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { batchOf, compiled, field, valuesOf } from './schemas.ts';

function faultOf(run: () => unknown): SchemaError {
  try {
    run();
  } catch (error) {
    if (error instanceof SchemaError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('compiling', () => {
  it('gives equal schemas equal fingerprints and different ones different', () => {
    const print = (...fields: Field[]) => compiled(fields).fingerprint;
    const base = print(field('a', new Int32(), { key: 'true', essential: 'false' }));
    expect(print(field('a', new Int32(), { essential: 'false', key: 'true' }))).toBe(base);
    expect(base).toMatch(/^v1:[0-9a-f]{64}$/);
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
    expect(valuesOf(columns)).toEqual([[BigInt(Date.UTC(1970, 5, 9, 7, 5, 0, 250))]]);
  });
});

describe('fields that the schema does not know', () => {
  const schema = (onUnknown: string) =>
    compileSchema(new Schema([field('a', new Int32())], new Map([['onUnknown', onUnknown]])));
  const batch = batchOf('{"a":1,"b":2}\n{"a":"3"}\n');

  it('are stripped by coercion, or cost the row where the schema says so', async () => {
    const stripped = await schema('strip').coerce(batch, 'all');
    expect([stripped.columns.rows, stripped.residue]).toEqual([[0, 1], []]);
    const refused = await schema('refuse').coerce(batch, 'all');
    expect(refused.columns.rows).toEqual([1]);
    expect(refused.residue).toMatchObject([{ rows: [0], detail: expect.stringContaining('b') }]);
  });

  it('are treated in one of those ways', () => {
    expect(() => schema('keep')).toThrow('onUnknown is "keep", expected "strip" or "refuse"');
  });
});

describe('a field that may be absent but not null', () => {
  const schema = compiled([
    field('a', new Int32(), {}, false),
    field('b', new Int32(), { optional: 'true', nullable: 'false' }),
  ]);

  it('conforms when absent, and lands as null when it is null, without a loss', async () => {
    const batch = batchOf('{"a":1}\n{"a":2,"b":3}\n{"a":4,"b":null}\n');
    expect(schema.check(batch, 'all').columns.rows).toEqual([0, 1]);
    const { columns, loss, residue } = await schema.coerce(batch, 'all');
    expect([valuesOf(columns), loss.entries, residue]).toEqual([
      [
        [1, 2, 4],
        [null, 3, null],
      ],
      [],
      [],
    ]);
  });
});

describe('a column of some kinds of JSON', () => {
  const schema = compiled([field('a', new Utf8(), { json: 'true', jsonTypes: '["object"]' }, false)]);

  it('takes an object that comes as text for what it holds, and nothing else', async () => {
    const batch = batchOf('{"a":{"b":1}}\n{"a":"{\\"b\\":2}"}\n{"a":[1]}\n{"a":"[1]"}\n{"a":"x"}\n');
    expect(schema.check(batch, 'all').columns.rows).toEqual([0]);
    const { columns, loss } = await schema.coerce(batch, 'all');
    expect(valuesOf(columns)).toEqual([['{"b":1}', '{"b":2}']]);
    expect(loss.entries.map(({ kind, lossless, count }) => [kind, lossless, count])).toEqual([
      ['json-from-text', true, 1],
    ]);
  });

  it('refuses kinds that there are none of', () => {
    const kinds = (jsonTypes: string) => () => compiled([field('a', new Utf8(), { json: 'true', jsonTypes })]);
    for (const text of ['[]', '["null"]', '"object"', '{'])
      expect(kinds(text)).toThrow('expected a JSON array of object');
  });
});
