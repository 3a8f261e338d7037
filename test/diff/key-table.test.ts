import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyHashes } from '../../src/diff/column-index.ts';
import { HashTable, type KeyTable, NO_ROW, RangeTable, tableOfB } from '../../src/diff/key-table.ts';

const keys = fc.oneof(
  fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 60 }),
  fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 60 }),
  fc.array(fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0, -1), { maxLength: 20 }),
);

const allAtOnce = async (rows: number, _: number, step: (from: number, to: number) => void): Promise<void> =>
  step(0, rows);

function hashesOf(b: readonly number[], isSame?: KeyHashes['isSame']): KeyHashes {
  return { a: Int32Array.of(), b: Int32Array.from(b), b0: 0, isSame, isCompared: true };
}

/** The first row of each key, by a map. */
function check(table: KeyTable, added: readonly number[], asked: readonly number[]): void {
  const first = new Map<number, number>();
  added.forEach((key, row) => {
    expect(table.add(key, row)).toBe(first.get(key) ?? NO_ROW);
    if (!first.has(key)) first.set(key, row);
  });
  for (const key of [...added, ...asked]) expect(table.find(key, -1)).toBe(first.get(key) ?? NO_ROW);
}

describe('a table of keys', () => {
  it('finds the first row of each key and no other, whatever the keys', async () => {
    let dense = 0;
    await fc.assert(
      fc.asyncProperty(keys, keys, async (added, asked) => {
        const table = await tableOfB(hashesOf(added), allAtOnce);
        if (table instanceof RangeTable) dense += 1;
        check(table, added, asked);
        check(new HashTable(added.length, undefined), added, asked);
      }),
      { numRuns: 500 },
    );
    expect(dense).toBeGreaterThan(50);
  });

  it('is a range only where keys are close together and numbers are the keys', async () => {
    const of = (b: readonly number[], isSame?: KeyHashes['isSame']) => tableOfB(hashesOf(b, isSame), allAtOnce);
    expect(await of([5, 6, 7, 8])).toBeInstanceOf(RangeTable);
    expect(await of([0, 15])).toBeInstanceOf(HashTable);
    expect(await of([0, 7])).toBeInstanceOf(RangeTable);
    expect(await of([5, 6, 7, 8], () => true)).toBeInstanceOf(HashTable);
    expect(await of([])).toBeInstanceOf(HashTable);
  });

  it('tells keys of one number apart', () => {
    const texts = ['a', 'b', 'a', 'c', 'b'];
    const table = new HashTable(5, (x, y) => texts[x] === texts[y]);
    expect(texts.map((_, row) => table.add(7, row))).toEqual([NO_ROW, NO_ROW, 0, NO_ROW, 1]);
    expect(texts.map((_, row) => table.find(7, row))).toEqual([0, 1, 0, 3, 1]);
  });
});
