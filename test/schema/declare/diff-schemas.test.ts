import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  type Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  LargeUtf8,
  List,
  Schema,
  Struct,
  Timestamp,
  Uint8,
  Uint64,
  Utf8,
} from '../../../src/schema/arrow.ts';
import { type CompiledSchema, compileSchema } from '../../../src/schema/compile-schema.ts';
import { diffSchemas } from '../../../src/schema/declare/diff-schemas.ts';
import { fingerprintOf } from '../../../src/schema/declare/fingerprint.ts';
import { field, ndjsonOf } from '../schemas.ts';

const words = (...list: string[]) => ({ enum: JSON.stringify(list) });
const dictionary = new Dictionary(new Utf8(), new Int32());
const us = (zone?: string) => new Timestamp(ArrowTimeUnit.MICROSECOND, zone);

/** Types with metadata, of every family and at the edges between them. */
const KINDS: readonly (readonly [DataType, Record<string, string>])[] = [
  [new Int8(), {}],
  [new Uint8(), { maximum: '1' }],
  [new Int32(), { minimum: '-5', maximum: '7' }],
  [new Int64(), {}],
  [new Int64(), { minimum: '-9007199254740992', maximum: '9007199254740992' }],
  [new Uint64(), {}],
  [new Float16(), {}],
  [new Float32(), {}],
  [new Float64(), {}],
  [new Float64(), { minimum: '0' }],
  [new Float64(), { minimum: '0.5', maximum: '255' }],
  [new Decimal(0, 3), {}],
  [new Decimal(2, 5), {}],
  [new Decimal(4, 20), {}],
  [new Decimal(0, 20), {}],
  [new Decimal(2, 5), { minimum: '0.5' }],
  [new Bool(), {}],
  [new Utf8(), {}],
  [new LargeUtf8(), { minLength: '1' }],
  [new Utf8(), { maxLength: '3' }],
  [new Utf8(), { text: 'trim' }],
  [new Utf8(), { text: 'trim', minLength: '2' }],
  [dictionary, {}],
  [dictionary, words('a', 'abc')],
  [dictionary, words('a')],
  [dictionary, { ...words('a'), onUnknown: 'null' }],
  [dictionary, { ...words('a', 'b'), onUnknown: 'default', default: '"b"' }],
  [new Utf8(), { json: 'true' }],
  [new Utf8(), { json: 'true', jsonTypes: '["object","array"]' }],
  [new Utf8(), { json: 'true', jsonTypes: '["number"]' }],
  [new Utf8(), { json: 'true', jsonTypes: '["string","integer"]' }],
  [new Utf8(), { json: 'true', jsonTypes: '["object","array","string","number","boolean"]' }],
  [new Binary(), {}],
  [new DateDay(), {}],
  [new DateDay(), { format: 'DD.MM.YYYY' }],
  [new DateDay(), { format: 'YYYY-DD-MM' }],
  [us(), {}],
  [us('UTC'), {}],
  [us('Europe/Paris'), {}],
  [us(), { epoch: 'ms' }],
  [us(), { format: 'DD.MM.YYYY HH:mm' }],
  [new Timestamp(ArrowTimeUnit.SECOND), {}],
  [new Timestamp(ArrowTimeUnit.NANOSECOND, 'UTC'), {}],
  [new List(field('item', new Int32(), {}, false)), {}],
  [new List(field('item', new Float64())), {}],
  [new FixedSizeList(1, field('item', new Float64())), {}],
  [new FixedSizeList(2, field('item', new Int32())), {}],
  [new List(field('item', new Utf8())), {}],
  [new Struct([field('a', new Int32(), {}, false)]), {}],
  [new Struct([field('a', new Float64(), { optional: 'true' }), field('b', new Utf8())]), {}],
  [new Struct([field('a', new Int8(), { optional: 'true', nullable: 'false' })]), {}],
  [new Struct([field('A', new Int32(), {}, false), field('c', new Bool(), { default: 'true' }, false)]), {}],
];

