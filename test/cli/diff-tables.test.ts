import { DuckDBInstance } from '@duckdb/node-api';
import {
  Field,
  Float64,
  Int32,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { MEANING, pageBytes, parquetBytes, plainTexts, TYPE } from '../hostile/parquet-bytes.ts';
import { type Workplace, workplace } from './workplace.ts';

async function withParquet(files: Readonly<Record<string, string>>): Promise<Workplace> {
  const place = workplace();
  const database = await (await DuckDBInstance.create(':memory:')).connect();
  for (const [name, query] of Object.entries(files))
    await database.run(`copy (${query}) to '${place.path}/${name}' (format parquet, row_group_size 2048)`);
  return place;
}

const BASE = `select i::integer id, timestamp '2024-01-01 00:00:00' + interval (i) second as at, (i / 4)::decimal(10,2) price,
  case when i % 3 = 0 then null else 'n' || i end as name from range(5000) t(i)`;

describe('tierfall diff on files of columns', () => {
  it('compares Parquet with Parquet, in order, shuffled, and through a disk', async () => {
    const place = await withParquet({
      'a.parquet': BASE,
      'b.parquet': `select * replace (case when id = 4321 then 0.5 else price end as price) from (${BASE})`,
      'c.parquet': `from (${BASE}) order by hash(id)`,
    });
    expect((await place.tierfall(['diff', 'a.parquet', 'c.parquet', '-k', 'id'])).code).toBe(0);
    for (const more of [[], ['--memory', '1']]) {
      const { code, out } = await place.tierfall(['diff', 'a.parquet', 'b.parquet', '-k', 'id', ...more]);
      expect(code).toBe(1);
      expect(out).toContain('~ id=4321\n    price: 1080.25 → 0.5');
      expect(out).toMatch(/5,000 +5,000 +4,999 +1 +0 +0/);
    }
  });

  it('takes the instants and decimals of Parquet for what JSON says of them', async () => {
    const place = await withParquet({ 'a.parquet': `from (${BASE}) limit 2` });
    place.file(
      'a.ndjson',
      '{"id":0,"at":"2024-01-01T00:00:00Z","price":0}\n{"id":1,"at":"2024-01-01T01:00:01+01:00","price":0.25,"name":"n1"}\n',
    );
    for (const key of ['id', 'at'])
      expect((await place.tierfall(['diff', 'a.parquet', 'a.ndjson', '-k', key])).code).toBe(0);
  });

  it('compares Arrow with CSV', async () => {
    const place = workplace();
    const schema = new Schema([new Field('id', new Int32()), new Field('v', new Float64())]);
    const vectors = { id: makeVector(Int32Array.of(1, 2)), v: makeVector(Float64Array.of(0.5, 2)) };
    place.file('a.arrow', tableToIPC(new Table(schema, vectors), 'file'));
    place.file('a.csv', 'id,v\n2,2\n1,0.50\n');
    expect((await place.tierfall(['diff', 'a.arrow', 'a.csv', '-k', 'id'])).code).toBe(0);
  });

  it('compares every column of a name that occurs twice', async () => {
    const place = workplace();
    const fields = ['id', 'x', 'x'].map((name) => new Field(name, new Int32()));
    const fileOf = (...cells: readonly number[]): Uint8Array => {
      const children = cells.map((cell) => makeVector(Int32Array.of(cell)).data[0]);
      const rows = makeData({ type: new Struct(fields), length: 1, nullCount: 0, children: children as never });
      return tableToIPC(new Table([new RecordBatch(new Schema(fields), rows)]), 'stream');
    };
    place.file('a.arrow', fileOf(1, 5, 1));
    place.file('b.arrow', fileOf(1, 5, 9));
    place.file('a.csv', 'id,x,x\n1,5,1\n');
    const { code, out } = await place.tierfall(['diff', 'a.arrow', 'b.arrow', '-k', 'id']);
    expect([code, out]).toEqual([1, expect.stringContaining('x_1: 1 → 9')]);
    expect((await place.tierfall(['diff', 'a.arrow', 'a.csv', '-k', 'id'])).code).toBe(0);
  });

  it('compares the rows of Parquet that can be read, names the others, and exits with 2', async () => {
    const place = workplace();
    const fileOf = (word: Uint8Array | string): Uint8Array =>
      parquetBytes({
        elements: [{ name: 't', type: TYPE.bytes, meaning: MEANING.text }],
        rows: 3,
        columns: [
          { type: TYPE.bytes, pages: pageBytes(plainTexts(['a', word, 'c']), { values: 3 }), values: 3 },
        ],
      });
    place.file('a.parquet', fileOf('b'));
    place.file('b.parquet', fileOf(Uint8Array.of(0xff)));
    for (const way of [['-k', 't'], ['--in-order']]) {
      const { code, out } = await place.tierfall(['diff', 'a.parquet', 'b.parquet', ...way]);
      expect(code).toBe(2);
      expect(out).toContain('row 1 (page at byte 4): column "t" holds text that is not UTF-8');
      expect(out).toContain('1 rows are not their format');
      expect(out).toMatch(/3 +2 +2 +0 +1 +0/);
    }
  });

  it.each([
    ['a.parquet', 'INPUT_NOT_FOUND'],
    ['bad.parquet', 'PARQUET_NOT_PARQUET'],
    ['bad.arrow', 'ARROW_DAMAGED'],
  ])('exits with 2 for %s, which is not there or not what its name says', async (name, problem) => {
    const place = workplace();
    place.file('bad.parquet', 'id\n1\n2 and some more\n');
    place.file('bad.arrow', 'id\n1\n2 and some more\n');
    const { code, err } = await place.tierfall(['diff', name, name, '-k', 'id']);
    expect(code).toBe(2);
    expect(err).toContain(`[${problem}]`);
    expect(err).toContain(name);
  });
});
