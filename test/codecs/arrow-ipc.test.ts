import { zstdCompressSync } from 'node:zlib';
import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readArrowIpc } from '../../src/codecs/arrow-ipc.ts';
import { decodeRecord, decodeRow, extractRows, framer } from '../../src/codecs/codecs.ts';
import { InputError } from '../../src/core/errors.ts';
import { cellsOf } from '../../src/core/vectors.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';
import { batchOf } from './batches.ts';

function field(name: string, type: arrow.DataType): arrow.Field {
  return new arrow.Field(name, type, true);
}

/** Cells of every supported type, two and a null of each; what comes out is beside it. */
const TYPES: readonly (readonly [arrow.DataType, readonly unknown[], readonly unknown[]])[] = [
  [new arrow.Int8(), [-128, 127], [-128, 127]],
  [new arrow.Uint32(), [0, 4_294_967_295], [0, 4_294_967_295]],
  [new arrow.Int64(), [2n ** 53n + 1n, -1n], [2n ** 53n + 1n, -1n]],
  [new arrow.Uint64(), [2n ** 64n - 1n, 0n], [2n ** 64n - 1n, 0n]],
  [new arrow.Float16(), [1.5, -2], [1.5, -2]],
  [new arrow.Float32(), [0.5, 1], [0.5, 1]],
  [new arrow.Float64(), [0.1, -0], [0.1, -0]],
  [new arrow.Bool(), [true, false], [true, false]],
  [new arrow.Utf8(), ['é', ''], ['é', '']],
  [new arrow.LargeUtf8(), ['a', 'ß'], ['a', 'ß']],
  [new arrow.Utf8View(), ['short', 'longer than twelve bytes'], ['short', 'longer than twelve bytes']],
  [new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()), ['x', 'y'], ['x', 'y']],
  [new arrow.Binary(), [Uint8Array.of(0, 255), Uint8Array.of()], [Uint8Array.of(0, 255), Uint8Array.of()]],
  [
    new arrow.FixedSizeBinary(2),
    [Uint8Array.of(1, 2), Uint8Array.of(3, 4)],
    [Uint8Array.of(1, 2), Uint8Array.of(3, 4)],
  ],
  [new arrow.DateDay(), [new Date('2026-02-28'), new Date(0)], ['2026-02-28', '1970-01-01']],
  [new arrow.DateMillisecond(), [new Date('1969-12-31'), new Date(0)], ['1969-12-31', '1970-01-01']],
  [new arrow.TimeSecond(), [3661, 0], ['01:01:01', '00:00:00']],
  [new arrow.TimeMicrosecond(), [1n, 3_600_000_000n], ['00:00:00.000001', '01:00:00.000000']],
  [new arrow.TimestampMillisecond(), [1500, 0], ['1970-01-01T00:00:01.500', '1970-01-01T00:00:00.000']],
  [new arrow.TimestampSecond('UTC'), [1000, 0], ['1970-01-01T00:00:01Z', '1970-01-01T00:00:00Z']],
  [new arrow.DurationNanosecond(), [5n, -1n], [5n, -1n]],
  [new arrow.List(field('item', new arrow.Int64())), [[1n, null], []], [[1n, null], []]],
  [
    new arrow.FixedSizeList(2, field('item', new arrow.Int8())),
    [
      [1, 2],
      [3, 4],
    ],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    new arrow.Struct([
      field('a', new arrow.Utf8()),
      field('b', new arrow.List(field('item', new arrow.Bool()))),
    ]),
    [
      { a: 'x', b: [true] },
      { a: null, b: [] },
    ],
    [
      { a: 'x', b: [true] },
      { a: null, b: [] },
    ],
  ],
  [
    new arrow.Map_(
      field(
        'entries',
        new arrow.Struct([field('key', new arrow.Utf8()), field('value', new arrow.Int32())]),
      ) as never,
    ),
    [new Map([['k', 1]]), new Map()],
    [{ k: 1 }, {}],
  ],
];

