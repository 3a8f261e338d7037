import { describe, expect, it } from 'vitest';
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  Timestamp,
  Uint8,
  Uint64,
  Utf8,
} from '../../src/schema/arrow.ts';
import { batchOf, cellsOf, compiled, field, jsonLine, valuesOf } from './schemas.ts';

/** Text is put into the body as it is, so that cases can hold any JSON literal. */
async function take(type: DataType, json: string, metadata: Record<string, string> = {}, nullable = true) {
  const schema = compiled([field('v', type, metadata, nullable)]);
  const batch = batchOf(`{"v":${json}}`);
  const strict = schema.check(batch, 'all');
  const { columns, loss, residue } = await schema.coerce(batch, 'all');
  return {
    conforms: strict.columns.rows.length === 1,
    cell: columns.rows.length === 1 ? cellsOf(columns)[0] : 'refused',
    kind: loss.entries[0]?.kind,
    lossless: loss.entries[0]?.lossless,
    entries: loss.entries.length,
    detail: residue[0]?.detail,
  };
}

const us = new Timestamp(ArrowTimeUnit.MICROSECOND);
const usUtc = new Timestamp(ArrowTimeUnit.MICROSECOND, 'UTC');
const seconds = new Timestamp(ArrowTimeUnit.SECOND, 'UTC');
const paris = new Timestamp(ArrowTimeUnit.SECOND, 'Europe/Paris');

describe('a conforming value is taken without a loss entry', () => {
  it.each<[DataType, string, unknown, Record<string, string>?]>([
    [new Int8(), '-128', -128],
    [new Uint8(), '255', 255],
    [new Int32(), '1.0', 1],
    [new Int64(), '9007199254740993', 9007199254740993n],
    [new Int64(), '-9223372036854775808', -(2n ** 63n)],
    [new Uint64(), '18446744073709551615', 2n ** 64n - 1n],
    [new Float64(), '0.1', 0.1],
    [new Float64(), '-1e-7', -1e-7],
    [new Float64(), '18446744073709551616', 2 ** 64],
    [new Float64(), '12345678901234567000', Number('12345678901234567000')],
    [new Bool(), 'false', false],
    [new Utf8(), '"NA"', 'NA'],
    [new Utf8(), '""', ''],
    [new Dictionary(new Utf8(), new Int32()), '"x"', 'x'],
    [new Utf8(), '{"a":[12345678901234567890,1.5]}', '{"a":[12345678901234567890,1.5]}', { json: 'true' }],
    [new Utf8(), '"{\\"a\\":1}"', '{"a":1}', { json: 'true' }],
    [new Binary(), '"AAEC"', new Uint8Array([0, 1, 2])],
    [new Decimal(2, 10), '"12.5"', '12.50'],
    [new Decimal(2, 10), '-0.05', '-0.05'],
    [new Decimal(0, 38), '12345678901234567890123', '12345678901234567890123'],
    [new DateDay(), '"2024-02-29"', '2024-02-29'],
    [new DateDay(), '"Jun 12 1998"', '1998-06-12', { format: 'MMM DD YYYY' }],
    [us, '"1970-01-01T00:00:01.000001"', 1_000_001n],
    [us, '"1969-12-31T23:59:59.5Z"', -500_000n],
    [usUtc, '"1970-01-01T02:00:00+02:00"', 0n],
    [seconds, '"0001-01-01T00:00:00Z"', -62135596800n],
    [seconds, '"2024/06/01 10:30"', 1717237800n, { format: 'YYYY/MM/DD HH:mm' }],
  ])('%s <- %s', async (type, json, cell, metadata) => {
    expect(await take(type, json, metadata)).toEqual({
      conforms: true,
      cell,
      kind: undefined,
      lossless: undefined,
      entries: 0,
      detail: undefined,
    });
  });
});

