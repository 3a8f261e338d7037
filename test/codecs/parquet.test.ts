import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { beforeAll, describe, expect, it } from 'vitest';
import { openParquet } from '../../src/codecs/parquet.ts';
import { InputError } from '../../src/core/errors.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';
import { duckdbParquet, readColumns, sourceOf } from './parquet-files.ts';

const EVERY_TYPE = `create table t as select
  i::tinyint a8, i::utinyint u8, (i*1000)::integer a32, (4294967295-i)::uinteger u32,
  (9007199254740993+i)::bigint a64, (18446744073709551615-i)::ubigint u64, i::float/3 f, i::double/3 d, i%2=0 b,
  'té'||(i%3) s, chr(97+i::integer)::blob y, (date '1969-12-31'+i::integer) dt,
  timestamp '2020-01-01 00:00:00.123456'+interval (i) second ts, timestamp_ns '2020-01-01 00:00:00.123456789' tns,
  time '13:05:09.25' tm, (i||'.25')::decimal(5,2) d5, (-i)::decimal(18,3) d18,
  '-12345678901234567890123456789.000000001'::decimal(38,9) d38,
  '123e4567-e89b-12d3-a456-426614174000'::uuid u, [i, null, i+1] l, {'a': i, '__proto__': [i::varchar]} st,
  map {'k'||i: i, 'z': null} m, case when i%5=0 then null else i end n, null::varchar nn, '{"a":1}'::json js,
  [[1,2],[],null]::int[][] ll
  from range(7) r(i)`;

const EXPECTED_ROW_1 = {
  a8: 1,
  u8: 1,
  a32: 1000,
  u32: 4_294_967_294,
  a64: 9_007_199_254_740_994n,
  u64: 18_446_744_073_709_551_614n,
  f: Math.fround(1 / 3),
  d: 1 / 3,
  b: false,
  s: 'té1',
  y: Uint8Array.of(98),
  dt: '1970-01-01',
  ts: 1_577_836_801_123_456n,
  tns: 1_577_836_800_123_456_789n,
  tm: '13:05:09.250000',
  d5: '1.25',
  d18: '-1.000',
  d38: '-12345678901234567890123456789.000000001',
  u: '123e4567-e89b-12d3-a456-426614174000',
  l: '[1,null,2]',
  st: '{"a":1,"__proto__":["1"]}',
  m: '{"k1":1,"z":null}',
  n: 1n,
  nn: null,
  js: '{"a":1}',
  ll: '[[1,2],[],null]',
};

async function faultOf(run: () => Promise<unknown>): Promise<InputError | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

describe('a Parquet file', () => {
  it.each(
    ['uncompressed', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'lz4_raw'].flatMap((codec) =>
      ['V1', 'V2'].map((version) => [codec, version] as const),
    ),
  )('is read exactly in every type, with %s and pages of %s', async (codec, version) => {
    const options = `format parquet, codec '${codec}', parquet_version '${version}'`;
    const columns = await readColumns(await duckdbParquet(EVERY_TYPE, `copy t to 'FILE' (${options})`));
    expect(Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, cells[1]]))).toEqual(
      EXPECTED_ROW_1,
    );
    expect(columns['n']).toEqual([null, 1n, 2n, 3n, 4n, null, 6n]);
  });

  it('names, types, units and nullability of its columns are known from the footer', async () => {
    const bytes = await duckdbParquet(
      'create table t(a integer not null, b timestamp_ms, c struct(x int), d timestamptz)',
      "insert into t values (1, '2020-01-01', {'x': 1}, '2020-01-01')",
      "copy t to 'FILE' (format parquet)",
    );
    const { columns, rowCount, rowGroups } = await openParquet(sourceOf(bytes));
    expect([rowCount, rowGroups]).toEqual([1, 1]);
    expect(columns.map(({ name, type, unit }) => [name, type, unit])).toEqual([
      ['a', 'int', undefined],
      ['b', 'timestamp', 'ms'],
      ['c', 'json', undefined],
      ['d', 'timestamp', 'us'],
    ]);
  });

  it('agrees with DuckDB on large nested columns over many row groups, and gives way between pages', async () => {
    const nested = `select i, case when i%7=0 then null else list_transform(range(i%5), x ->
      {'k': case when x%3=0 then null else 'w'||(i%11) end, 'v': [x, null, i], 'm': map {x: [x]}}) end l
      from range(30000) r(i)`;
    const bytes = await duckdbParquet(
      `create table t as ${nested}`,
      "copy (select *, to_json(l)::varchar j from t) to 'FILE' (format parquet, row_group_size 4096)",
    );
    let turns = 0;
    const file = await openParquet(sourceOf(bytes), {
      yieldToLoop: () => {
        turns += 1;
      },
    });
    expect(file.rowGroups).toBeGreaterThan(5);
    let rows = 0;
    for (let group = 0; group < file.rowGroups; group += 1) {
      const { vectors, rows: here } = await file.readRowGroup(group);
      for (let row = 0; row < here.length; row += 1) {
        const [index, list, json] = vectors.map((vector) => vector.at(row));
        expect(index).toBe(BigInt(rows));
        if (json === null) expect(list).toBeNull();
        else expect(JSON.parse(String(list))).toEqual(JSON.parse(String(json)));
        rows += 1;
      }
    }
    expect([rows, turns > 3 * file.rowGroups]).toEqual([30_000, true]);
  });

  it('keeps the dictionary of a text column, and writes it out when a page goes without', async () => {
    const few = await openParquet(
      sourceOf(
        await duckdbParquet(
          "copy (select case when i%10=0 then null else 'w'||(i%5) end s from range(5000) r(i)) to 'FILE' (format parquet)",
        ),
      ),
    );
    const { vectors } = await few.readRowGroup(0);
    expect(vectors[0]?.kind).toBe('word');
    expect([0, 1, 4999].map((row) => vectors[0]?.at(row))).toEqual([null, 'w1', 'w4']);
  });

  it('is the same whatever was written, by another writer', async () => {
    const optional = <T>(value: fc.Arbitrary<T>) =>
      fc.array(fc.option(value), { minLength: 1, maxLength: 200 });
    const cases = {
      INT32: optional(fc.integer()),
      INT64: optional(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      DOUBLE: optional(fc.double()),
      BOOLEAN: optional(fc.boolean()),
      STRING: optional(fc.string({ unit: 'grapheme' })),
      BYTE_ARRAY: optional(fc.uint8Array()),
    } as const;
    const encodings = {
      INT32: ['PLAIN', 'DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'],
      INT64: ['PLAIN', 'DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'],
      DOUBLE: ['PLAIN', 'BYTE_STREAM_SPLIT'],
      BOOLEAN: ['PLAIN', 'RLE'],
      STRING: ['PLAIN', 'RLE_DICTIONARY', 'DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY'],
      BYTE_ARRAY: ['PLAIN', 'DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY'],
    } as const;
    for (const [type, cells] of Object.entries(cases) as [keyof typeof cases, fc.Arbitrary<unknown[]>][]) {
      for (const encoding of encodings[type]) {
        await fc.assert(
          fc.asyncProperty(cells, async (data) => {
            const columnData = [{ name: 'a', data, type, encoding, nullable: true }];
            const buffer = parquetWriteBuffer({ columnData });
            expect((await readColumns(new Uint8Array(buffer)))['a']).toEqual(data);
          }),
          { numRuns: 25 },
        );
      }
    }
  });
});

