import { describe, expect, it } from 'vitest';
import { openParquet, type RowGroupColumns } from '../../src/codecs/parquet.ts';
import {
  dictionaryBytes,
  type Element,
  MEANING,
  pageBytes,
  parquetBytes,
  plainTexts,
  runBytes,
  TYPE,
} from '../hostile/parquet-bytes.ts';
import { sourceOf } from './parquet-files.ts';

const BAD = Uint8Array.of(0x61, 0xff, 0x62);
const ids = pageBytes(new Uint8Array(Int32Array.of(10, 11, 12, 13).buffer), { values: 4 });

/** Nanoseconds of the day, then the Julian day. */
/** A file of four rows: `id`, and a column under test. */
async function readBeside(
  elements: readonly Element[],
  type: number,
  pages: Uint8Array,
): Promise<RowGroupColumns> {
  const bytes = parquetBytes({
    elements: [{ name: 'id', type: TYPE.int32 }, ...elements],
    rootChildren: 2,
    rows: 4,
    columns: [
      { type: TYPE.int32, pages: ids, values: 4 },
      { type, pages, values: 4 },
    ],
  });
  return (await openParquet(sourceOf(bytes))).readRowGroup(0);
}

function cellsOf({ rows, vectors }: RowGroupColumns): unknown[] {
  return rows.map((row, at) => [row, ...vectors.map((vector) => vector.at(at))]);
}

describe('a value that its column cannot hold', () => {
  it('costs its own row, where text is not UTF-8, and says where and why', async () => {
    const pages = pageBytes(plainTexts(['a', BAD, 'ß', '']), { values: 4 });
    const group = await readBeside([{ name: 't', type: TYPE.bytes, meaning: MEANING.text }], TYPE.bytes, pages);
    expect(cellsOf(group)).toEqual([
      [0, 10, 'a'],
      [2, 12, 'ß'],
      [3, 13, ''],
    ]);
    expect(group.undecodable).toEqual([
      {
        row: 1,
        column: 't',
        offset: 4 + ids.length,
        reason: 'text that is not UTF-8',
        bytes: BAD,
        cells: [11, null],
      },
    ]);
  });

  it('costs every row that has it as a word of the dictionary', async () => {
    const words = dictionaryBytes(plainTexts([BAD, 'ok']), 2);
    // Indices of one bit: 1, 0, 1, 0 in a packed run of eight.
    const indices = pageBytes(Uint8Array.of(1, 3, 0b0101), { values: 4, encoding: 8 });
    const group = await readBeside(
      [{ name: 't', type: TYPE.bytes, meaning: MEANING.text }],
      TYPE.bytes,
      Buffer.concat([words, indices]),
    );
    expect(cellsOf(group)).toEqual([
      [0, 10, 'ok'],
      [2, 12, 'ok'],
    ]);
    expect(group.undecodable.map(({ row }) => row)).toEqual([1, 3]);
  });

  it('costs its own row, where JSON is not JSON', async () => {
    const pages = pageBytes(plainTexts(['{"a":1}', '{"a":', 'null', '2']), { values: 4 });
    const group = await readBeside([{ name: 't', type: TYPE.bytes, meaning: MEANING.json }], TYPE.bytes, pages);
    expect(group.rows).toEqual([0, 2, 3]);
    expect(group.undecodable[0]).toMatchObject({ row: 1, reason: 'text that is not JSON' });
  });

  it('costs its own row, where it is an element of a list', async () => {
    // Four lists of one element each: no level is below the highest, no element continues a list.
    const levels = Buffer.concat([runBytes(4, 0, true), runBytes(4, 1, true)]);
    const pages = pageBytes(Buffer.concat([levels, plainTexts(['a', 'b', BAD, 'd'])]), { values: 4 });
    const group = await readBeside(
      [
        { name: 'l', repetition: 0, children: 1, meaning: MEANING.list },
        { name: 'element', type: TYPE.bytes, repetition: 2, meaning: MEANING.text },
      ],
      TYPE.bytes,
      pages,
    );
    expect(cellsOf(group)).toEqual([
      [0, 10, '["a"]'],
      [1, 11, '["b"]'],
      [3, 13, '["d"]'],
    ]);
    expect(group.undecodable).toMatchObject([{ row: 2, column: 'l', bytes: BAD }]);
  });

  it('is told with the page that holds it', async () => {
    const first = pageBytes(plainTexts(['a', 'b', 'c']), { values: 3 });
    const second = pageBytes(plainTexts([BAD]), { values: 1 });
    const group = await readBeside(
      [{ name: 't', type: TYPE.bytes, meaning: MEANING.text }],
      TYPE.bytes,
      Buffer.concat([first, second]),
    );
    expect(group.undecodable).toMatchObject([{ row: 3, offset: 4 + ids.length + first.length }]);
  });
});
