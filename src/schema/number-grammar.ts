/** Exact decimal arithmetic on number text: the JSON grammar and nothing else (no hex, no `+5`, no `007`). */

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Holds every double written out in full; longer texts fit no column, and would make big integers expensive. */
const TEXT_MAX = 1200;
const EXPONENT_MAX = 1200;

/** The value `digits / 10^scale`; scale is never negative. */
export interface Exact {
  readonly digits: bigint;
  readonly scale: number;
}

const POWERS: readonly bigint[] = Array.from({ length: 39 }, (_, power) => 10n ** BigInt(power));

/** 10^power, from a table where that is small. */
export function powerOfTen(power: number): bigint {
  return POWERS[power] ?? 10n ** BigInt(power);
}

/** Whether the grammar takes `text`, of a length that this file works on. */
export function isNumberText(text: string): boolean {
  return text.length <= TEXT_MAX && NUMBER.test(text);
}

const SHORT = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const SHORT_MAX = 15;

/** A text of few enough digits that its double is written with the same ones, as that double; else undefined. */
export function shortNumber(text: string): number | undefined {
  return text.length <= SHORT_MAX && SHORT.test(text) ? Number(text) : undefined;
}

/** @returns undefined when `text` is no number, or one with more than 1200 characters or decimal places */
export function parseExact(text: string): Exact | undefined {
  const match = text.length <= TEXT_MAX ? NUMBER.exec(text) : null;
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(sign + whole + fraction);
  if (digits === 0n) return { digits, scale: 0 };
  const power = Number(exponent);
  if (Math.abs(power) > EXPONENT_MAX) return undefined;
  const scale = fraction.length - power;
  return scale >= 0 ? { digits, scale } : { digits: digits * powerOfTen(-scale), scale: 0 };
}

function magnitude(digits: bigint): bigint {
  return digits < 0n ? -digits : digits;
}

/** `value` as a count of `10^-scale`, rounded half away from zero, with the error that makes. */
export function rescale(value: Exact, scale: number): { readonly digits: bigint; readonly error: number } {
  if (value.scale <= scale) return { digits: value.digits * powerOfTen(scale - value.scale), error: 0 };
  const divisor = powerOfTen(value.scale - scale);
  const size = magnitude(value.digits);
  const rounded = (size + divisor / 2n) / divisor;
  const error = toNumber({ digits: magnitude(size - rounded * divisor), scale: value.scale });
  return { digits: value.digits < 0n ? -rounded : rounded, error };
}

/** The nearest double of what is not negative; 0 only for 0, for an error too small for a double is still an error. */
export function toNumber({ digits, scale }: Exact): number {
  if (digits === 0n) return 0;
  return Math.max(Number.MIN_VALUE, Number(`${digits}e-${scale}`));
}

/** |a - b|, exactly. */
export function gapOf(a: Exact, b: Exact): Exact {
  const scale = Math.max(a.scale, b.scale);
  const first = a.digits * powerOfTen(scale - a.scale);
  return { digits: magnitude(first - b.digits * powerOfTen(scale - b.scale)), scale };
}

/** Digits with `scale` decimals: (-5n, 2) is `-0.05`. */
export function formatExact(digits: bigint, scale: number): string {
  const shown = magnitude(digits)
    .toString()
    .padStart(scale + 1, '0');
  const point = shown.length - scale;
  const text = scale === 0 ? shown : `${shown.slice(0, point)}.${shown.slice(point)}`;
  return digits < 0n ? `-${text}` : text;
}

/** The numeric error a field tolerates: absolute, or as a part of the value. */
export interface Precision {
  readonly epsilon: number;
  readonly isRelative: boolean;
  /** `epsilon` as it was written. */
  readonly exact: Exact;
}

/** @returns undefined when `text` is no precision: `0.01`, `1e-6r` */
export function parsePrecision(text: string): Precision | undefined {
  const isRelative = text.endsWith('r');
  const digits = isRelative ? text.slice(0, -1) : text;
  const exact = parseExact(digits);
  if (!exact || exact.digits < 0n) return undefined;
  const epsilon = Number(digits);
  return Number.isFinite(epsilon) ? { epsilon, isRelative, exact } : undefined;
}

/** Whether an error in a value is tolerated, decided in exact arithmetic; without a precision only 0 is. */
export function isWithin(error: Exact, value: Exact, precision: Precision | undefined): boolean {
  if (error.digits === 0n) return true;
  if (!precision) return false;
  const { exact, isRelative } = precision;
  const limit = isRelative ? exact.digits * magnitude(value.digits) : exact.digits;
  const scale = isRelative ? exact.scale + value.scale : exact.scale;
  return error.digits * powerOfTen(scale) <= limit * powerOfTen(error.scale);
}

/** Beyond this part of the limit doubles decide; nearer to it only exact arithmetic does. */
const DOUBT = 1e-9;

/**
 * The same in doubles where these are sure: `error` and `value` each at most a few roundings off.
 * @returns undefined when only exact arithmetic can tell
 */
export function isSurelyWithin(
  error: number,
  value: number,
  precision: Precision | undefined,
): boolean | undefined {
  if (!precision) return error === 0;
  const limit = precision.isRelative ? precision.epsilon * Math.abs(value) : precision.epsilon;
  const slack = limit * DOUBT + Math.abs(value) * Number.EPSILON;
  if (error < limit - slack) return true;
  return error > limit + slack ? false : undefined;
}