describe('a convertible value is taken and counted once under its kind', () => {
  it.each<[DataType, string, unknown, string, boolean, Record<string, string>?]>([
    [new Int32(), '"42"', 42, 'number-from-text', true],
    [new Int32(), '" 42 "', 42, 'number-from-text', false],
    [new Int32(), '"1e3"', 1000, 'number-from-text', false],
    [new Int32(), '"12.0"', 12, 'number-from-text', false],
    [new Int64(), '"9007199254740993"', 9007199254740993n, 'number-from-text', true],
    [new Int32(), '12.6', 13, 'rounded', false, { precision: '0.5' }],
    [new Int32(), '"12.6"', 13, 'rounded', false, { precision: '0.5' }],
    [new Int64(), '1000000.5', 1000001n, 'rounded', false, { precision: '1e-6r' }],
    [new Int64(), '-2.5', -3n, 'rounded', false, { precision: '1' }],
    [new Float64(), '"0.1"', 0.1, 'number-from-text', true],
    [new Float64(), '"1.50"', 1.5, 'number-from-text', false],
    [
      new Float64(),
      '12345678901234567891',
      Number('12345678901234567891'),
      'rounded',
      false,
      { precision: '1e-9r' },
    ],
    [new Decimal(2, 10), '"1.005"', '1.01', 'rounded', false, { precision: '0.01' }],
    [new Decimal(2, 10), '"1e2"', '100.00', 'number-from-text', false],
    [new Decimal(2, 10), '0.30000000000000004', '0.30', 'rounded', false, { precision: '0.001' }],
    [new Int32(), '""', null, 'null-from-text', false],
    [new Int32(), '"N/A"', null, 'null-from-text', false],
    [new Float64(), '"NaN"', null, 'null-from-text', false],
    [new Bool(), '"null"', null, 'null-from-text', false],
    [new DateDay(), '"NA"', null, 'null-from-text', false],
    [new Bool(), '"false"', false, 'bool-from-text', true],
    [new Bool(), '"Yes"', true, 'bool-from-text', false],
    [new Bool(), '0', false, 'bool-from-number', true],
    [new Utf8(), '1776', '1776', 'text-from-number', true],
    [new Utf8(), '12345678901234567890', '12345678901234567890', 'text-from-number', true],
    [new Utf8(), '-0', '-0', 'text-from-number', true],
    [new Int32(), '[5]', 5, 'scalar-from-array', true],
    [new Float64(), '[5]', 5, 'scalar-from-array', true],
    [new Utf8(), 'true', 'true', 'text-from-bool', true],
    [new Utf8(), '{"a":[1,{"b":null}]}', '{"a":[1,{"b":null}]}', 'text-from-object', true],
    [new Utf8(), '"plain"', '"plain"', 'json-from-text', true, { json: 'true' }],
    [new DateDay(), '" 2024-02-29 "', '2024-02-29', 'time-from-text', false],
    [new DateDay(), '"2024-02-29T00:00:00Z"', '2024-02-29', 'time-from-text', false],
    [seconds, '"2024-02-29"', 1709164800n, 'time-from-text', false],
    [seconds, '"2024-02-29 10:30"', 1709202600n, 'time-from-text', false],
    [usUtc, '"2024-02-29T10:30:00"', 1709202600000000n, 'time-from-text', false],
    [usUtc, '"2024-02-29 10:30:00,25 +0230"', 1709193600250000n, 'time-from-text', false],
    [seconds, '"2024-02-29T10:30:00.999Z"', 1709202600n, 'rounded', false],
    [seconds, '"1969-12-31T23:59:59.5Z"', -1n, 'rounded', false],
    [us, '1700000000', 1700000000000000n, 'time-from-number', false],
    [us, '1700000000.123456', 1700000000123456n, 'time-from-number', false],
    [us, '1700000000123', 1700000000123000n, 'time-from-number', false],
    [seconds, '1700000000923', 1700000001n, 'rounded', false],
    [us, '1700000000123456', 1700000000123456n, 'time-from-number', false],
    [us, '1700000000123456789', 1700000000123457n, 'rounded', false],
    [us, '0', 0n, 'time-from-number', false],
    [us, '-1700000000', -1700000000000000n, 'time-from-number', false],
  ])('%s <- %s', async (type, json, cell, kind, lossless, metadata) => {
    expect(await take(type, json, metadata)).toEqual({
      conforms: false,
      cell,
      kind,
      lossless,
      entries: 1,
      detail: undefined,
    });
  });
});

