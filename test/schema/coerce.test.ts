import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Residue } from '../../src/core/outcome.ts';
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  DateDay,
  Decimal,
  type Field,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  Timestamp,
  Uint64,
  Utf8,
} from '../../src/schema/arrow.ts';
import { batchOf, compiled, field, ndjsonOf, reencode, valuesOf } from './schemas.ts';

const MARK = '\uFEFF';

function rowsOf(residue: readonly Residue[]): number[] {
  return residue.flatMap(({ rows }) => (rows === 'all' ? [] : [...rows]));
}

describe('the strict check', () => {
  const schema = compiled([field('a', new Int32()), field('b', new Utf8(), {}, false)]);

  it('names fields and kinds with counts, and keeps conforming rows', () => {
    const batch = ndjsonOf([
      { a: 1, b: 'x' },
      { a: 'x', b: 'x' },
      { b: 'x' },
      { a: 2, b: null },
      { a: 2 ** 31, b: 'x' },
      { a: 1, b: 'x', 'US Gross': 1 },
      { a: null, b: 'y' },
    ]);
    const { columns, residue, divergence } = schema.check(batch, 'all');
    expect(columns.rows).toEqual([0, 6]);
    expect(valuesOf(columns)).toEqual([
      [1, null],
      ['x', 'y'],
    ]);
    expect(residue).toEqual([
      {
        rows: [1, 2, 3, 4, 5],
        reason: 'beyond-tolerance',
        detail: 'a: type 1x; a: missing 1x; b: null 1x; a: range 1x; US Gross: extra 1x',
      },
    ]);
    expect(divergence).toBe(5 / 15);
  });

  it('answers schema-mismatch up to the tolerance and beyond-tolerance above it', () => {
    const batch = ndjsonOf([
      { a: 1, b: 'x' },
      { a: 'x', b: 'x' },
    ]);
    const reasonAt = (tolerance: number) =>
      compiled([...schema.schema.fields], { tolerance }).check(batch, 'all').residue[0]?.reason;
    expect(reasonAt(0.25)).toBe('schema-mismatch');
    expect(reasonAt(0.2499)).toBe('beyond-tolerance');
  });

  it('looks only at the rows it is given', () => {
    const batch = ndjsonOf([{ a: 'x' }, { a: 1, b: 'x' }, { a: 'x' }]);
    expect(schema.check(batch, [1])).toMatchObject({ columns: { rows: [1] }, residue: [], divergence: 0 });
  });

  it('sets undecodable rows apart and leaves them out of the divergence', () => {
    const { residue, divergence, columns } = schema.check(batchOf('{"a":1,"b":"x"}\n{oops\n{"a":1\n'), 'all');
    expect([columns.rows, divergence]).toEqual([[0], 0]);
    expect(residue).toMatchObject([{ rows: [1, 2], reason: 'undecodable' }]);
    expect(residue[0]?.detail).toMatch(/^row 1 \(byte 16\): .*; and 1 more rows$/);
  });

  it('takes what is no object as a record with one unknown field', () => {
    expect(schema.check(ndjsonOf([5]), 'all').residue[0]?.detail).toBe(
      'a: missing 1x; b: missing 1x; value: extra 1x',
    );
  });

  it('bounds the detail when every row brings new field names', () => {
    const batch = ndjsonOf(
      Array.from({ length: 2000 }, (_, row) => ({ [`${'x'.repeat(100)}${row}`]: 1, [`k${row}`]: 1 })),
    );
    expect(schema.check(batch, 'all').residue[0]?.detail?.length).toBeLessThan(600);
  });
});

