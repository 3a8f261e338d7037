import { type RecordBatch, Table, tableFromIPC, tableToIPC, vectorFromArray } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  halfBits,
  halfValue,
  packBits,
  readWide,
  unpackBits,
  writeWide,
} from '../../src/codecs/arrow-buffers.ts';
import type { Cell, Column, Columns, ColumnType } from '../../src/core/columns.ts';
import {
  boolVector,
  cellVector,
  dayVector,
  numberVector,
  textVector,
  type Vector,
  wideVector,
  wordVector,
} from '../../src/core/vectors.ts';
import * as arrow from '../../src/schema/arrow.ts';
import { toArrow } from '../../src/schema/arrow-batch.ts';

function columnOf(name: string, type: ColumnType, more: Partial<Column> = {}): Column {
  return { name, type, nullable: true, key: false, ...more };
}

function columnsOf(entries: readonly (readonly [Column, Vector])[]): Columns {
  const length = entries[0]?.[1].length ?? 0;
  return {
    columns: entries.map(([column]) => column),
    vectors: entries.map(([, vector]) => vector),
    rows: Array.from({ length }, (_, row) => row),
  };
}

function single(type: ColumnType, cells: readonly Cell[], more: Partial<Column> = {}): Columns {
  return columnsOf([[columnOf('a', type, more), cellVector(cells)]]);
}

/** What another reader finds: the batch as IPC bytes and back. */
function reread(batch: RecordBatch): Table {
  return tableFromIPC(tableToIPC(new Table(batch), 'stream'));
}

/** The one column, as Arrow's own reader gives it. */
function valuesOf(columns: Columns, type?: arrow.DataType): unknown[] {
  const schema = type && new arrow.Schema([new arrow.Field('a', type, true)]);
  const vector = reread(toArrow(columns, schema)).getChildAt(0);
  return Array.from({ length: vector?.length ?? 0 }, (_, index) => vector?.get(index) ?? null);
}

function textCells(texts: readonly (string | null)[]): Vector {
  const offsets = new Int32Array(texts.length + 1);
  texts.forEach((text, index) => {
    offsets[index + 1] = (offsets[index] ?? 0) + Buffer.byteLength(text ?? '');
  });
  const validity = Uint8Array.from(texts, (text) => Number(text !== null));
  return textVector(offsets, Buffer.from(texts.map((text) => text ?? '').join('')), validity);
}

