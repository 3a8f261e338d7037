import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Columns, ColumnType } from '../../src/core/columns.ts';
import { numberVector, type Vector, wideVector } from '../../src/core/vectors.ts';
import type { DiffChange } from '../../src/diff/change.ts';
import { diffColumns, recordOf } from '../../src/diff/diff-columns.ts';
import { type DiffOptions, diffRecords } from '../../src/diff/diff-records.ts';
import { parseRules } from '../../src/diff/rules.ts';
import { tables, textsOf } from './random-columns.ts';

const RULES = [[], ['c0=nfc'], ['c0=1.5', 'c1=2s', 'c2=0.5r']];

function recordsOf(columns: Columns): ReturnType<typeof recordOf>[] {
  return columns.rows.map((_, row) => recordOf(columns, row));
}

/** Columns by name: type and vector. */
function columnsOf(parts: Readonly<Record<string, readonly [ColumnType, Vector]>>): Columns {
  const names = Object.entries(parts);
  return {
    columns: names.map(([name, [type]]) => ({ name, type, nullable: true, key: false })),
    rows: Array.from({ length: names[0]?.[1][1].length ?? 0 }, (_, row) => row),
    vectors: names.map(([, [, vector]]) => vector),
  };
}

describe('columns against columns', () => {
  it.each(RULES.map((rules) => [rules]))(
    'tells what a comparison of their rows tells (rules %j)',
    async (texts) => {
      const rules = parseRules(texts, [], { isTabular: true });
      await fc.assert(
        fc.asyncProperty(
          tables,
          fc.constantFrom<DiffOptions['key']>(['id'], ['id', 'c0'], 'order'),
          async ([a, b], key) => {
            fc.pre(!(texts.length > 1 && key.includes('c0')));
            const both = [...a.columns, ...b.columns];
            const timeFields = both.filter(({ type }) => type === 'timestamp').map(({ name }) => name);
            const fast: DiffChange[] = [];
            const slow: DiffChange[] = [];
            const options = { key, rules, timeFields };
            const report = await diffColumns(a, b, {
              ...options,
              onChange: (change) => void fast.push(change),
            });
            const expected = await diffRecords(recordsOf(a), recordsOf(b), {
              ...options,
              mayGenerate: false,
              onChange: (change) => void slow.push(change),
            });
            expect(fast).toEqual(slow);
            expect(report).toEqual({ ...expected, duplicates: report.duplicates });
            const { a: duplicatesA, b: duplicatesB } = report.duplicates;
            expect([duplicatesA, duplicatesB]).toEqual([expected.duplicates.a, expected.duplicates.b]);
          },
        ),
        { numRuns: 600 },
      );
    },
  );

  it('compares rows at the same places across many runs, whatever the lengths of texts before them', async () => {
    const rows = 20_000;
    const ids = Int32Array.from({ length: rows }, (_, row) => row);
    const texts = Array.from(ids, (id) => `text ${id % 7}`);
    const changed = texts.map((text, row) => (row % 4999 === 3 ? `${text} and more` : text));
    const a = columnsOf({ id: ['int', numberVector(ids)], text: ['text', textsOf(texts)] });
    const b = columnsOf({ id: ['int', numberVector(ids)], text: ['text', textsOf(changed)] });
    const report = await diffColumns(a, b, { key: ['id'], samplesMax: 100 });
    expect(report).toMatchObject({ changed: 5, changedCells: 5, equal: rows - 5 });
    const found = report.samples.map((change) => (change.kind === 'changed' ? change.rowA : -1));
    expect(found).toEqual([3, 5002, 10_001, 15_000, 19_999]);
  });

  it('sees a null and a cut between texts that the bytes of a run do not show', async () => {
    const id = ['int', numberVector(Int32Array.of(1, 2))] as const;
    const zeros = Int32Array.of(0, 0);
    const a = columnsOf({ id, v: ['int', numberVector(zeros)], t: ['text', textsOf(['ab', 'c'])] });
    const b = columnsOf({
      id,
      v: ['int', numberVector(zeros, Uint8Array.of(1, 0))],
      t: ['text', textsOf(['a', 'bc'])],
    });
    const { fields } = await diffColumns(a, b, { key: ['id'] });
    expect(fields).toEqual([
      { field: 't', changed: 2 },
      { field: 'v', changed: 1 },
    ]);
  });

  it('joins keys beyond 32 bits, of other widths and of other signs', async () => {
    const big = [2n ** 40n, 3n, 2n ** 40n + 2n ** 32n];
    const a = columnsOf({ id: ['bigint', wideVector(BigInt64Array.from(big))] });
    const b = columnsOf({ id: ['bigint', wideVector(BigUint64Array.from(big.toReversed()))] });
    expect((await diffColumns(a, b, { key: ['id'] })).isEqual).toBe(true);
    const c = columnsOf({ id: ['bigint', wideVector(BigInt64Array.of(-1n))] });
    const d = columnsOf({ id: ['bigint', wideVector(BigUint64Array.of(2n ** 64n - 1n))] });
    expect(await diffColumns(c, d, { key: ['id'] })).toMatchObject({ added: 1, removed: 1 });
  });

  it('finds each changed cell of a large table in another order, by dense, sparse and text keys', async () => {
    const rows = 10_007;
    const numbers = Array.from({ length: rows }, (_, row) => row);
    const order = numbers.map((row) => (row * 4801) % rows);
    /** The column that changes in a row, at distances of all kinds. */
    const changesOf = (row: number): number => (Math.imul(row, 0x9e3779b1) >>> 8) % 97;
    const tableOf = (places: readonly number[], isLater: boolean): Columns => {
      const isChanged = (row: number, column: number): boolean => isLater && changesOf(row) === column;
      const value = (row: number, column: number): number => row * 3 + (isChanged(row, column) ? 1 : 0);
      const texts = places.map((row) => {
        const text = `${row}${'abc'.repeat(row % 23)}`;
        const at = row % text.length;
        return isChanged(row, 5) ? `${text.slice(0, at)}_${text.slice(at + 1)}` : text;
      });
      return columnsOf({
        dense: ['int', numberVector(Int32Array.from(places))],
        sparse: ['int', numberVector(Int32Array.from(places, (row) => Math.imul(row, 0x9e3779b1)))],
        named: ['text', textsOf(places.map((row) => `row ${row}`))],
        double: [
          'float',
          numberVector(Float64Array.from(places, (row) => (row % 7 ? value(row, 1) / 8 : Number.NaN))),
        ],
        word: ['int', numberVector(Int32Array.from(places, (row) => value(row, 2)))],
        small: ['int', numberVector(Int16Array.from(places, (row) => value(row, 3)))],
        wide: ['bigint', wideVector(BigInt64Array.from(places, (row) => BigInt(value(row, 4)) << 31n))],
        text: ['text', textsOf(texts)],
      });
    };
    const expected = [1, 2, 3, 4, 5].map((column) =>
      numbers.filter((row) => changesOf(row) === column && (column > 1 || row % 7 > 0)),
    );
    const names = ['double', 'word', 'small', 'wide', 'text'];
    for (const key of ['dense', 'sparse', 'named', 'order'] as const) {
      const found = new Map<string, number[]>(names.map((name) => [name, []]));
      const report = await diffColumns(
        tableOf(numbers, false),
        tableOf(key === 'order' ? numbers : order, true),
        {
          key: key === 'order' ? key : [key],
          onChange: (change) => {
            if (change.kind !== 'changed') throw new Error(change.kind);
            for (const { field } of change.cells) found.get(field)?.push(change.rowA);
          },
        },
      );
      expect([...found.values()]).toEqual(expected);
      expect(report.changedCells).toBe(expected.flat().length);
    }
  });

  it('compares whole rows without a key', async () => {
    const a = columnsOf({ v: ['int', numberVector(Int32Array.of(1, 2, 2))] });
    const b = columnsOf({ v: ['int', numberVector(Int32Array.of(2, 1, 3))] });
    expect(await diffColumns(a, b, { key: 'content' })).toMatchObject({ equal: 2, added: 1, removed: 1 });
  });

  it('takes a null cell for a column that the other side does not have', async () => {
    const id = ['int', numberVector(Int32Array.of(1, 2))] as const;
    const a = columnsOf({ id, v: ['int', numberVector(Int32Array.of(0, 7), Uint8Array.of(0, 1))] });
    const report = await diffColumns(a, columnsOf({ id }), { key: ['id'] });
    expect(report).toMatchObject({ changed: 1, fields: [{ field: 'v', changed: 1 }] });
  });

  it('gives way to others while it works', async () => {
    const ids = Int32Array.from({ length: 300_000 }, (_, row) => row);
    const columns = columnsOf({ id: ['int', numberVector(ids)] });
    const shuffled = columnsOf({ id: ['int', numberVector(ids.toReversed())] });
    let turns = 0;
    const yieldToLoop = async (): Promise<void> => {
      turns += 1;
    };
    await diffColumns(columns, shuffled, { key: ['id'], yieldToLoop });
    expect(turns).toBeGreaterThan(4);
  });

  it.each<[string, DiffOptions['key'], number]>([
    ['rows of one key', ['id'], 1],
    ['whole rows', 'content', 5000],
    ['rows of another number', 'order', 400_000],
  ])('gives way while it compares %s', async (_, key, distinct) => {
    const rows = key === 'order' ? 400_000 : 5000;
    const ids = Int32Array.from({ length: rows }, (_id, row) => row % distinct);
    const a = columnsOf({ id: ['int', numberVector(ids)] });
    const b = columnsOf({ id: ['int', numberVector(ids.subarray(1))] });
    let turns = 0;
    const yieldToLoop = async (): Promise<void> => {
      turns += 1;
    };
    expect(await diffColumns(a, b, { key, yieldToLoop })).toMatchObject({ rowsA: rows, rowsB: rows - 1 });
    expect(turns).toBeGreaterThan(4);
  });
});
