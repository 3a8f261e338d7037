import { randomBytes } from 'node:crypto';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginIntegerChunk } from '../../src/stores/parquet/column-chunk.ts';
import { decompress } from '../../src/stores/parquet/compression.ts';
import { fileFooter } from '../../src/stores/parquet/file-metadata.ts';
import { encodeObject } from '../../src/stores/parquet.ts';
import { DuckReader, entry } from './object-files.ts';

let duckdb: DuckReader;
beforeAll(async () => {
  duckdb = await DuckReader.open();
});
afterAll(() => duckdb.close());

/** A file with one column of integers. */
async function integersFile(values: readonly (number | bigint)[]): Promise<Uint8Array> {
  const column = { name: 'n', kind: 'integer', of: () => 0 } as const;
  const chunks: Uint8Array[] = [Buffer.from('PAR1')];
  const chunk = await beginIntegerChunk(column, values).write((bytes) => void chunks.push(bytes));
  const groups = [{ rows: values.length, offset: 4, chunks: [chunk] }];
  return Buffer.concat([...chunks, fileFooter({ columns: [column], groups, keyValues: [] })]);
}

describe('built-in Parquet writer', () => {
  it('keeps every INT64, also beyond 2^53, with its statistics', async () => {
    const values = [
      0n,
      -1n,
      2n ** 53n + 1n,
      -(2n ** 53n) - 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      9007199254740993n,
    ];
    const bytes = await integersFile(values);
    expect((await duckdb.query(bytes, 'n')).map(({ n }) => n)).toEqual(values);
    for (const value of values) expect(await duckdb.query(bytes, 'n', `n = ${value}`)).not.toEqual([]);
    const [chunk] = await duckdb.chunks(bytes, 'n');
    expect([chunk?.['stats_min_value'], chunk?.['stats_max_value']]).toEqual([
      String(-(2n ** 63n)),
      String(2n ** 63n - 1n),
    ]);
    const file = Uint8Array.from(bytes).buffer;
    const rows = await parquetReadObjects({ file, compressors: { ZSTD: decompress } });
    expect(rows.map(({ n }) => n)).toEqual(values);
  });

  it('writes numbers as it writes the same big integers', async () => {
    const numbers = [0, 1, -1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1];
    const [one, other] = await Promise.all([integersFile(numbers), integersFile(numbers.map(BigInt))]);
    expect(Buffer.compare(one, other)).toBe(0);
  });

  it('gives each row group the least and the greatest key, so that readers can skip the others', async () => {
    const entries = Array.from({ length: 10_000 }, (_, i) => entry(i, randomBytes(20)));
    const bytes = Buffer.concat((await encodeObject(entries, {})).chunks);
    const chunks = await duckdb.chunks(bytes, 'key');
    expect(chunks.map((chunk) => [chunk['stats_min_value'], chunk['stats_max_value']])).toEqual([
      [entries[0]?.key, entries[8191]?.key],
      [entries[8192]?.key, entries[9999]?.key],
    ]);
    const seqs = await duckdb.chunks(bytes, 'seq');
    expect(seqs.map((chunk) => chunk['stats_max_value'])).toEqual(['8191', '9999']);
  });

  it('has no statistics where they could be wrong or large', async () => {
    const long = 'x'.repeat(65);
    const entries = [
      entry(1, randomBytes(100), { orderingKey: undefined, rows: [1, 2], reason: long, trail: 'größe' }),
      entry(2, randomBytes(100), { orderingKey: 'b', reason: 'a', trail: 'zürich' }),
    ];
    const bytes = Buffer.concat((await encodeObject(entries, {})).chunks);
    const range = async (column: string) => {
      const [chunk] = await duckdb.chunks(bytes, column);
      return [chunk?.['stats_min_value'], chunk?.['stats_max_value'], chunk?.['stats_null_count']];
    };
    expect(await range('body')).toEqual([null, null, null]);
    expect(await range('reason')).toEqual([null, null, 0n]);
    expect(await range('ordering_key')).toEqual(['b', 'b', 1n]);
    // Byte order, not the order of UTF-16.
    expect(await range('trail')).toEqual(['größe', 'zürich', 0n]);
  });

  it('writes values that come again once, and many different ones without a dictionary', async () => {
    const same = Array.from({ length: 3000 }, (_, i) =>
      entry(i, new Uint8Array(0), { orderingKey: `k${i % 256}` }),
    );
    const different = same.map((one, i) => ({ ...one, orderingKey: `k${i % 257}` }));
    for (const [entries, encoding] of [
      [same, 'RLE_DICTIONARY'],
      [different, 'PLAIN'],
    ] as const) {
      const bytes = Buffer.concat((await encodeObject(entries, {})).chunks);
      const [chunk] = await duckdb.chunks(bytes, 'ordering_key');
      expect(String(chunk?.['encodings']).split(', ')).toContain(encoding);
      const counted = await duckdb.query(bytes, 'count(distinct ordering_key) as n');
      expect(counted).toEqual([{ n: encoding === 'PLAIN' ? 257n : 256n }]);
    }
  });

  it('costs less than 2 KB beside one body of 1 MiB', async () => {
    const object = await encodeObject([entry(1, randomBytes(1024 * 1024))], { 'tierfall.chain': 'c' });
    expect(object.bytes - 1024 * 1024).toBeLessThan(2048);
  });
});
