import { Table, tableToIPC, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { readArrowIpc } from '../../src/codecs/arrow-ipc.ts';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import type { Columns } from '../../src/core/columns.ts';
import { cellsOf } from '../../src/core/vectors.ts';
import * as arrow from '../../src/schema/arrow.ts';
import { toArrow } from '../../src/schema/arrow-batch.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';

const { MICROSECOND, MILLISECOND } = arrow.ArrowTimeUnit;

function field(
  name: string,
  type: arrow.DataType,
  metadata: Readonly<Record<string, string>> = {},
): arrow.Field {
  return new arrow.Field(name, type, true, new Map(Object.entries(metadata)));
}

const SCHEMA = new arrow.Schema([
  field('id', new arrow.Int64()),
  field('at', new arrow.Timestamp(MILLISECOND, 'UTC')),
  field('local', new arrow.Timestamp(MICROSECOND)),
  field('price', new arrow.Decimal(2, 10, 128)),
  field('day', new arrow.DateDay()),
  field('name', new arrow.Utf8()),
  field('ok', new arrow.Bool()),
  field('blob', new arrow.Binary()),
  field('meta', new arrow.Utf8(), { json: 'true' }),
]);

const NDJSON = [
  '{"id":9007199254740993,"at":"2026-01-02T03:04:05.678Z","local":"2026-01-02T03:04:05.000001","price":"12.50","day":"2026-02-28","name":"é","ok":true,"blob":"AAH/","meta":{"a":[1]}}',
  '{"id":-1,"at":"1969-12-31T23:59:59.999Z","local":null,"price":"-0.05","day":null,"name":"","ok":null,"blob":null,"meta":null}',
].join('\n');

function batchOf(body: Uint8Array | string, format: 'ndjson' | 'arrow-ipc'): Batch {
  return new Batch({ body, format }, 'test', framer, 0);
}

function check(batch: Batch) {
  return compileSchema(SCHEMA).check(batch, 'all');
}

function cellsIn({ columns, vectors }: Columns): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name }, at) => [name, vectors[at] && cellsOf(vectors[at])]));
}

describe('records of an Arrow body', () => {
  it('conform to the schema they were written by, with the cells they were written from', () => {
    const before = check(batchOf(NDJSON, 'ndjson')).columns;
    expect(before.rows).toEqual([0, 1]);
    const bytes = tableToIPC(new Table(toArrow(before, SCHEMA)), 'stream');
    const after = check(batchOf(bytes, 'arrow-ipc')).columns;
    expect(after.rows).toEqual([0, 1]);
    expect(cellsIn(after)).toEqual(cellsIn(before));
    const [read] = readArrowIpc(bytes);
    expect(read && cellsIn(read)).toEqual(cellsIn(before));
    expect(read?.columns).toEqual(before.columns);
  });

  it('conform to a schema whose timestamps count in another unit, as the same instant', () => {
    const table = new Table({
      at: vectorFromArray([1_500, 2_000], new arrow.Timestamp(MICROSECOND, 'UTC')),
    });
    const schema = new arrow.Schema([field('at', new arrow.Timestamp(MILLISECOND, 'UTC'))]);
    const batch = batchOf(tableToIPC(table, 'stream'), 'arrow-ipc');
    const { columns } = compileSchema(schema).check(batch, 'all');
    expect(cellsIn(columns)).toEqual({ at: [1500n, 2000n] });
  });
});
