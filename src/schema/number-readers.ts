/** Columns of numbers. Integers stay exact, nothing that is not finite gets in, errors are measured. */
import type { Cell } from '../core/columns.ts';
import { DOUBLE, exactOf, type FloatSize, isSpelling, nearestOf, significantDigits } from './float-width.ts';
import {
  type Exact,
  formatExact,
  isNumberText,
  type Precision,
  parseExact,
  rescale,
  shortNumber,
} from './number-grammar.ts';
import { type Conversion, Fault, OUT_OF_RANGE, type Reader, TOO_PRECISE, WRONG_TYPE } from './reader.ts';
import { numberFromText, numberTextOf } from './rules/number-from-text.ts';
import { roundAway, rounded, roundedDouble } from './rules/rounded.ts';

const CANONICAL_INTEGER = /^(?:0|-?[1-9]\d{0,19})$/;
const PLAIN_DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
/** So many digits are always a safe integer. */
const SAFE_DIGITS = 15;

/** What columns of numbers have in common. */
export interface NumberOptions {
  readonly precision: Precision | undefined;
  /** Whether `007` is 7. */
  readonly leadingZeros: boolean;
}

export interface IntegerOptions extends NumberOptions {
  readonly min: bigint;
  readonly max: bigint;
  /** Cells are bigint rather than number. */
  readonly isWide: boolean;
}

export function integerReader({ min, max, isWide, precision, leadingZeros }: IntegerOptions): Reader {
  const [low, high] = [Number(min), Number(max)];
  const admit = (value: bigint): Cell | Fault => {
    if (value < min || value > max) return OUT_OF_RANGE;
    return isWide ? value : Number(value);
  };
  /** Only for safe integers; + 0 because no integer is -0. */
  const admitSafe = (value: number): Cell | Fault => {
    if (isWide) return admit(BigInt(value));
    return value < low || value > high ? OUT_OF_RANGE : value + 0;
  };
  const roundNumber = (value: number): Conversion | undefined => {
    const whole = roundAway(value);
    const cell = admitSafe(whole);
    return cell instanceof Fault ? undefined : roundedDouble(cell, value, whole, precision);
  };
  const convertText = (value: string): Conversion | undefined => {
    const text = numberTextOf(value, leadingZeros);
    if (text === undefined) return undefined;
    if (text.length <= SAFE_DIGITS && CANONICAL_INTEGER.test(text)) {
      const cell = admitSafe(Number(text));
      return cell instanceof Fault ? undefined : numberFromText(cell, value);
    }
    const short = shortNumber(text);
    if (short !== undefined && !Number.isInteger(short)) return roundNumber(short);
    const exact = parseExact(text);
    if (!exact) return undefined;
    const { digits, error } = rescale(exact, 0);
    const cell = admit(digits);
    if (cell instanceof Fault) return undefined;
    return error === 0 ? numberFromText(cell, value) : rounded(cell, exact, { digits, scale: 0 }, precision);
  };
  return {
    type: isWide ? 'bigint' : 'int',
    read(value, dialect) {
      if (typeof value === 'number') {
        if (!Number.isInteger(value)) return WRONG_TYPE;
        return Number.isSafeInteger(value) ? admitSafe(value) : OUT_OF_RANGE;
      }
      if (typeof value === 'bigint') return admit(value);
      if (typeof value !== 'string' || dialect !== 'text') return WRONG_TYPE;
      const text = leadingZeros ? (numberTextOf(value, true) ?? value) : value;
      return CANONICAL_INTEGER.test(text) && value.trim() === value ? admit(BigInt(text)) : WRONG_TYPE;
    },
    convert(value) {
      if (typeof value === 'string') return convertText(value);
      // A double beyond 2^53 may stand for any of several integers.
      if (typeof value !== 'number' || !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) return undefined;
      const whole = roundAway(value);
      const cell = admitSafe(whole);
      return cell instanceof Fault || whole === value
        ? undefined
        : roundedDouble(cell, value, whole, precision);
    },
  };
}

export interface FloatOptions extends NumberOptions {
  readonly min: number;
  readonly max: number;
  readonly size: FloatSize;
}

