import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, Column, ColumnType, TimeUnit } from '../../src/core/columns.ts';
import { isoTimestamp } from '../../src/core/iso-timestamp.ts';
import { column, sqliteTarget, table } from './sqlite-target.ts';

const INT64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const TEXT = fc.string({ unit: 'binary' });

const CELLS: Readonly<Record<ColumnType, fc.Arbitrary<Cell>>> = {
  bool: fc.boolean(),
  int: fc.maxSafeInteger(),
  bigint: INT64,
  // SQLite stores -0 as 0, an equal number.
  float: fc.double({ noNaN: true }).map((value) => value + 0),
  decimal: fc.tuple(fc.bigInt(), fc.nat(99)).map(([whole, cents]) => `${whole}.${cents}`),
  text: TEXT,
  json: fc.json(),
  bytes: fc.uint8Array(),
  date: fc.constant('2024-02-29'),
  timestamp: INT64,
};

const UNITS: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns'];
const TYPES = Object.keys(CELLS) as ColumnType[];

const anyColumn = fc.record({
  name: fc.string({ unit: 'binary' }).filter((name) => !name.includes('\0')),
  type: fc.constantFrom(...TYPES),
  nullable: fc.boolean(),
  key: fc.boolean(),
  unit: fc.constantFrom(...UNITS),
});

const anyTable = fc
  .uniqueArray(anyColumn, { maxLength: 8, selector: ({ name }) => name.toLowerCase() })
  .filter((columns) => columns.every(({ name }) => name.toLowerCase() !== 'tierfall_key'))
  .chain((columns) => {
    const row = fc.tuple(...columns.map(({ type }) => fc.option(CELLS[type])));
    return fc.record({ columns: fc.constant(columns), cells: fc.array(row, { minLength: 1, maxLength: 12 }) });
  });

const stored = (cell: Cell, { type, unit }: Column): unknown => {
  if (type === 'timestamp' && typeof cell === 'bigint') return isoTimestamp(cell, unit ?? 'ms');
  return type === 'bool' || type === 'int' ? (cell === null ? null : BigInt(cell as number)) : cell;
};

/** The count back from the text, by other means than the writer's. */
function countOf(text: string, unit: TimeUnit): bigint {
  const [, sign = '', year = '', rest = '', fraction = ''] =
    /^([+-]?)(\d+)-(.{14})(?:\.(\d+))?Z$/.exec(text) ?? [];
  // The calendar repeats every 400 years of 146,097 days, and Date knows the years 0 to 399.
  const full = BigInt(sign + year);
  const era = (full - (((full % 400n) + 400n) % 400n)) / 400n;
  const withinEra = String(full - era * 400n).padStart(4, '0');
  const seconds = BigInt(Date.parse(`${withinEra}-${rest}Z`)) / 1000n + era * 146_097n * 86_400n;
  const perSecond = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n }[unit];
  return seconds * perSecond + BigInt(fraction || 0);
}

describe('values in SQLite', () => {
  it('come back exactly, whatever the names, types and values of the columns', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    await fc.assert(
      fc.asyncProperty(anyTable, async ({ columns, cells }) => {
        target.sql('DROP TABLE IF EXISTS t');
        expect(await sink.write(table(columns, cells))).toBeUndefined();
        const rows = target.all('SELECT * FROM t ORDER BY rowid');
        expect(rows.length).toBe(cells.length);
        for (const [position, row] of rows.entries()) {
          const found = columns.map(({ name }) => Object.getOwnPropertyDescriptor(row, name)?.value);
          expect(found).toEqual(columns.map((each, at) => stored(cells[position]?.[at] ?? null, each)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('survive a million characters and a megabyte', async () => {
    const target = sqliteTarget();
    const text = 'a\0🎬'.repeat(300_000);
    const bytes = new Uint8Array(1_000_000).fill(7);
    await target.open().write(table([column('x'), column('y', 'bytes')], [[text, bytes]]));
    expect(target.all('SELECT x, y FROM t')).toEqual([{ x: text, y: bytes }]);
  });

  it.each<[string, ColumnType, Cell, RegExp]>([
    ['an integer beyond 64 bits', 'bigint', 2n ** 63n, /^column "x": the integer needs more than 64 bits$/],
    ['an instant beyond 64 bits', 'timestamp', -(2n ** 63n) - 1n, /64 bits/],
    ['NaN, which would become NULL', 'float', Number.NaN, /NaN/],
    ['a fraction as an integer', 'int', 1.5, /not a safe integer/],
    ['an unsafe integer', 'int', 2 ** 53, /not a safe integer/],
    ['a lone surrogate, which would become U+FFFD', 'text', 'a\ud800', /lone surrogate/],
    ['text in a column of numbers', 'float', '1', /float was expected, found string/],
    ['a bigint in a column of text', 'text', 1n, /text was expected, found bigint/],
    ['a number in a column of text', 'decimal', 1, /decimal was expected, found number/],
    ['a boolean in a column of text', 'text', true, /text was expected, found boolean/],
    ['bytes in a column of text', 'json', new Uint8Array(1), /json was expected, found bytes/],
  ])('are refused for their row alone: %s', async (_name, type, cell, detail) => {
    const target = sqliteTarget();
    const result = await target.open().write(table([column('x', type)], [[null], [cell], [null]]));
    expect(result?.residue).toMatchObject([{ rows: [1], reason: 'refused' }]);
    expect(result?.residue[0]?.detail).toMatch(detail);
    expect(target.keys()).toEqual(['k-0', 'k-2']);
  });

  it('are refused when their key is no text, and such a key is never found', async () => {
    const target = sqliteTarget();
    const sink = target.open();
    const result = await sink.write(table([column('x')], [['a'], ['b']], { keys: ['\ufffd', '\ud800'] }));
    expect(result?.residue).toMatchObject([{ rows: [1], reason: 'refused' }]);
    expect(await sink.lookup(['\ud800'])).toEqual(new Set());
  });
});

describe('isoTimestamp', () => {
  it('agrees with Date wherever Date can go', () => {
    const ms = fc.bigInt({ min: -8_640_000_000_000_000n, max: 8_640_000_000_000_000n });
    fc.assert(
      fc.property(ms, (count) => {
        expect(isoTimestamp(count, 'ms')).toBe(new Date(Number(count)).toISOString());
      }),
      { numRuns: 2_000 },
    );
  });

  it('loses nothing of any 64-bit count in any unit', () => {
    fc.assert(
      fc.property(INT64, fc.constantFrom(...UNITS), (count, unit) => {
        expect(countOf(isoTimestamp(count, unit), unit)).toBe(count);
      }),
      {
        numRuns: 2_000,
        examples: UNITS.flatMap((unit) =>
          [2n ** 63n - 1n, -(2n ** 63n), -1n].map((count) => [count, unit] as [bigint, TimeUnit]),
        ),
      },
    );
  });

  it.each([
    [0n, 's', '1970-01-01T00:00:00Z'],
    [-1n, 'ms', '1969-12-31T23:59:59.999Z'],
    [1n, 'ns', '1970-01-01T00:00:00.000000001Z'],
    [951_782_400n, 's', '2000-02-29T00:00:00Z'],
    [253_402_300_800n, 's', '+010000-01-01T00:00:00Z'],
  ] as const)('writes %s %s as %s', (count, unit, text) => {
    expect(isoTimestamp(count, unit)).toBe(text);
  });
});