describe('an Arrow batch', () => {
  it('shares the arrays of its vectors where the layouts agree', () => {
    const ints = Int32Array.of(1, 2);
    const times = BigInt64Array.of(1n, 2n);
    const texts = textVector(Int32Array.of(0, 1, 3), Buffer.from('aéb').subarray(0, 3));
    const batch = toArrow(
      columnsOf([
        [columnOf('i', 'int'), numberVector(ints)],
        [columnOf('t', 'timestamp', { unit: 'us' }), wideVector(times)],
        [columnOf('s', 'text'), texts],
      ]),
    );
    expect(batch.data.children[0]?.values).toBe(ints);
    expect(batch.data.children[1]?.values).toBe(times);
    expect(batch.data.children[2]?.values.buffer).toBe(texts.data.buffer);
    expect(
      batch.data.children.every((child) => child.nullBitmap === undefined || child.nullBitmap.length === 0),
    ).toBe(true);
    expect(String(batch.schema)).toContain('Timestamp<MICROSECOND>');
  });

  it('holds the cells of every kind of vector, nulls included, after a round trip through IPC', () => {
    const validity = Uint8Array.of(1, 0, 1);
    const table = reread(
      toArrow(
        columnsOf([
          [columnOf('f', 'float'), numberVector(Float64Array.of(1.5, 9, -0), validity)],
          [columnOf('u', 'bigint'), wideVector(BigUint64Array.of(2n ** 64n - 1n, 9n, 0n), validity)],
          [columnOf('b', 'bool'), boolVector(Uint8Array.of(1, 255, 0), validity)],
          [columnOf('d', 'date'), dayVector(Int32Array.of(0, 9, -1), validity)],
          [columnOf('w', 'text'), wordVector(Int32Array.of(1, -7, 0), ['x', 'é'], validity)],
          [columnOf('s', 'text'), textCells(['', null, 'ü'])],
          [columnOf('n', 'decimal'), cellVector(['1.20', null, '-0.05'])],
          [columnOf('y', 'bytes'), cellVector([Uint8Array.of(0, 255), null, Uint8Array.of()])],
        ]),
      ),
    );
    const [first, second, third] = table.toArray().map((row) => row?.toJSON() ?? {});
    expect(Object.values(second ?? {})).toEqual(Array(8).fill(null));
    expect([
      first?.['f'],
      first?.['u'],
      first?.['b'],
      Number(first?.['d']),
      first?.['w'],
      first?.['s'],
    ]).toEqual([1.5, 2n ** 64n - 1n, true, 0, 'é', '']);
    expect([third?.['f'], third?.['b'], Number(third?.['d']), third?.['w'], third?.['s']]).toEqual([
      -0,
      false,
      -86_400_000,
      'x',
      'ü',
    ]);
    expect([...(first?.['y'] ?? [])]).toEqual([0, 255]);
    expect(table.schema.fields.map(({ type }) => String(type)).slice(4)).toEqual([
      'Dictionary<Int32, Utf8>',
      'Utf8',
      'Decimal[38e+2]',
      'Binary',
    ]);
    const words = table.getChild('n')?.data[0]?.values as Uint32Array;
    expect([readWide(words, 0, 4), readWide(words, 8, 4)]).toEqual([120n, -5n]);
  });

  it('equals what the builders of Arrow make of the same cells', () => {
    const cases: readonly (readonly [ColumnType, arrow.DataType, fc.Arbitrary<Cell>])[] = [
      ['int', new arrow.Int8(), fc.integer({ min: -128, max: 127 })],
      ['int', new arrow.Uint16(), fc.integer({ min: 0, max: 65_535 })],
      ['int', new arrow.Int32(), fc.integer()],
      ['bigint', new arrow.Int64(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
      ['bigint', new arrow.Uint64(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
      ['float', new arrow.Float64(), fc.double()],
      ['float', new arrow.Float32(), fc.float()],
      ['bool', new arrow.Bool(), fc.boolean()],
      ['text', new arrow.Utf8(), fc.string({ unit: 'grapheme' })],
      ['text', new arrow.LargeUtf8(), fc.string({ unit: 'grapheme' })],
      ['text', new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()), fc.constantFrom('a', 'b', 'é')],
      ['bytes', new arrow.Binary(), fc.uint8Array()],
    ];
    for (const [type, arrowType, cell] of cases) {
      fc.assert(
        fc.property(fc.array(fc.option(cell), { maxLength: 70 }), (cells) => {
          const built = vectorFromArray(cells, arrowType);
          expect(valuesOf(single(type, cells), arrowType)).toEqual(
            Array.from({ length: cells.length }, (_, index) => built.get(index)),
          );
        }),
        { numRuns: 40 },
      );
    }
  });

  it('takes the names, order and types of a schema', () => {
    const schema = new arrow.Schema([
      new arrow.Field('b', new arrow.Utf8(), true),
      new arrow.Field('a', new arrow.Float32(), true),
    ]);
    const batch = toArrow(
      columnsOf([
        [columnOf('a', 'float'), numberVector(Float64Array.of(0.1, 2))],
        [columnOf('b', 'text'), wordVector(Int32Array.of(1, 0), ['x', 'yé'])],
      ]),
      schema,
    );
    expect(
      reread(batch)
        .toArray()
        .map((row) => row?.toJSON()),
    ).toEqual([
      { b: 'yé', a: Math.fround(0.1) },
      { b: 'x', a: 2 },
    ]);
  });

  it('spells dates, decimals of 256 bits and 16-bit floats as their types want them', () => {
    expect(valuesOf(single('date', ['1969-12-31', null]), new arrow.DateMillisecond()).map(Number)).toEqual([
      -86_400_000, 0,
    ]);
    const long = `-${'9'.repeat(70)}.5`;
    const batch = toArrow(single('decimal', [long]));
    const words = batch.data.children[0]?.values as Uint32Array;
    expect(String(batch.schema.fields[0]?.type)).toContain('76');
    expect(readWide(words, 0, 8)).toBe(BigInt(long.replace('.', '')));
    expect(valuesOf(single('float', [1.5, -65_504, 2 ** -24]), new arrow.Float16())).toEqual([
      1.5,
      -65_504,
      2 ** -24,
    ]);
  });

  it('refuses what a type cannot hold, and names the field and the cell', () => {
    const refusals: readonly (readonly [Columns, arrow.DataType, string])[] = [
      [single('int', [300]), new arrow.Int8(), 'ARROW_CELL'],
      [single('int', [-1]), new arrow.Uint32(), 'ARROW_CELL'],
      [single('float', [1.5]), new arrow.Int32(), 'ARROW_CELL'],
      [single('text', ['a']), new arrow.Int32(), 'ARROW_CELL'],
      [single('int', [1]), new arrow.Utf8(), 'ARROW_CELL'],
      [single('decimal', ['1.23']), new arrow.Decimal(1, 10, 128), 'ARROW_CELL'],
      [single('timestamp', [1n], { unit: 's' }), new arrow.Timestamp(1), 'ARROW_CELL'],
      [single('bytes', ['x']), new arrow.Binary(), 'ARROW_CELL'],
    ];
    for (const [columns, type, code] of refusals) {
      const schema = new arrow.Schema([new arrow.Field('a', type, true)]);
      expect(() => toArrow(columns, schema)).toThrow(expect.objectContaining({ name: 'SchemaError', code }));
    }
    const strict = new arrow.Schema([new arrow.Field('a', new arrow.Int32(), false)]);
    expect(() => toArrow(single('int', [1, null]), strict)).toThrow('is not nullable and has 1 nulls');
    expect(() => toArrow(single('int', [1]), new arrow.Schema([]))).toThrow('has no field');
    expect(() => toArrow(columnsOf([]), strict)).toThrow('has no column');
  });
});

describe('the buffers of Arrow', () => {
  it('keep bits, whatever the length', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (bools) => {
        const { bits, ones } = packBits(Uint8Array.from(bools, Number), bools.length);
        expect(ones).toBe(bools.filter(Boolean).length);
        expect([...unpackBits(bits, 0, bools.length)]).toEqual(bools.map(Number));
      }),
    );
  });

  it('keep wide integers', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }), (value) => {
        const words = new Uint32Array(12);
        writeWide(value, words, 4, 4);
        expect(readWide(words, 4, 4)).toBe(value);
      }),
    );
  });

  it('hold each of the 65,536 half-precision floats, and round others to the nearest, ties to even', () => {
    for (let bits = 0; bits < 65_536; bits += 1) {
      const value = halfValue(bits);
      if (Number.isNaN(value)) expect(halfValue(halfBits(value))).toBeNaN();
      else expect(halfBits(value)).toBe(bits);
    }
    expect(halfValue(halfBits(1 + 2 ** -11))).toBe(1);
    expect(halfValue(halfBits(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
    expect(halfValue(halfBits(65_519.9))).toBe(65_504);
    expect(halfValue(halfBits(65_520))).toBe(Number.POSITIVE_INFINITY);
    expect(halfValue(halfBits(2 ** -25))).toBe(0);
  });
});
