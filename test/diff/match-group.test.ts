import { describe, expect, it } from 'vitest';
import type { Columns } from '../../src/core/columns.ts';
import { numberVector } from '../../src/core/vectors.ts';
import { diffColumns } from '../../src/diff/diff-columns.ts';
import { diffRecords } from '../../src/diff/diff-records.ts';
import { parseRules } from '../../src/diff/rules.ts';

/** Up to 64 × 64 pairs are compared one by one, more are matched by their text. */
const SIZES = [64, 65];

type Make = (row: number) => object;

/** Rows of one key; those of the other side in another order. */
function rowsOf(count: number, make: Make): readonly Readonly<Record<string, unknown>>[] {
  return Array.from({ length: count }, (_, row) => ({ id: 1, row, ...make(row) }));
}

const CASES: readonly (readonly [rules: string[], ignored: string[], a: Make, b: Make])[] = [
  [[], ['at'], (row) => ({ at: row }), (row) => ({ at: -row - 1 })],
  [['v=nfc'], [], () => ({ v: 'é' }), () => ({ v: 'e\u0301' })],
  [['v=null-absent'], [], () => ({ v: null }), () => ({})],
  [['v=spelled'], [], (row) => ({ v: `${row}.0` }), (row) => ({ v: row })],
  [
    ['v=epoch-ms'],
    [],
    (row) => ({ v: row }),
    (row) => ({ v: `1970-01-01T00:00:00.${`${row}`.padStart(3, '0')}Z` }),
  ],
  [['m.x=spelled'], ['m.at'], (row) => ({ m: { x: '1', at: row } }), () => ({ m: { x: 1 } })],
];

describe.each(SIZES)('%i rows a side of one key', (count) => {
  it.each(CASES)('are matched by the rules %j and without %j', async (texts, ignored, a, b) => {
    const rules = parseRules(texts, ignored);
    const report = await diffRecords(rowsOf(count, a), rowsOf(count, b).toReversed(), { key: ['id'], rules });
    expect(report).toMatchObject({ equal: count, changed: 0 });
  });

  it('are matched by the rules in columns', async () => {
    const tableOf = (sign: number): Columns => ({
      columns: ['id', 'row', 'at'].map((name) => ({ name, type: 'int', nullable: false, key: false })),
      rows: Array.from({ length: count }, (_, row) => row),
      vectors: [
        numberVector(new Int32Array(count)),
        numberVector(Int32Array.from({ length: count }, (_, row) => (sign > 0 ? row : count - 1 - row))),
        numberVector(Int32Array.from({ length: count }, (_, row) => sign * (row + 1))),
      ],
    });
    const rules = parseRules([], ['at'], { isTabular: true });
    const report = await diffColumns(tableOf(1), tableOf(-1), { key: ['id'], rules });
    expect(report).toMatchObject({ equal: count, changed: 0 });
  });
});
