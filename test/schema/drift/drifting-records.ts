/** Schemas and records, at random, that fit each other most of the time. */
import fc from 'fast-check';
import {
  ArrowTimeUnit,
  Bool,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  List,
  Schema,
  Struct,
  Timestamp,
  Uint32,
  Uint64,
  Utf8,
} from '../../../src/schema/arrow.ts';
import { field } from '../schemas.ts';

/** Names that objects have without being told, names that need quoting, and plain ones. */
export const NAMES = [
  'id',
  'temp',
  'US Gross',
  'usGross2',
  '__proto__',
  'constructor',
  'toString',
  'a.b',
  'x"] = 1; //',
  '\u2028',
  '',
  '7',
  'länge',
];

const TYPES = [
  () => new Int8(),
  () => new Int32(),
  () => new Uint32(),
  () => new Int64(),
  () => new Uint64(),
  () => new Float32(),
  () => new Float64(),
  () => new Bool(),
  () => new Utf8(),
  () => new DateDay(),
  () => new Decimal(2, 10, 128),
  () =>
    new Struct([
      new Field('a', new Int32(), true),
      new Field('b', new List(new Field('item', new Utf8(), false)), true, new Map([['optional', 'true']])),
    ]),
  () => new Timestamp(ArrowTimeUnit.MILLISECOND, 'UTC'),
  () => new Timestamp(ArrowTimeUnit.SECOND),
  () => new Timestamp(ArrowTimeUnit.NANOSECOND, 'UTC'),
];

const fieldOf = (name: string): fc.Arbitrary<Field> =>
  fc
    .record({
      type: fc.constantFrom(...TYPES),
      isOptional: fc.boolean(),
      isNullable: fc.boolean(),
      bounds: fc.constantFrom(
        {},
        { minimum: '-3.5', maximum: '120' },
        { maximum: '9007199254740990.6' },
        { minimum: '1e0', maximum: '1e2' },
      ),
      isJson: fc.boolean(),
    })
    .map(({ type, isOptional, isNullable, bounds, isJson }) => {
      const made = type();
      const isNumber = /^(?:Int|Uint|Float|Decimal)/.test(String(made));
      return field(
        name,
        made,
        {
          ...(isOptional ? { optional: 'true', ...(isNullable ? {} : { nullable: 'false' }) } : {}),
          ...(isNumber ? bounds : {}),
          ...(isJson && String(made) === 'Utf8' ? { json: 'true' } : {}),
        },
        isNullable || isOptional,
      );
    });

export const schemas: fc.Arbitrary<Schema> = fc
  .uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 8 })
  .chain((names) => fc.tuple(...names.map(fieldOf)))
  .map((fields) => new Schema(fields));

export const values: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    -0,
    1,
    -1,
    127,
    128,
    120.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    2 ** 53 - 1,
    2 ** 53 - 2,
    -(2 ** 53),
    1e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ),
  fc.constantFrom<unknown>(
    '',
    'text',
    '1',
    '\ud800',
    'true',
    '2024-02-29',
    '2023-02-29',
    '{"a":1}',
    '[',
    '1.25',
  ),
  fc.constantFrom<unknown>(
    '2024-02-29T23:59:59Z',
    '2024-02-30T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:00:00.123Z',
    '2024-01-01T00:00:00.1234Z',
    '2024-01-01T00:00:00.Z',
    '2024-01-01T00:00:00',
    '2024-01-01T00:00:00+01:00',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ),
  fc.constantFrom<unknown>(null, true, false, 5n, 2n ** 63n, -1n, 2n ** 64n),
  fc.constantFrom<unknown>(
    [],
    {},
    [1, [null]],
    { a: { b: 'c' } },
    { a: 1, b: ['x'] },
    { a: null, b: [1] },
    { a: 'x', c: 1 },
    { a: '\udfff' },
    [Number.NaN],
    new Date(0),
    new Uint8Array(2),
  ),
  fc.double(),
  fc.integer(),
);

/** Own members, of the schema and beside it; `__proto__` is a name like any other. */
export const recordsOf = (schema: Schema): fc.Arbitrary<Readonly<Record<string, unknown>>> =>
  fc
    .uniqueArray(
      fc.tuple(
        fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom(...schema.fields.map(({ name }) => name)) },
          { weight: 1, arbitrary: fc.constantFrom(...NAMES, 'US_GROSS', 'Temp') },
        ),
        fc.oneof({ weight: 20, arbitrary: values }, { weight: 1, arbitrary: fc.constant(undefined) }),
      ),
      { selector: ([name]) => name, maxLength: 12 },
    )
    .map((members) => Object.fromEntries(members));