describe('coercion', () => {
  it('renames by alias and by case and separators, and counts a rename that also converts under the conversion', async () => {
    const schema = compiled([
      field('US_Gross', new Int64()),
      field('title', new Utf8(), { aliases: '["Name"]' }),
    ]);
    const { columns, loss, degradedRows } = await schema.coerce(
      ndjsonOf([
        { 'US Gross': 5, Name: 'x' },
        { 'us-gross': '6', Title: 'y' },
        { usGross: 7, name: 8 },
      ]),
      'all',
    );
    expect(valuesOf(columns)).toEqual([
      [5n, 6n, 7n],
      ['x', 'y', '8'],
    ]);
    expect(loss.entries.map(({ field: name, kind, count }) => [name, kind, count])).toEqual([
      ['US_Gross', 'renamed', 2],
      ['title', 'renamed', 2],
      ['US_Gross', 'number-from-text', 1],
      ['title', 'text-from-number', 1],
    ]);
    expect([loss.cells, loss.cellsTotal, degradedRows]).toEqual([6, 6, [0, 1, 2]]);
  });

  it('prefers the exact name, then the alias, and strips what is left over', async () => {
    const schema = compiled([field('us_gross', new Int32(), { aliases: '["gross"]' })]);
    const { columns, loss } = await schema.coerce(
      ndjsonOf([
        { 'US-GROSS': 1, gross: 2, us_gross: 3 },
        { 'US-GROSS': 1, gross: 2 },
      ]),
      'all',
    );
    expect(valuesOf(columns)).toEqual([[3, 2]]);
    expect(
      loss.entries.filter(({ kind }) => kind === 'stripped').map(({ field: name, count }) => [name, count]),
    ).toEqual([
      ['US-GROSS', 2],
      ['gross', 1],
    ]);
  });

  it('does not choose between two fields that one folded name could mean', async () => {
    const schema = compiled([field('a_b', new Int32()), field('ab', new Int32())]);
    const { columns, loss } = await schema.coerce(ndjsonOf([{ 'A B': 1 }]), 'all');
    expect(valuesOf(columns)).toEqual([[null], [null]]);
    expect(loss.entries.map(({ kind }) => kind)).toEqual(['missing', 'missing', 'stripped']);
  });

  it('does not count the changes of a row that it refuses', async () => {
    const schema = compiled([field('a', new Int32()), field('b', new Int32())]);
    const { columns, loss, residue, degradedRows } = await schema.coerce(
      ndjsonOf([
        { a: '1', b: 'x' },
        { a: 1, b: 2 },
      ]),
      'all',
    );
    expect([columns.rows, degradedRows, loss.entries, loss.cells]).toEqual([[1], [], [], 0]);
    expect(residue).toEqual([{ rows: [0], reason: 'beyond-tolerance', detail: 'b: "x" is no int (type) 1x' }]);
  });

  it('refuses a row without a field that may not be null', async () => {
    const { residue } = await compiled([field('a', new Int32(), {}, false)]).coerce(
      ndjsonOf([{ b: 1 }]),
      'all',
    );
    expect(residue).toEqual([{ rows: [0], reason: 'beyond-tolerance', detail: 'a: missing 1x' }]);
  });

  it('keeps a field named __proto__, and strips one as data', async () => {
    const kept = await compiled([field('__proto__', new Utf8())]).coerce(batchOf('{"__proto__":"x"}'), 'all');
    expect([valuesOf(kept.columns), kept.degradedRows]).toEqual([[['x']], []]);
    const stripped = await compiled([field('a', new Utf8())]).coerce(
      batchOf('{"a":"x","__proto__":{"y":1}}'),
      'all',
    );
    expect(stripped.loss.entries).toMatchObject([{ field: '__proto__', kind: 'stripped', count: 1 }]);
  });

  it('reads a csv body with a mark, renamed columns and words for null', async () => {
    const schema = compiled([field('Title', new Utf8()), field('US_Gross', new Int64())]);
    const { columns, loss } = await schema.coerce(
      batchOf(`${MARK}title;US Gross\r\nNA;NA\r\n"";12\r\n`, 'csv'),
      'all',
    );
    expect(valuesOf(columns)).toEqual([
      ['NA', ''],
      [null, 12n],
    ]);
    expect(loss.entries.map(({ field: name, kind, count }) => [name, kind, count])).toEqual([
      ['Title', 'renamed', 2],
      ['US_Gross', 'null-from-text', 1],
      ['US_Gross', 'renamed', 1],
    ]);
  });

  it('keeps three samples per entry and bounds the number of entries', async () => {
    const schema = compiled([field('a', new Utf8())]);
    const { loss } = await schema.coerce(
      ndjsonOf(Array.from({ length: 1000 }, (_, row) => ({ a: row, [`x${row}`]: 1 }))),
      'all',
    );
    expect(loss.entries[0]).toMatchObject({
      field: 'a',
      count: 1000,
      samples: [0, 1, 2].map((row) => ({ row, before: `${row}`, after: `"${row}"` })),
    });
    expect(loss.entries.length).toBe(258);
    expect(loss.entries.reduce((sum, { count }) => sum + count, 0)).toBe(2000);
    expect(loss.entries.at(-1)?.field).toBe('(other fields)');
  });

  it('lets other work run every quarter of a megabyte, and more often where much has drifted', async () => {
    let turns = 0;
    const yieldToLoop = async () => {
      turns += 1;
    };
    const schema = compiled([field('a', new Int32())], { yieldToLoop });
    await schema.coerce(batchOf(`{"a":1}${' '.repeat(1000)}\n`.repeat(1100)), 'all');
    expect(turns).toBe(4);
    await schema.coerce(ndjsonOf(Array(10_000).fill({ a: '1' })), 'all');
    expect(turns).toBe(4 + 9 + 20);
  });

  it('keeps nested text as it stands, whatever it escapes', async () => {
    const schema = compiled([field('a', new Utf8(), { json: 'true' })]);
    const { columns, residue } = schema.check(batchOf('{"a":{"b" : "\\ud800", "c":1e2}}\n'), 'all');
    expect([valuesOf(columns), residue]).toEqual([[['{"b" : "\\ud800", "c":1e2}']], []]);
  });
});