/** `batches` record batches, each of one row per value and one of nulls. */
function tableOf(batches: number): arrow.Table {
  const schema = new arrow.Schema(TYPES.map(([type], at) => field(`c${at}`, type)));
  const parts = TYPES.map(
    ([type, values]) => arrow.vectorFromArray([...values, null], type).data[0] as arrow.Data,
  );
  const struct = arrow.makeData({
    type: new arrow.Struct(schema.fields),
    length: 3,
    nullCount: 0,
    children: parts,
  });
  return new arrow.Table(Array.from({ length: batches }, () => new arrow.RecordBatch(schema, struct)));
}

function recordOf(row: number): Record<string, unknown> {
  return Object.fromEntries(TYPES.map(([, , expected], at) => [`c${at}`, expected[row] ?? null]));
}

/** An LZ4 frame of one block: a zero, a match that repeats it, and the five literals that end every block. */
function lz4OfZeros(data: Uint8Array): Uint8Array {
  const repeated = data.length - 6 - 19;
  const lengths = [
    ...new Array<number>(Math.max(0, Math.floor(repeated / 255))).fill(255),
    Math.max(0, repeated % 255),
  ];
  const block = Buffer.from([0x1f, 0, 1, 0, ...lengths, 0x50, 0, 0, 0, 0, 0]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  return Uint8Array.from(
    Buffer.concat([Buffer.from([4, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]), size, block, Buffer.alloc(4)]),
  );
}

describe.each(['stream', 'file'] as const)('an Arrow IPC %s', (form) => {
  const bytes = arrow.tableToIPC(tableOf(3), form);

  it('has a row for each record of all its batches, exact in every type', () => {
    const batch = batchOf(bytes, 'arrow-ipc');
    expect([batch.rowCount, framer.count(bytes, 'arrow-ipc')]).toEqual([9, 9]);
    for (let row = 0; row < 9; row += 1) expect({ ...decodeRecord(batch, row) }).toEqual(recordOf(row % 3));
  });

  it('gives the same cells as vectors, in the memory of the body where the layouts agree', () => {
    const batches = readArrowIpc(bytes);
    expect(batches.map(({ rows }) => rows.length)).toEqual([3, 3, 3]);
    const { columns, vectors } = batches[1] ?? { columns: [], vectors: [] };
    TYPES.forEach(([type, , expected], at) => {
      const cells = cellsOf(vectors[at] as (typeof vectors)[number]);
      expect(cells[2]).toBeNull();
      if (columns[at]?.type === 'timestamp') expect(typeof cells[0]).toBe('bigint');
      else if (columns[at]?.type === 'json')
        expect(cells[0]).toBe(JSON.stringify(expected[0], (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
      else expect([String(type), ...cells.slice(0, 2)]).toEqual([String(type), ...expected]);
    });
    const shared = vectors.filter((vector) => 'data' in vector && vector.data.buffer === bytes.buffer);
    expect(shared.length).toBeGreaterThan(8);
  });

  it('gives any of its rows as a stream of just these, which other readers read', () => {
    const batch = batchOf(bytes, 'arrow-ipc');
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 1 }), (rows) => {
        const body = extractRows(batch, rows);
        const part = batchOf(body, 'arrow-ipc');
        expect(part.rowCount).toBe(rows.length);
        expect(rows.map((_, row) => ({ ...decodeRecord(part, row) }))).toEqual(
          rows.map((row) => recordOf(row % 3)),
        );
        expect(arrow.tableFromIPC(body).numRows).toBe(rows.length);
      }),
      { numRuns: 30 },
    );
    expect(extractRows(batch, 'all')).toBe(batch.body);
  });

  it('is one row that does not decode wherever it is cut', () => {
    // A stream that is cut between two messages is a whole one.
    const one = arrow.tableToIPC(tableOf(1), form);
    const whole = new Set([one.length]);
    for (let length = 1; length < one.length; length += 1) {
      const batch = batchOf(one.subarray(0, length), 'arrow-ipc');
      if (batch.rowCount !== 1) {
        expect(batch.rowCount % 3).toBe(0);
        whole.add(length);
        continue;
      }
      expect(() => decodeRow(batch, 0)).toThrow(InputError);
    }
    expect(whole.size).toBeLessThan(form === 'file' ? 2 : 20);
  });

  it('decodes or is refused row by row, in no time, whatever is written over it', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (edits) => {
          const changed = Uint8Array.from(bytes);
          for (const [place, over] of edits)
            changed.set(over.subarray(0, changed.length - (place % changed.length)), place % changed.length);
          const cpuMs = cpuStopwatch();
          const batch = batchOf(changed, 'arrow-ipc');
          expect(batch.rowCount).toBeLessThan(2_000_000);
          for (let row = 0; row < Math.min(batch.rowCount, 20); row += 1) {
            try {
              decodeRow(batch, row);
            } catch (error) {
              if (!(error instanceof InputError)) throw error;
            }
          }
          expect(cpuMs()).toBeLessThan(2000);
        },
      ),
      { numRuns: 700 },
    );
  });
});