describe('a value that could only be guessed or would be corrupted is refused', () => {
  it.each<[DataType, string, Record<string, string>?]>([
    [new Int8(), '128'],
    [new Uint8(), '-1'],
    [new Int32(), '12.7'],
    [new Int32(), '12.7', { precision: '0.1' }],
    [new Int32(), '"007"'],
    [new Int32(), '"0x10"'],
    [new Int32(), '"+5"'],
    [new Int32(), '"1_000"'],
    [new Int32(), '"1,000"'],
    [new Int32(), 'true'],
    [new Int32(), '[]'],
    [new Int32(), '[5,6]'],
    [new Int32(), '["5"]'],
    [new Int32(), '[null]'],
    [new Int32(), '3000000000'],
    [new Int64(), '1e18'],
    [new Int64(), '9223372036854775808'],
    [new Int64(), '"9223372036854775808"'],
    [new Float64(), '1e400'],
    [new Float64(), '"1e400"'],
    [new Float64(), '"Infinity"'],
    [new Float64(), '"1e-400"'],
    [new Float64(), '12345678901234567891'],
    [new Float64(), '[[5]]'],
    [new Float32(), '1e39'],
    [new Decimal(2, 4), '"123.45"'],
    [new Decimal(2, 10), '"1.005"'],
    [new Bool(), '2'],
    [new Bool(), '"maybe"'],
    [new Utf8(), '1e400'],
    [new Utf8(), '{"a":1e400}'],
    [new Utf8(), '"\\ud800"'],
    [new Binary(), '"not base64!"'],
    [new DateDay(), '"2023-02-29"'],
    [new DateDay(), '"2024-02-30"'],
    [new DateDay(), '"01/02/2024"'],
    [new DateDay(), '"12"'],
    [new DateDay(), '"2024-02-29T10:30:00Z"'],
    [new DateDay(), '1700000000'],
    [new DateDay(), '"2024-12-25"', { format: 'YYYY-DD-MM' }],
    [new DateDay(), '"Foo 12 1998"', { format: 'MMM DD YYYY' }],
    [new DateDay(), '"Feb 29 1999"', { format: 'MMM DD YYYY' }],
    [us, '"2023-02-29T00:00:00Z"'],
    [us, '"2024-01-01T24:00:00Z"'],
    [us, '"2024-01-01T10:00:60Z"'],
    [us, '"2024-01-01T10:00:00+24:00"'],
    [us, '"1700000000"'],
    [us, '-1'],
    [us, '20240229'],
    [us, '2024022910'],
    [us, '20240229103000'],
    [us, '1e18'],
    [us, '1e21'],
    [us, 'true'],
    [new Timestamp(ArrowTimeUnit.NANOSECOND), '"9999-01-01T00:00:00Z"'],
    [paris, '"2024-01-01T10:00:00"'],
  ])('%s <- %s', async (type, json, metadata) => {
    const taken = await take(type, json, metadata);
    expect(taken).toMatchObject({ conforms: false, cell: 'refused', entries: 0 });
    expect(taken.detail).toMatch(/^v: .* is no .* 1x$/);
    // The same value costs only itself where the field says so.
    expect(await take(type, json, { ...metadata, essential: 'false' })).toMatchObject({
      cell: null,
      kind: 'nulled',
      lossless: false,
    });
    expect(await take(type, json, { ...metadata, essential: 'false' }, false)).toMatchObject({
      cell: 'refused',
      detail: taken.detail,
    });
  });

  it('a null or an empty word where the schema has no null', async () => {
    expect((await take(new Int32(), 'null', {}, false)).detail).toBe('v: null where the schema has none 1x');
    expect((await take(new Int32(), '""', {}, false)).cell).toBe('refused');
  });

  it('nesting too deep to write as text, without an overflow', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(await take(new Utf8(), deep)).toMatchObject({ cell: 'refused' });
  });
});

describe('csv, where every cell is text', () => {
  const schema = compiled([
    field('i', new Int32()),
    field('f', new Float64()),
    field('b', new Bool()),
    field('d', new DateDay()),
    field('t', usUtc),
    field('s', new Utf8()),
    field('m', new Decimal(2, 8)),
  ]);

  it('takes canonical text for typed columns as conforming, and bare empty cells as null', () => {
    const batch = batchOf(
      'i,f,b,d,t,s,m\n42,1.50,true,2024-02-29,1970-01-01T00:00:00Z,007,1.25\n,,,,,,\n',
      'csv',
    );
    const { columns, residue, divergence } = schema.check(batch, 'all');
    expect([residue, divergence]).toEqual([[], 0]);
    expect(valuesOf(columns)).toEqual([
      [42, null],
      [1.5, null],
      [true, null],
      ['2024-02-29', null],
      [0n, null],
      ['007', null],
      ['1.25', null],
    ]);
  });

  it.each([
    '007,,,,,,',
    '4.2,,,,,,',
    '"",,,,,,',
    '99999999999,,,,,,',
    ',0x1,,,,,',
    ', 1,,,,,',
    ',12345678901234567891,,,,,',
    ',,yes,,,,',
    ',,,2023-02-29,,,',
    ',,,,,,1e2',
  ])('does not take %s as conforming', (line) => {
    expect(schema.check(batchOf(`i,f,b,d,t,s,m\n${line}`, 'csv'), 'all').columns.rows).toEqual([]);
  });
});

describe('line protocol', () => {
  it('takes an integer as a timestamp in the unit of the column, and integers for integer columns of any width', () => {
    const schema = compiled([
      field('measurement', new Utf8()),
      field('n', new Int32()),
      field('time', new Timestamp(ArrowTimeUnit.NANOSECOND, 'UTC')),
    ]);
    const { columns } = schema.check(batchOf('m n=5i 1700000000000000001', 'line-protocol'), 'all');
    expect(valuesOf(columns)).toEqual([['m'], [5], [1700000000000000001n]]);
  });
});

it('shows refused values in short, whatever they hold', async () => {
  const { detail } = await take(new Int32(), jsonLine('x'.repeat(1000)));
  expect(detail?.length).toBeLessThan(80);
});
