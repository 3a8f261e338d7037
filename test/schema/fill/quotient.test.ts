import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quotientOf } from '../../../src/schema/fill/generated-support.ts';

/** Sixteen digits are where a decimal may or may not be the shortest spelling of its double. */
const digits = fc.oneof(
  fc.maxSafeNat(),
  fc.integer({ min: 1e15, max: Number.MAX_SAFE_INTEGER }),
  fc.nat({ max: 200 }).map((below) => Number.MAX_SAFE_INTEGER - below),
);

function plainText(whole: number, decimals: number): string {
  const text = String(whole).padStart(decimals + 1, '0');
  return `${text.slice(0, text.length - decimals)}.${text.slice(text.length - decimals)}`;
}

describe('the quotient of digits and a power of ten', () => {
  it('is the nearest double, and given only where the digits are its shortest spelling', () => {
    fc.assert(
      fc.property(digits, fc.integer({ min: 1, max: 22 }), (whole, decimals) => {
        const text = plainText(whole, decimals);
        const value = quotientOf(whole, decimals);
        if (Number.isNaN(value)) return;
        expect(value).toBe(Number(text));
        const [mantissa = ''] = value.toExponential().split('e');
        const shortest = mantissa.replace('.', '').replace(/0+$/, '');
        expect(shortest).toBe(String(whole).replace(/0+$/, ''));
      }),
      { numRuns: 20_000 },
    );
  });

  it('is given for the shortest spellings that doubles of a measurement have', () => {
    const spelled = [5.633333333333334, 0.30000000000000004, 21.100000000000001, 7.016666666666667];
    expect(spelled.filter((value) => quotientOf(Number(String(value).replace('.', '')), 15) === value)).toEqual(
      [5.633333333333334, 7.016666666666667],
    );
  });

  it('is not given beyond what is exact', () => {
    expect(quotientOf(Number.MAX_SAFE_INTEGER, 1)).toBeNaN();
    expect(quotientOf(1, 23)).toBeNaN();
  });
});
