import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldRows, missingFrom } from '../../src/diff/missing.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd', '');

describe('what is missing', () => {
  it('is what is wanted more often than held, in order', () => {
    expect(missingFrom(['c', 'a', 'b', 'a', 'a'], new Set(['a', 'x']))).toEqual(['c', 'b', 'a', 'a']);
    expect(missingFrom([], ['a'])).toEqual([]);
  });

  it('is as much of each key as crossing off one by one leaves', () => {
    fc.assert(
      fc.property(fc.array(key), fc.array(key), (wanted, held) => {
        const left = [...held];
        const expected = wanted.filter((one) => {
          const at = left.indexOf(one);
          if (at >= 0) left.splice(at, 1);
          return at < 0;
        });
        // The first of one key are found, the last of it are missing.
        expect(missingFrom(wanted, held)).toEqual(expected);
      }),
    );
  });
});

describe('the rows that are held', () => {
  it('are all rows of a key that is held, and no row without a key', () => {
    fc.assert(
      fc.property(fc.array(key), fc.array(key), fc.nat(3), (keys, held, more) => {
        const rows = Array.from({ length: keys.length + more }, (_, place) => place * 2);
        expect(heldRows(rows, keys, new Set(held))).toEqual(
          rows.filter((_, place) => place < keys.length && held.includes(keys[place] ?? '')),
        );
      }),
    );
  });
});
