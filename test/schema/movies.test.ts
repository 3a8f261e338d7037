import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { batchKey, fieldsKey } from '../../src/core/keys.ts';
import { DateDay, Float64, Int32, Int64, Utf8 } from '../../src/schema/arrow.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { inferSchema } from '../../src/schema/declare/infer-schema.ts';
import { lossTable } from '../../src/schema/loss/loss-table.ts';
import { recordKeys } from '../../src/schema/record-keys.ts';
import { batchOf, compiled, field, valuesOf } from './schemas.ts';

const movies = (version: string) =>
  batchOf(readFileSync(`node_modules/vega-datasets-${version}/data/movies.json`), 'json');

const schema = compiled([
  field('Title', new Utf8(), { key: 'true' }),
  field('US_Gross', new Int64()),
  field('Worldwide_Gross', new Int64()),
  field('US_DVD_Sales', new Int64()),
  field('Production_Budget', new Int64()),
  field('Release_Date', new DateDay(), { format: 'MMM DD YYYY', key: 'true' }),
  field('MPAA_Rating', new Utf8()),
  field('Running_Time_min', new Int32()),
  field('Distributor', new Utf8()),
  field('Source', new Utf8()),
  field('Major_Genre', new Utf8()),
  field('Creative_Type', new Utf8()),
  field('Director', new Utf8()),
  field('Rotten_Tomatoes_Rating', new Int32()),
  field('IMDB_Rating', new Float64()),
  field('IMDB_Votes', new Int32()),
]);

describe('the real movies', () => {
  it('mismatch in the nine numeric titles only, in the version the schema was made for', () => {
    const { columns, residue, divergence } = schema.check(movies('v1'), 'all');
    expect([columns.rows.length, divergence]).toEqual([3192, 9 / (3201 * 16)]);
    expect(residue).toMatchObject([{ reason: 'schema-mismatch', detail: 'Title: type 9x' }]);
    expect([valuesOf(columns)[0]?.[0], valuesOf(columns)[1]?.[0], valuesOf(columns)[5]?.[0]]).toEqual([
      'The Land Girls',
      146083n,
      '1998-06-12',
    ]);
  });

  it('are beyond tolerance in the version with renamed columns, and coerce to the very same columns', async () => {
    const renamed = movies('v3');
    expect(schema.check(renamed, 'all').residue).toMatchObject([{ reason: 'beyond-tolerance' }]);
    const [before, after] = await Promise.all([
      schema.coerce(movies('v1'), 'all'),
      schema.coerce(renamed, 'all'),
    ]);
    expect(valuesOf(after.columns)).toEqual(valuesOf(before.columns));
    expect([before.degradedRows.length, after.degradedRows.length, after.residue]).toEqual([9, 3201, []]);
    expect(after.loss.entries.map(({ kind }) => kind).filter((kind) => kind === 'renamed')).toHaveLength(12);
    expect([after.loss.cells, after.loss.cellsTotal]).toEqual([12 * 3201 + 9, 16 * 3201]);
    expect(lossTable(before.loss)).toBe(
      [
        'field  change            lossy  cells  example',
        'Title  text-from-number  no         9  1776 -> "1776"',
        '9 of 51216 cells changed',
      ].join('\n'),
    );
  });

  it('have keys from the declared fields, the same in both versions', async () => {
    const [before, after] = await Promise.all([
      schema.coerce(movies('v1'), 'all'),
      schema.coerce(movies('v3'), 'all'),
    ]);
    const keys = recordKeys(before.columns, movies('v1'), 'all');
    expect(recordKeys(after.columns, movies('v3'), 'all')).toEqual(keys);
    expect(keys[0]).toBe(fieldsKey(['The Land Girls', '1998-06-12']));
  });

  it('conform to the schema inferred from them, but for the mixed titles', () => {
    const batch = movies('v3');
    const sample: unknown[] = JSON.parse(Buffer.from(batch.body).toString());
    const inferred = inferSchema(sample);
    expect(inferred.fields.map(({ name, type }) => `${name}: ${type}`).slice(0, 3)).toEqual([
      'Title: Utf8',
      'US Gross: Int64',
      'Worldwide Gross: Int64',
    ]);
    expect(compileSchema(inferred).check(batch, 'all').residue).toMatchObject([{ detail: 'Title: type 9x' }]);
  });
});

describe('record keys', () => {
  const batch = batchOf('{"id":1,"x":"a"}\n{"id":2,"x":"b"}\n{"id":"?","x":"c"}\n');

  it('are batch key and row where the schema declares no key, or the row is in no column', () => {
    const key = batchKey('test', undefined, batch.body);
    expect(recordKeys(undefined, batch, [0, 2])).toEqual([`${key}-0`, `${key}-2`]);
    const { columns } = compiled([field('id', new Int32(), { key: 'true' }), field('x', new Utf8())]).check(
      batch,
      'all',
    );
    expect(recordKeys(columns, batch, [2])).toEqual([`${key}-2`]);
    expect(recordKeys(columns, batch, [1, 2])[0]).toBe(fieldsKey([2n]));
  });

  it('stay the same when a newer schema widens the key column', () => {
    const keysBy = (type: Int32 | Int64) => {
      const { columns } = compiled([field('id', type, { key: 'true' }), field('x', new Utf8())]).check(
        batch,
        [0, 1],
      );
      return recordKeys(columns, batch, [0, 1]);
    };
    expect(keysBy(new Int32())).toEqual(keysBy(new Int64()));
  });
});
