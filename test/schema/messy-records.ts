/** Fields of every kind, and records that mostly do not conform to them. */
import fc from 'fast-check';
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  DateDay,
  Decimal,
  type Field,
  Float16,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  List,
  Struct,
  Timestamp,
  Uint64,
  Utf8,
} from '../../src/schema/arrow.ts';
import { field, ndjsonOf } from './schemas.ts';

/** Fields of every kind, most of which accept what `messyValue` makes of them. */
export const FIELDS: readonly Field[] = [
  field('tiny', new Int8()),
  field('int', new Int32(), { precision: '0.5' }),
  field('big', new Int64(), { essential: 'false' }),
  field('ubig', new Uint64()),
  field('float', new Float64()),
  field('single', new Float32(), { essential: 'false' }),
  field('Deci_Mal', new Decimal(3, 20), { precision: '0.01' }),
  field('text', new Utf8(), { aliases: '["Text Alias"]' }),
  field('json', new Utf8(), { json: 'true' }),
  field('flag', new Bool()),
  field('day', new DateDay()),
  field('at', new Timestamp(ArrowTimeUnit.MICROSECOND, 'UTC')),
  field('at_s', new Timestamp(ArrowTimeUnit.SECOND)),
  field('at_ns', new Timestamp(ArrowTimeUnit.NANOSECOND), { essential: 'false' }),
  field('blob', new Binary(), { essential: 'false' }),
  field('half', new Float16(), { precision: '1e-3r', essential: 'false' }),
  field('state', new Utf8(), { enum: '["yes","x"]', text: 'trim,nfc', onUnknown: 'null' }),
  field('level', new Int32(), { default: '1', leadingZeros: 'true' }, false),
  field('sent', new Timestamp(ArrowTimeUnit.MILLISECOND), { epoch: 's', essential: 'false' }),
  field('meta', new Struct([field('a', new Int32()), field('b', new List(field('item', new Utf8())))]), {
    essential: 'false',
  }),
  field('list', new List(field('item', new Float64()))),
];
export const NESTED = new Set(['meta', 'list']);
export const NAMES = [
  ...FIELDS.map(({ name }) => name),
  'DeciMal',
  'TEXT',
  'Text Alias',
  'AT',
  'extra',
  '__proto__',
  'constructor',
  '',
];

const pad = (value: number, width = 2) => String(value).padStart(width, '0');
const dateText = fc
  .tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }))
  .map(([year, month, day]) => `${pad(year, 4)}-${pad(month)}-${pad(day)}`);
const timeText = fc
  .tuple(
    dateText,
    fc.constantFrom('T', ' ', 't'),
    fc.nat(24),
    fc.nat(60),
    fc.nat(60),
    fc.constantFrom('', '.5', ',123456', '.123456789', '.000'),
    fc.constantFrom('', 'Z', '+02:00', '-0330', ' +01'),
  )
  .map(
    ([date, t, h, m, s, fraction, offset]) => `${date}${t}${pad(h)}:${pad(m)}:${pad(s)}${fraction}${offset}`,
  );
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.double().map(String),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.constantFrom(
    '007',
    '1e3',
    '12.50',
    '-0',
    '1e400',
    '1e-400',
    '0x1',
    ' 5 ',
    'NaN',
    'NA',
    '',
    'null',
    '1.2345',
  ),
);
export const messyValue = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    0,
    1,
    -0,
    1.5,
    12.3456,
    127,
    128,
    2 ** 53,
    1e18,
    1e300,
    -1e300,
    5e-324,
    1700000000,
    1700000000123,
    1700000000.25,
  ),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  numberText,
  dateText,
  timeText,
  fc.constantFrom('yes', 'F', 'AAEC', '{"a":1}', '"x"', '[', '\ud800'),
  fc.constantFrom(
    { a: [1, 2n ** 60n] },
    [],
    [null],
    {},
    { a: '1', B: 'x', c: 1 },
    '{"a":1,"b":[2]}',
    [1, '2'],
    [-0],
  ),
);
export const messyRecord = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), messyValue), { maxLength: 12 })
  .map((entries) => Object.fromEntries(entries));
/** Mostly well named, so that many rows land. */
const fairRecord = fc
  .tuple(fc.constantFrom(...FIELDS), messyValue, fc.boolean())
  .map(([{ name }, value, swap]) => ({ [swap ? name.toUpperCase() : name]: value }));
export const messyBatch = fc
  .array(fc.oneof(messyRecord, fairRecord, fairRecord), { minLength: 1, maxLength: 6 })
  .map(ndjsonOf);