/** Fields of every kind, most of which accept what `messyValue` makes of them. */
const FIELDS: readonly Field[] = [
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
];
const NAMES = [
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
const messyValue = fc.oneof(
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
  fc.constantFrom({ a: [1, 2n ** 60n] }, [], [null], {}),
);
const messyRecord = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), messyValue), { maxLength: 12 })
  .map((entries) => Object.fromEntries(entries));
/** Mostly well named, so that many rows land. */
const fairRecord = fc
  .tuple(fc.constantFrom(...FIELDS), messyValue, fc.boolean())
  .map(([{ name }, value, swap]) => ({ [swap ? name.toUpperCase() : name]: value }));
const messyBatch = fc
  .array(fc.oneof(messyRecord, fairRecord, fairRecord), { minLength: 1, maxLength: 6 })
  .map(ndjsonOf);

describe('whatever the data', () => {
  const schema = compiled(FIELDS);

  it('every row is in the columns or in exactly one residue, for the check and for the coercion', async () => {
    const bodies = fc.array(
      fc.oneof(
        messyRecord.map((record) => JSON.stringify(record, (_, v) => (typeof v === 'bigint' ? String(v) : v))),
        fc.string(),
      ),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(
        bodies,
        fc.constantFrom('ndjson', 'json', 'csv', 'line-protocol', 'opaque'),
        async (lines, format) => {
          const batch = batchOf(`${lines.join('\n')}\n`, format);
          const all = Array.from({ length: batch.rowCount }, (_, row) => row);
          const checked = schema.check(batch, 'all');
          expect([...checked.columns.rows, ...rowsOf(checked.residue)].sort((a, b) => a - b)).toEqual(all);
          const coerced = await schema.coerce(batch, 'all');
          expect([...coerced.columns.rows, ...rowsOf(coerced.residue)].sort((a, b) => a - b)).toEqual(all);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('the output passes the strict check, and coercing it again changes nothing', async () => {
    let landed = 0;
    await fc.assert(
      fc.asyncProperty(messyBatch, async (batch) => {
        const first = await schema.coerce(batch, 'all');
        if (first.columns.rows.length === 0) return;
        landed += first.columns.rows.length;
        const again = reencode(first.columns);
        const checked = schema.check(again, 'all');
        expect(checked.residue).toEqual([]);
        expect(valuesOf(checked.columns)).toEqual(valuesOf(first.columns));
        const second = await schema.coerce(again, 'all');
        expect([second.loss.entries, second.degradedRows, second.residue]).toEqual([[], [], []]);
        expect(valuesOf(second.columns)).toEqual(valuesOf(first.columns));
      }),
      { numRuns: 1500 },
    );
    expect(landed).toBeGreaterThan(1000);
  });

  it('the loss report counts exactly the changed cells, and no honest coercion is found unaccounted', async () => {
    await fc.assert(
      fc.asyncProperty(messyBatch, async (batch) => {
        const { columns, loss, degradedRows, residue } = await schema.coerce(batch, 'all');
        expect(loss.entries.reduce((sum, { count }) => sum + count, 0)).toBe(loss.cells);
        expect(loss.cells).toBeGreaterThanOrEqual(degradedRows.length);
        expect(residue.filter(({ detail }) => detail?.startsWith('unaccounted'))).toEqual([]);
        const strict = new Set(schema.check(batch, 'all').columns.rows);
        expect(columns.rows.filter((row) => !strict.has(row))).toEqual(degradedRows);
      }),
      { numRuns: 1500 },
    );
  });
});