export function floatReader({ min, max, size, precision, leadingZeros }: FloatOptions): Reader {
  const admit = (value: number): Cell | Fault => (value >= min && value <= max ? value : OUT_OF_RANGE);
  const readNumber = (value: number): Cell | Fault => {
    if (size === DOUBLE) return admit(value);
    const near = size.round(value);
    if (!Number.isFinite(near)) return OUT_OF_RANGE;
    return near === value || isSpelling(String(value), near, size) ? admit(near) : TOO_PRECISE;
  };
  const readText = (text: string): Cell | Fault => {
    const near = nearestOf(text, size);
    if (!Number.isFinite(near)) return OUT_OF_RANGE;
    return isSpelling(text, near, size) ? admit(near) : TOO_PRECISE;
  };
  /** A text that spells no value of the column, moved to the nearest. */
  const roundText = (text: string): Conversion | undefined => {
    const near = nearestOf(text, size);
    const exact = Number.isFinite(near) ? parseExact(text) : undefined;
    if (!exact || admit(near) instanceof Fault) return undefined;
    return rounded(near, exact, exactOf(near), precision);
  };
  return {
    type: 'float',
    read(value, dialect) {
      if (typeof value === 'number') return readNumber(value);
      if (typeof value === 'bigint') return readText(String(value));
      if (typeof value !== 'string' || dialect !== 'text') return WRONG_TYPE;
      const text = leadingZeros && value.trim() === value ? (numberTextOf(value, true) ?? value) : value;
      return isNumberText(text) ? readText(text) : WRONG_TYPE;
    },
    convert(value) {
      if (typeof value === 'string') {
        const text = numberTextOf(value, leadingZeros);
        if (text === undefined) return undefined;
        const cell = readText(text);
        if (!(cell instanceof Fault)) return numberFromText(cell, value);
        return cell === TOO_PRECISE ? roundText(text) : undefined;
      }
      if (typeof value === 'bigint') return roundText(String(value));
      if (typeof value !== 'number' || size === DOUBLE) return undefined;
      const near = size.round(value);
      return admit(near) instanceof Fault ? undefined : roundedDouble(near, value, near, precision);
    },
  };
}

export interface DecimalOptions extends NumberOptions {
  /** The least and the largest cell, as counts of `10^-scale`. */
  readonly min: bigint;
  readonly max: bigint;
  readonly scale: number;
}

export function decimalReader({ min, max, scale, precision, leadingZeros }: DecimalOptions): Reader {
  const admit = (digits: bigint): string | Fault =>
    digits >= min && digits <= max ? formatExact(digits, scale) : OUT_OF_RANGE;
  const exactText = (value: unknown): Exact | undefined => {
    if (typeof value === 'bigint') return { digits: value, scale: 0 };
    if (typeof value === 'number') return parseExact(String(value));
    const text = typeof value === 'string' ? numberTextOf(value, leadingZeros) : undefined;
    return text === undefined ? undefined : parseExact(text);
  };
  const isPlain = (value: string): boolean => {
    const text = leadingZeros && value.trim() === value ? (numberTextOf(value, true) ?? value) : value;
    return PLAIN_DECIMAL.test(text);
  };
  return {
    type: 'decimal',
    read(value) {
      if (typeof value === 'number') {
        if (!Number.isFinite(value)) return WRONG_TYPE;
        // A double with more digits may have lost some of its text's.
        if (significantDigits(String(value)) > DOUBLE.digitsSafe) return TOO_PRECISE;
      }
      if (typeof value === 'string' && !isPlain(value)) return WRONG_TYPE;
      const exact = exactText(value);
      if (!exact) return WRONG_TYPE;
      const { digits, error } = rescale(exact, scale);
      return error > 0 ? TOO_PRECISE : admit(digits);
    },
    convert(value) {
      const exact = exactText(value);
      if (!exact) return undefined;
      const { digits, error } = rescale(exact, scale);
      const cell = admit(digits);
      if (cell instanceof Fault) return undefined;
      if (error > 0) return rounded(cell, exact, { digits, scale }, precision);
      if (typeof value === 'string') return numberFromText(cell, value);
      return undefined;
    },
  };
}