describe('Arrow IPC', () => {
  it('has no rows when there is only a schema', () => {
    const bytes = arrow.tableToIPC(
      new arrow.Table(new arrow.Schema([field('a', new arrow.Int32())])),
      'stream',
    );
    expect(framer.count(bytes, 'arrow-ipc')).toBe(0);
  });

  it('reads dictionaries that grow and are replaced between batches, and cuts rows out of them', () => {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 7);
    const schema = new arrow.Schema([field('a', type)]);
    const batchWith = (dictionary: arrow.Vector, indices: readonly number[]) =>
      new arrow.RecordBatch(
        schema,
        arrow.makeData({
          type: new arrow.Struct(schema.fields),
          length: indices.length,
          nullCount: 0,
          children: [
            arrow.makeData({
              type,
              length: indices.length,
              nullCount: 0,
              data: Int32Array.from(indices),
              dictionary,
            }),
          ],
        }),
      );
    const words = (texts: readonly string[]) => arrow.vectorFromArray(texts, new arrow.Utf8());
    const first = words(['a', 'b']);
    const grown = first.concat(words(['c']));
    const bytes = arrow.RecordBatchStreamWriter.writeAll([
      batchWith(first, [1, 0]),
      batchWith(grown, [2, 0]),
      batchWith(words(['z', 'y']), [1, 0]),
    ]).toUint8Array(true);
    const batch = batchOf(bytes, 'arrow-ipc');
    const all = (of: typeof batch) =>
      Array.from({ length: of.rowCount }, (_, row) => decodeRecord(of, row)['a']);
    expect(all(batch)).toEqual(['b', 'a', 'c', 'a', 'y', 'z']);
    expect(all(batchOf(extractRows(batch, [0, 2, 4, 5]), 'arrow-ipc'))).toEqual(['b', 'c', 'y', 'z']);
  });

  it.each(['ZSTD', 'LZ4_FRAME'] as const)(
    'unpacks %s, and refuses a buffer that claims another size',
    (codec) => {
      const type = arrow.CompressionType[codec];
      const encode = {
        ZSTD: (data: Uint8Array) => new Uint8Array(zstdCompressSync(data)),
        LZ4_FRAME: lz4OfZeros,
      };
      arrow.compressionRegistry.set(type, { encode: encode[codec] });
      const table = arrow.tableFromArrays({ a: new Int32Array(5000) });
      const written = arrow.tableToIPC(table, 'stream', type as never);
      expect(written.length).toBeLessThan(5000);
      const at = Buffer.from(written).indexOf(Buffer.from(encode[codec](new Uint8Array(20_000)))) - 8;
      const withLength = (length: bigint) => {
        const bytes = Buffer.from(written);
        bytes.writeBigInt64LE(length, at);
        return batchOf(bytes, 'arrow-ipc');
      };
      const batch = withLength(20_000n);
      expect([batch.rowCount, decodeRecord(batch, 4999)['a']]).toEqual([5000, 0]);
      for (const wrong of [19_996n, 20_004n, 2n ** 40n, -2n]) {
        expect(() => decodeRow(withLength(wrong), 0)).toThrow('the Arrow IPC data is damaged');
      }
    },
  );

  it('unpacks the zstd of apache-arrow, which gives the packed length for the unpacked one', () => {
    arrow.compressionRegistry.set(arrow.CompressionType.ZSTD, {
      encode: (data: Uint8Array) => new Uint8Array(zstdCompressSync(data)),
    });
    const table = arrow.tableFromArrays({ a: Int32Array.from({ length: 5000 }, (_, row) => row % 7) });
    const batch = batchOf(arrow.tableToIPC(table, 'stream', arrow.CompressionType.ZSTD as never), 'arrow-ipc');
    expect([batch.rowCount, decodeRecord(batch, 4999)['a']]).toEqual([5000, 4999 % 7]);
  });

  it('refuses offsets, indices and nulls that lead out of their buffers', () => {
    const patched = (table: arrow.Table, from: readonly number[], to: readonly number[]) => {
      const bytes = Buffer.from(arrow.tableToIPC(table, 'stream'));
      const at = bytes.lastIndexOf(Buffer.from(Int32Array.from(from).buffer));
      expect(at).toBeGreaterThan(0);
      Buffer.from(Int32Array.from(to).buffer).copy(bytes, at);
      return () => readArrowIpc(bytes);
    };
    const texts = new arrow.Table({ a: arrow.vectorFromArray(['xxx', 'yyyyyyyy'], new arrow.Utf8()) });
    expect(patched(texts, [0, 3, 11], [0, 3, 900])).toThrow('an offset is 900');
    expect(patched(texts, [0, 3, 11], [0, 12, 11])).toThrow('offsets descend');
    const words = new arrow.Table({ a: arrow.vectorFromArray(['x', 'y', 'x', 'y', 'y']) });
    expect(patched(words, [0, 1, 0, 1, 1], [0, 1, 0, 1, 2])).toThrow('a value is word 2 of 2');
    expect(patched(words, [0, 1, 0, 1, 1], [0, -1, 0, 1, 1])).toThrow('a value is word -1 of 2');
  });

  it('refuses at once a schema that claims two thousand million fields, or a batch of as many rows', () => {
    const table = new arrow.Table(
      Object.fromEntries(
        Array.from({ length: 77 }, (_, at) => [`c${at}`, arrow.vectorFromArray([1, 2], new arrow.Int32())]),
      ),
    );
    const bytes = Buffer.from(arrow.tableToIPC(table, 'stream'));
    const count = Buffer.from(Int32Array.of(77).buffer);
    let refused = 0;
    for (let at = bytes.indexOf(count); at >= 0; at = bytes.indexOf(count, at + 1)) {
      const changed = Buffer.from(bytes);
      changed.writeUInt32LE(0x7fff_ffff, at);
      const cpuMs = cpuStopwatch();
      expect(framer.count(changed, 'arrow-ipc')).toBe(1);
      expect(cpuMs()).toBeLessThan(1000);
      refused += 1;
    }
    expect(refused).toBeGreaterThan(1);
  });

  it('refuses unions and old files with a reason, as one row', () => {
    const union = new arrow.SparseUnion([0, 1], [field('a', new arrow.Int32()), field('b', new arrow.Utf8())]);
    const schema = new arrow.Schema([field('u', union)]);
    const bytes = arrow.tableToIPC(new arrow.Table(schema), 'stream');
    expect(() => readArrowIpc(bytes)).toThrow(expect.objectContaining({ code: 'ARROW_UNSUPPORTED' }));
    expect(() => decodeRow(batchOf(bytes, 'arrow-ipc'), 0)).toThrow('a union is not supported');
    expect(() => readArrowIpc(Buffer.from('FEA1 and more'))).toThrow('Feather of version 1');
  });

  it('refuses what follows its end, rather than losing it', () => {
    const bytes = arrow.tableToIPC(arrow.tableFromArrays({ a: [1, 2] }), 'stream');
    const twice = Buffer.concat([bytes, bytes]);
    expect(() => readArrowIpc(twice)).toThrow('follow the end of the stream');
    expect(framer.count(twice, 'arrow-ipc')).toBe(1);
  });
});
