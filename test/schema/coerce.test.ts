import { describe, expect, it } from 'vitest';
import { Int32, Int64, Utf8 } from '../../src/schema/arrow.ts';
import { batchOf, compiled, field, ndjsonOf, valuesOf } from './schemas.ts';

const MARK = '\uFEFF';

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

  it('lets other work run every quarter of a megabyte, and more often at first and where much has drifted', async () => {
    let turns = 0;
    const yieldToLoop = async () => {
      turns += 1;
    };
    const schema = compiled([field('a', new Int32())], { yieldToLoop });
    await schema.coerce(batchOf(`{"a":1}${' '.repeat(1000)}\n`.repeat(1100)), 'all');
    // 2 before reading, 6 while reading.
    expect(turns).toBe(2 + 6);
    await schema.coerce(ndjsonOf(Array(10_000).fill({ a: '1' })), 'all');
    // 9 while reading, 20 while coercing, and one per column of many rows.
    expect(turns).toBe(8 + 9 + 20 + 1);
  });

  it('keeps nested text as it stands, whatever it escapes', async () => {
    const schema = compiled([field('a', new Utf8(), { json: 'true' })]);
    const { columns, residue } = schema.check(batchOf('{"a":{"b" : "\\ud800", "c":1e2}}\n'), 'all');
    expect([valuesOf(columns), residue]).toEqual([[['{"b" : "\\ud800", "c":1e2}']], []]);
  });
});