const INTEGERS = [
  0,
  1,
  2,
  7,
  -5,
  -6,
  127,
  128,
  255,
  256,
  1e3,
  2049,
  65_504,
  65_505,
  2 ** 24 + 1,
  1e15 - 1,
  1e15,
  2 ** 53 - 1,
];
/** JSON values at the edges of those types. */
const VALUES: readonly unknown[] = [
  ...INTEGERS,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 63n),
  2n ** 63n - 1n,
  2n ** 64n - 1n,
  -0,
  0.1,
  0.5,
  0.25,
  1.5,
  255.5,
  1e-7,
  3.4e38,
  1e300,
  5e-324,
  0.1234567890123,
  100.1234567890123,
  true,
  false,
  ...['', ' ', 'a', ' a', 'A', 'b', 'abc', 'abcd', 'null', 'NA', 'true', '{}', '[1]', '"x"', 'YWJj', 'YQ=='],
  ...['0', '1', '007', '1.5', '1.50', '-5', '12345', '123.45', '999.99', '1234567890123456.1234', '0.1234'],
  ...['2001-02-03', '2001-13-02', '0001-01-01', '9999-12-31', '03.02.2001', '03.02.2001 10:00'],
  ...['2001-02-03T04:05:06', '2001-02-03T04:05:06.789', '2001-02-03T04:05:06.123456789', '0900-01-01T00:00:00'],
  ...[
    '2001-02-03T04:05:06Z',
    '2001-02-03T00:00:00Z',
    '2001-02-03T04:05:06.5+01:00',
    '9999-12-31T00:00:00Z',
    '0900-01-01T00:00:00Z',
  ],
  [],
  [1],
  [1, 2],
  [0.5],
  ['a'],
  [null],
  [[]],
  {},
  { a: 1 },
  { a: null },
  { a: 0.5 },
  { a: 300 },
  { a: 1, b: 'x' },
  { a: 1, b: null },
  { b: null },
  { A: 1, c: true },
];
const RECORDS: readonly Record<string, unknown>[] = [{}, ...[null, ...VALUES].map((v) => ({ v }))];

const RULES: fc.Arbitrary<Record<string, string>> = fc.constantFrom(
  {},
  {},
  {},
  { optional: 'true' },
  { optional: 'true', nullable: 'false' },
  { nullable: 'false' },
  { essential: 'false' },
);
const FIELD = fc
  .tuple(fc.constantFrom(...KINDS), RULES, fc.boolean(), fc.constantFrom('v', 'v', 'V', 'w'))
  .map(([[type, metadata], rules, nullable, name]) => {
    const all = { ...metadata, ...rules };
    const needsNull = 'optional' in rules || all['onUnknown'] === 'null';
    return field(name, type, all, nullable || needsNull);
  });

function conforming(schema: CompiledSchema, records: readonly object[]): readonly object[] {
  const { columns } = schema.check(ndjsonOf(records), 'all');
  return columns.rows.flatMap((row) => records[row] ?? []);
}

/** What a comparison promises of data that conformed to the first schema, tried on all of it. */
async function expectKept(from: Field, to: Field): Promise<string> {
  const records = RECORDS.map((record) => ('v' in record ? { [from.name]: record['v'] } : record));
  const [old, now] = [from, to].map((each) => compileSchema(new Schema([each]), { tolerance: 1 }));
  if (!old || !now) throw new Error('two fields make two schemas');
  const given = conforming(old, records);
  const { compatibility, changes } = diffSchemas(old.schema, now.schema);
  const label = JSON.stringify({
    from: [String(from), ...from.metadata],
    to: [String(to), ...to.metadata],
    changes,
  });
  if (compatibility === 'compatible') expect(conforming(now, given), label).toEqual(given);
  if (compatibility === 'coercible' && given.length > 0)
    expect((await now.coerce(ndjsonOf(given), 'all')).residue, label).toEqual([]);
  return compatibility;
}