describe('a file that is no whole Parquet file', () => {
  let small: Uint8Array;
  beforeAll(async () => {
    small = await duckdbParquet(
      "create table t as select i a, 'w'||(i%2) s, [i, null] l, (i||'.5')::decimal(9,1) d from range(4) r(i)",
      "copy t to 'FILE' (format parquet, codec 'snappy')",
    );
  });

  it('is refused wherever it is cut', async () => {
    for (let length = 0; length < small.length; length += 1) {
      const fault = await faultOf(() => readColumns(small.subarray(0, length)));
      expect(fault?.code).toMatch(/^PARQUET_(NOT_PARQUET|DAMAGED)$/);
      expect(fault?.hint.length).toBeGreaterThan(20);
    }
  });

  it('is refused or read, in no time, whichever byte is changed', { timeout: 60_000 }, async () => {
    let refused = 0;
    for (let at = 0; at < small.length; at += 1) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = Uint8Array.from(small);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const cpuMs = cpuStopwatch();
        const fault = await faultOf(() => readColumns(changed));
        expect(cpuMs()).toBeLessThan(2000);
        if (fault) refused += 1;
        if (fault) expect(fault.code).toMatch(/^PARQUET_/);
      }
    }
    expect(refused).toBeGreaterThan(small.length);
  });

  it('is refused or read, in no time, whatever is written over it', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 6 })), {
          minLength: 1,
          maxLength: 4,
        }),
        async (edits) => {
          const changed = Uint8Array.from(small);
          for (const [place, bytes] of edits) {
            const at = place % (changed.length - 8);
            changed.set(bytes.subarray(0, changed.length - 8 - at), at);
          }
          const cpuMs = cpuStopwatch();
          await faultOf(() => readColumns(changed));
          expect(cpuMs()).toBeLessThan(2000);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('is refused when it says it holds more than it may', async () => {
    const file = await openParquet(sourceOf(small), { groupBytesMax: 100 });
    const fault = await faultOf(() => file.readRowGroup(0));
    expect(fault?.code).toBe('PARQUET_TOO_LARGE');
    await expect(file.readRowGroup(1)).rejects.toThrow(RangeError);
  });

  it.each([
    ['nothing', ''],
    ['text', 'a,b\n1,2\n'.repeat(10)],
    ['a magic at both ends and nothing between', 'PAR1\0\0\0\0PAR1'],
    ['a footer longer than the file', 'PAR1abcd\xff\xff\xff\xffPAR1'],
    // A list of two thousand million structs, nested in lists of as many: what a trusting reader allocates.
    [
      'a list of two thousand million',
      `PAR1\x29\xfc\xff\xff\xff\xff\x07${'\x19\xfc\xff\xff\xff\xff\x07'.repeat(20)}\xa0\0\0\0PAR1`,
    ],
    ['structs without end', `PAR1${'\x1c'.repeat(400)}\x90\x01\0\0PAR1`],
  ])('is refused at once when it is %s', async (_name, latin1) => {
    const cpuMs = cpuStopwatch();
    const fault = await faultOf(() => openParquet(sourceOf(Buffer.from(latin1, 'latin1'))));
    expect(fault?.code).toMatch(/^PARQUET_(NOT_PARQUET|DAMAGED)$/);
    expect(cpuMs()).toBeLessThan(1000);
  });

  it('is refused when it is encrypted', async () => {
    const encrypted = Buffer.from(small);
    encrypted.write('PARE', encrypted.length - 4);
    expect((await faultOf(() => openParquet(sourceOf(encrypted))))?.code).toBe('PARQUET_UNSUPPORTED');
  });
});
