/** Columns of numbers. Integers stay exact, nothing that is not finite gets in, errors are measured. */
import type { Cell } from '../core/columns.ts';
import { type Exact, formatExact, isTolerated, type Precision, parseExact, rescale } from './number-grammar.ts';
import {
  type Conversion,
  type Dialect,
  type Fault,
  OUT_OF_RANGE,
  type Reader,
  TOO_PRECISE,
  WRONG_TYPE,
} from './reader.ts';

const CANONICAL_INTEGER = /^(?:0|-?[1-9]\d{0,19})$/;
const PLAIN_DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
/** A double with more significant digits than this may have lost some of its text's. */
const DOUBLE_DIGITS = 15;

function asExact(value: unknown): Exact | undefined {
  if (typeof value === 'bigint') return { digits: value, scale: 0 };
  if (typeof value === 'number') return parseExact(String(value));
  return typeof value === 'string' ? parseExact(value.trim()) : undefined;
}

/** Text counts as a conversion, a number that had to be moved as a rounding; the larger change gives the name. */
function describe(cell: Cell, value: unknown, error: number): Conversion | undefined {
  if (error > 0) return { cell, kind: 'rounded', lossless: false };
  return typeof value === 'string'
    ? { cell, kind: 'number-from-text', lossless: String(cell) === value }
    : undefined;
}

export interface IntegerOptions {
  readonly min: bigint;
  readonly max: bigint;
  /** Cells are bigint rather than number. */
  readonly isWide: boolean;
  readonly precision: Precision | undefined;
}

export function integerReader({ min, max, isWide, precision }: IntegerOptions): Reader {
  const admit = (value: bigint): Cell | Fault => {
    if (value < min || value > max) return OUT_OF_RANGE;
    return isWide ? value : Number(value);
  };
  return {
    type: isWide ? 'bigint' : 'int',
    read(value, dialect) {
      if (typeof value === 'bigint') return admit(value);
      if (typeof value === 'string' && dialect === 'text' && CANONICAL_INTEGER.test(value))
        return admit(BigInt(value));
      if (typeof value !== 'number' || !Number.isInteger(value)) return WRONG_TYPE;
      return Number.isSafeInteger(value) ? admit(BigInt(value)) : OUT_OF_RANGE;
    },
    convert(value) {
      // A double beyond 2^53 may stand for any of several integers.
      if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) return undefined;
      const exact = asExact(value);
      if (!exact) return undefined;
      const { digits, error } = rescale(exact, 0);
      const cell = admit(digits);
      if (typeof cell !== 'bigint' && typeof cell !== 'number') return undefined;
      return isTolerated(error, Number(digits), precision) ? describe(cell, value, error) : undefined;
    },
  };
}

export interface FloatOptions {
  readonly min: number;
  readonly max: number;
  readonly precision: Precision | undefined;
}

/** The double nearest to `exact`, with the error for whole numbers; a text that vanishes to 0 gives NaN. */
function toDouble(exact: Exact, text: string): { readonly double: number; readonly error: number } {
  const double = Number(text);
  if (double === 0 && exact.digits !== 0n) return { double: Number.NaN, error: 0 };
  if (exact.scale > 0 || !Number.isFinite(double)) return { double, error: 0 };
  // 12345678901234567000 is how every JSON writer spells that double: nothing was lost on the way.
  if (String(double) === text) return { double, error: 0 };
  const gap = exact.digits - BigInt(double);
  return { double, error: Number(gap < 0n ? -gap : gap) };
}

export function floatReader({ min, max, precision }: FloatOptions): Reader {
  const admit = (value: number): Cell | Fault => (value >= min && value <= max ? value : OUT_OF_RANGE);
  const measure = (value: unknown) => {
    const exact = typeof value === 'number' ? undefined : asExact(value);
    return exact && toDouble(exact, String(value));
  };
  return {
    type: 'float',
    read(value, dialect) {
      if (typeof value === 'number') return admit(value);
      if (typeof value !== 'bigint' && (typeof value !== 'string' || dialect !== 'text')) return WRONG_TYPE;
      const measured = typeof value === 'string' && value !== value.trim() ? undefined : measure(value);
      if (!measured) return WRONG_TYPE;
      return measured.error > 0 ? TOO_PRECISE : admit(measured.double);
    },
    convert(value) {
      const measured = measure(value);
      if (!measured || !isTolerated(measured.error, measured.double, precision)) return undefined;
      const cell = admit(measured.double);
      return typeof cell === 'number' ? describe(cell, value, measured.error) : undefined;
    },
  };
}

export interface DecimalOptions {
  readonly digitsMax: number;
  readonly scale: number;
  readonly precision: Precision | undefined;
}

function isExactDouble(value: number): boolean {
  const digits = String(value).replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
  return digits.length <= DOUBLE_DIGITS;
}

export function decimalReader({ digitsMax, scale, precision }: DecimalOptions): Reader {
  const limit = 10n ** BigInt(digitsMax);
  const admit = (digits: bigint): string | Fault =>
    digits > -limit && digits < limit ? formatExact(digits, scale) : OUT_OF_RANGE;
  return {
    type: 'decimal',
    read(value: unknown, _dialect: Dialect) {
      if (typeof value === 'number' && Number.isFinite(value) && !isExactDouble(value)) return TOO_PRECISE;
      if (typeof value === 'string' && !PLAIN_DECIMAL.test(value)) return WRONG_TYPE;
      const exact = asExact(value);
      if (!exact) return WRONG_TYPE;
      const { digits, error } = rescale(exact, scale);
      return error > 0 ? TOO_PRECISE : admit(digits);
    },
    convert(value) {
      const exact = asExact(value);
      if (!exact) return undefined;
      const { digits, error } = rescale(exact, scale);
      const cell = admit(digits);
      if (typeof cell !== 'string' || !isTolerated(error, Number(cell), precision)) return undefined;
      return describe(cell, value, error);
    },
  };
}