describe('the comparison of two schemas', () => {
  it('keeps its word with the strict check and the coercer, for every pair of types', async () => {
    const counts = { compatible: 0, coercible: 0, breaking: 0 };
    for (const [type, metadata] of KINDS) {
      for (const [other, rules] of KINDS) {
        const verdict = await expectKept(field('v', type, metadata), field('v', other, rules));
        counts[verdict as keyof typeof counts] += 1;
      }
    }
    // A judge who calls everything breaking breaks no promise.
    expect(counts.compatible).toBeGreaterThan(250);
    expect(counts.coercible).toBeGreaterThan(240);
  });

  it('keeps its word whatever is required, nullable, essential or renamed', async () => {
    await fc.assert(
      fc.asyncProperty(FIELD, FIELD, async (from, to) => {
        await expectKept(from, to);
      }),
      { numRuns: 600 },
    );
  });

  it('finds a change where fingerprints differ, and none where they are equal', () => {
    const plain = FIELD.filter(({ metadata }) => !metadata.has('nullable'));
    fc.assert(
      fc.property(plain, fc.oneof(plain, fc.constant(undefined)), (from, other) => {
        const [old, now] = [from, other ?? from].map((each) => new Schema([each]));
        if (!old || !now) return;
        const isEqual = fingerprintOf(old) === fingerprintOf(now);
        expect(diffSchemas(old, now).changes.length === 0).toBe(isEqual);
      }),
      { numRuns: 1_000 },
    );
  });

  const changesOf = (from: readonly Field[], to: readonly Field[], metadata: Record<string, string> = {}) => {
    const next = new Schema([...to], new Map(Object.entries(metadata)));
    const { changes } = diffSchemas(new Schema([...from]), next);
    return changes.map(({ path, kind, from: old, to: now, compatibility }) => [
      path,
      kind,
      old,
      now,
      compatibility,
    ]);
  };
  const id = field('id', new Int32(), {}, false);

  it.each<[string, Field[], Field[], Record<string, string>, unknown[]]>([
    [
      'an optional field',
      [id],
      [id, field('a', new Utf8(), { optional: 'true' })],
      {},
      [['a', 'added', undefined, 'utf8', 'compatible']],
    ],
    [
      'a nullable field',
      [id],
      [id, field('a', new Utf8())],
      {},
      [['a', 'added', undefined, 'utf8', 'coercible']],
    ],
    [
      'a field with a default',
      [id],
      [id, field('a', new Utf8(), { default: '"x"' }, false)],
      {},
      [['a', 'added', undefined, 'utf8', 'coercible']],
    ],
    [
      'a field that must be there',
      [id],
      [id, field('a', new Utf8(), {}, false)],
      {},
      [['a', 'added', undefined, 'utf8', 'breaking']],
    ],
    [
      'a field that is gone',
      [id, field('a', new Utf8())],
      [id],
      {},
      [['a', 'removed', 'utf8', undefined, 'coercible']],
    ],
    [
      'a field that is gone where unknown ones are refused',
      [id, field('a', new Utf8())],
      [id],
      { onUnknown: 'refuse' },
      [
        ['', 'rules', 'unknown fields: strip', 'unknown fields: refuse', 'compatible'],
        ['a', 'removed', 'utf8', undefined, 'breaking'],
      ],
    ],
    [
      'another case',
      [field('US Gross', new Int32())],
      [field('us_gross', new Int32())],
      {},
      [['us_gross', 'renamed', 'US Gross', 'us_gross', 'coercible']],
    ],
    [
      'an alias',
      [field('a', new Int32())],
      [field('b', new Int64(), { aliases: '["a"]' })],
      {},
      [
        ['b', 'renamed', 'a', 'b', 'coercible'],
        ['b', 'type', 'int32', 'int64', 'compatible'],
        ['b', 'rules', 'aliases: []', 'aliases: ["a"]', 'compatible'],
      ],
    ],
    [
      'a narrower range',
      [field('a', new Int32())],
      [field('a', new Int32(), { minimum: '0' })],
      {},
      [['a', 'range', 'int32', '0 to …', 'breaking']],
    ],
    [
      'a narrower range of what is not essential',
      [field('a', new Int32())],
      [field('a', new Int32(), { minimum: '0', essential: 'false' })],
      {},
      [
        ['a', 'range', 'int32', '0 to …', 'coercible'],
        ['a', 'rules', 'essential: true', 'essential: false', 'compatible'],
      ],
    ],
    [
      'words that come and go',
      [field('a', dictionary, words('x', 'y'))],
      [field('a', dictionary, words('x', 'z'))],
      {},
      [['a', 'words', 'x | y', 'x | z', 'breaking']],
    ],
    [
      'another key',
      [id],
      [field('id', new Int32(), { key: 'true' }, false)],
      {},
      [['id', 'key', 'key: false', 'key: true', 'breaking']],
    ],
    [
      'what is nested',
      [field('m', new Struct([field('rssi', new Int32(), {}, false), field('old', new Bool())]))],
      [
        field(
          'm',
          new Struct([
            field('rssi', new Int8()),
            field('fw', new List(field('item', new Utf8())), { optional: 'true' }),
          ]),
        ),
      ],
      {},
      [
        ['m.rssi', 'type', 'int32', 'int8', 'breaking'],
        ['m.rssi', 'nullability', 'not null', 'nullable', 'compatible'],
        ['m.fw', 'added', undefined, 'list', 'compatible'],
        ['m.old', 'removed', 'bool', undefined, 'coercible'],
      ],
    ],
    [
      'an item',
      [field('t', new List(field('item', new Utf8())))],
      [field('t', new List(field('item', new Utf8(), {}, false)))],
      {},
      [['t[]', 'nullability', 'nullable', 'not null', 'breaking']],
    ],
    ['the order alone', [id, field('a', new Utf8())], [field('a', new Utf8()), id], {}, []],
  ])('names %s', (_, from, to, metadata, changes) => {
    expect(changesOf(from, to, metadata)).toEqual(changes);
  });

  it('is plain data', () => {
    const diff = diffSchemas(new Schema([id]), new Schema([field('a', new Utf8(), {}, false)]));
    expect(JSON.parse(JSON.stringify(diff))).toEqual({
      compatibility: 'breaking',
      changes: [
        { path: 'a', kind: 'added', to: 'utf8', compatibility: 'breaking', why: 'absence is refused' },
        { path: 'id', kind: 'removed', from: 'int32', compatibility: 'coercible', why: 'is stripped' },
      ],
    });
  });
});
