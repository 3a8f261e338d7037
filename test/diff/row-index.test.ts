import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowIndex } from '../../src/diff/row-index.ts';
import type { RowKey } from '../../src/diff/row-key.ts';

const key: fc.Arbitrary<RowKey> = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom<RowKey>(null, true, false, '', 0, -0, Number.NaN, '1', 1, 1n, 2 ** 40, 2n ** 70n),
  fc.bigInt(),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

describe('an index of rows', () => {
  it('is a map, whatever the keys and however many rows are expected', () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 60 }),
        fc.array(key),
        fc.constantFrom(0, 1, 4096, 4097, 1_000_000),
        (keys, others, rows) => {
          const index = new RowIndex(rows);
          const map = new Map<RowKey, number>();
          keys.forEach((one, row) => {
            index.set(one, row);
            map.set(one, row);
          });
          for (const one of [...keys, ...others]) expect(index.get(one)).toBe(map.get(one));
        },
      ),
    );
  });
});
