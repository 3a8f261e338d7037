import * as arrow from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { readArrowIpc } from '../../src/codecs/arrow-ipc.ts';
import { decodeRecord } from '../../src/codecs/codecs.ts';
import { openParquet } from '../../src/codecs/parquet.ts';
import { cellsOf } from '../../src/core/vectors.ts';
import { readParquetLines } from '../../src/ingress/parquet-lines.ts';
import { pageBytes, parquetBytes, plainTexts, TYPE } from '../hostile/parquet-bytes.ts';
import { batchOf } from './batches.ts';
import { readColumns, sourceOf } from './parquet-files.ts';

/** A record batch of the fields of a struct, which may have one name twice. */
function arrowOf(names: readonly string[], columns: readonly arrow.Data[]): Uint8Array {
  const fields = columns.map(({ type }, at) => new arrow.Field(names[at] ?? '', type));
  const length = columns[0]?.length ?? 0;
  const children = [...columns];
  const rows = arrow.makeData({ type: new arrow.Struct(fields), length, nullCount: 0, children });
  const batch = new arrow.RecordBatch(new arrow.Schema(fields), rows);
  return arrow.RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
}

function integers(...values: readonly number[]): arrow.Data {
  return arrow.vectorFromArray(values, new arrow.Int32()).data[0] as arrow.Data;
}

/** One row of required texts; a struct of them where `inStruct` says so. */
function parquetOf(cells: readonly (readonly [name: string, text: string])[], inStruct: boolean): Uint8Array {
  const leaves = cells.map(([name]) => ({ name, type: TYPE.bytes, meaning: 0 }));
  const elements = inStruct ? [{ name: 's', children: leaves.length }, ...leaves] : leaves;
  const columns = cells.map(([, text]) => ({
    type: TYPE.bytes,
    values: 1,
    pages: pageBytes(plainTexts([text]), { values: 1 }),
  }));
  return parquetBytes({ elements, rootChildren: inStruct ? 1 : leaves.length, rows: 1, columns });
}

const CELLS = [
  ['x', 'a'],
  ['x_1', 'b'],
  ['x', 'c'],
] as const;

describe('columns with a name that occurs twice', () => {
  it('have distinct names in Arrow, as columns and as records', () => {
    const bytes = arrowOf(['id', 'x', 'x'], [integers(1, 2), integers(3, 4), integers(5, 6)]);
    const [columns] = readArrowIpc(bytes);
    expect(columns?.columns.map(({ name }) => name)).toEqual(['id', 'x', 'x_1']);
    expect({ ...decodeRecord(batchOf(bytes, 'arrow-ipc'), 1) }).toEqual({ id: 2, x: 4, x_1: 6 });
  });

  it('have distinct names in a struct of Arrow', () => {
    const fields = [new arrow.Field('x', new arrow.Int32()), new arrow.Field('x', new arrow.Int32())];
    const type = new arrow.Struct(fields);
    const struct = arrow.makeData({ type, length: 1, nullCount: 0, children: [integers(3), integers(5)] });
    const bytes = arrowOf(['s'], [struct]);
    const [vector] = readArrowIpc(bytes)[0]?.vectors ?? [];
    expect(vector && cellsOf(vector)).toEqual(['{"x":3,"x_1":5}']);
    expect({ ...decodeRecord(batchOf(bytes, 'arrow-ipc'), 0) }).toEqual({ s: { x: 3, x_1: 5 } });
  });

  it('have distinct names in Parquet, as columns, in a struct and as lines', async () => {
    const flat = parquetOf(CELLS, false);
    const { columns } = await openParquet(sourceOf(flat));
    expect(columns.map(({ name }) => name)).toEqual(['x', 'x_1', 'x_2']);
    const nested = await readColumns(parquetOf(CELLS, true));
    expect(nested).toEqual({ s: ['{"x":"a","x_1":"b","x_2":"c"}'] });
    const chunks = (async function* () {
      yield flat;
    })();
    const lines: string[] = [];
    for await (const line of readParquetLines(chunks, 'a.parquet', 1e6))
      lines.push(Buffer.from(line).toString());
    expect(lines).toEqual(['{"x":"a","x_1":"b","x_2":"c"}\n']);
  });
});
