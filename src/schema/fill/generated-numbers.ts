/**
 * Code that reads numbers where they stand, for `generated-rows.ts` and `generated-points.ts`. It leaves the block `exit`
 * with whatever is not spelled plainly.
 *
 * Its variables: `u` the body, `at` the place in it, `i` the row, `d…` the data of a column; `s` where the digits start, `x`
 * their value, `neg` whether a minus stands before them, `e` where the whole ones end, and `b`.
 */
import { HIGH, LOW, storeDigits } from './digits.ts';
import type { NumberStore } from './fixed-stores.ts';
import { doubleOf, POWERS, quotientOf } from './generated-support.ts';

/** What the code uses. */
export const NUMBER_SCOPE = { POWERS, doubleOf, quotientOf, storeDigits };

/** The digits from `at` on into `x`. */
function digitsCode(exit: string): string {
  return `
  neg = u[at] === 45;
  if (neg) at += 1;
  s = at;
  x = 0;
  while ((b = u[at] - 48) >= 0 && b <= 9) { x = x * 10 + b; at += 1; }
  if (at === s || (u[s] === 48 && at - s > 1)) break ${exit};
`;
}

/** What is not in the range, which NaN never is, is left; what is in it is stored. */
export function rangeCode(column: number, { min, max }: NumberStore, exit: string): string {
  return `if (!(x >= ${min} && x <= ${max})) break ${exit};\n d${column}[i] = x;\n`;
}

/** A whole number into `x`. */
export function wholeCode(exit: string): string {
  return `${digitsCode(exit)} if (at - s > 15 || (neg && x === 0)) break ${exit};\n if (neg) x = -x;\n`;
}

/** A number with or without decimals into `x`; `long` sees to more digits than a double can be computed from, or leaves. */
export function decimalCode(exit: string, long: string): string {
  return `${digitsCode(exit)}
  e = at;
  if (u[at] === 46) {
    at += 1;
    while ((b = u[at] - 48) >= 0 && b <= 9) { x = x * 10 + b; at += 1; }
    if (at === e + 1) break ${exit};
    if (at - s <= 16) x /= POWERS[at - e - 1];
    else {
      x = quotientOf(x, at - e - 1);
      if (x !== x) ${long}
    }
  } else if (at - s > 15) ${long}
  if (neg) x = -x;
`;
}

export interface WideCode {
  readonly exit: string;
  readonly isUnsigned: boolean;
  /** What is checked behind the digits: before any are stored, after up to 15, and before and after more. */
  readonly before?: string;
  readonly afterShort?: string;
  readonly beforeLong?: string;
  readonly afterLong?: string;
}

/** An integer of up to 64 bits into its two halves. */
export function wideCode(column: number, code: WideCode): string {
  const { exit, isUnsigned, before = '', afterShort = '', beforeLong = '', afterLong = '' } = code;
  return `${digitsCode(exit)}
  ${isUnsigned ? `if (neg) break ${exit};` : ''}
  ${before}
  if (at - s <= 15) {
    if (neg) { if (x === 0) break ${exit}; x = -x; }
    b = Math.floor(x / 4294967296);
    d${column}[2 * i + ${LOW}] = x - b * 4294967296;
    d${column}[2 * i + ${HIGH}] = b;
    ${afterShort}
  } else {
    ${beforeLong}
    if (!storeDigits(u, neg ? s - 1 : s, at, d${column}, i)) break ${exit};
    ${afterLong}
  }
`;
}
