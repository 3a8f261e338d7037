import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContentDigest, canonicalText, contentDigest, rowDigest } from '../../src/diff/digest.ts';
import { createComparer } from '../../src/diff/record-comparer.ts';
import { parseRules } from '../../src/diff/rules.ts';
import { Decimal, Instant } from '../../src/diff/typed-value.ts';
import { record } from './oracle.ts';

describe('the digest of a record', () => {
  it('is the same exactly when the records are', () => {
    for (const texts of [[], ['*=null-absent'], ['p=nfc']]) {
      const rules = parseRules(texts);
      const comparer = createComparer(rules);
      fc.assert(
        fc.property(record, record, (a, b) => {
          expect(rowDigest(a, rules) === rowDigest(b, rules)).toBe(comparer.isSame(a, b));
        }),
        { numRuns: 2000 },
      );
    }
  });

  it.each<[string, object, object]>([
    ['names in another order', { x: 1, y: { p: 1, q: 2 } }, { y: { q: 2, p: 1 }, x: 1 }],
    ['numbers held in other ways', { v: 100 }, { v: 100n }],
    ['a decimal and a double', { v: new Decimal('0.10') }, { v: 0.1 }],
    ['large integers', { v: 2 ** 60 }, { v: 2n ** 60n }],
    ['zero and minus zero', { v: 0 }, { v: -0 }],
    ['small numbers', { v: 1e-7 }, { v: new Decimal('0.0000001') }],
  ])('is the same for %s', (_what, a, b) => {
    expect(rowDigest(a)).toBe(rowDigest(b));
  });

  it.each<[string, object, object]>([
    ['a number and its text', { v: 1 }, { v: '1' }],
    ['null and absent', { v: null }, {}],
    ['neighbours of 2^53', { v: 2n ** 53n }, { v: 2n ** 53n + 1n }],
    ['different lone surrogates', { v: '\ud800' }, { v: '\ud801' }],
    ['an instant and its count', { v: new Instant(5n) }, { v: 5 }],
    ['a name that looks like the end of a value', { 'a":1,"b': 1 }, { a: 1, b: 1 }],
  ])('is not the same for %s', (_what, a, b) => {
    expect(rowDigest(a)).not.toBe(rowDigest(b));
  });

  it('reads records nested 100,000 deep', () => {
    let value: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) value = [value];
    expect(canonicalText({ value })).toHaveLength(200_000 + 100_000 + '{"value":1,}'.length);
  });
});

describe('the digest of a set', () => {
  it('does not depend on the order, counts equal records, and can be computed in parts', () => {
    fc.assert(
      fc.property(fc.array(record), fc.nat(), (all, cut) => {
        const whole = String(contentDigest(all));
        expect(String(contentDigest(all.toReversed()))).toBe(whole);
        const parts = new ContentDigest();
        parts.merge(contentDigest(all.slice(0, cut)));
        parts.merge(contentDigest(all.slice(cut)));
        expect(String(parts)).toBe(whole);
        expect(String(contentDigest([...all, { more: 1 }]))).not.toBe(whole);
      }),
    );
  });

  it('tells two of a record from none', () => {
    expect(String(contentDigest([{ v: 1 }, { v: 1 }]))).not.toBe(String(contentDigest([])));
    expect(String(contentDigest([]))).toBe(`0:${'0'.repeat(32)}`);
  });
});
