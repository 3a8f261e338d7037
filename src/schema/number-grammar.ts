/** Exact decimal arithmetic on number text: the JSON grammar and nothing else (no hex, no `+5`, no `007`). */

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;
/** Longer texts and wider exponents fit no column, and would make big integers expensive. */
const TEXT_MAX = 400;
const EXPONENT_MAX = 400;

/** The value `digits / 10^scale`; scale is never negative. */
export interface Exact {
  readonly digits: bigint;
  readonly scale: number;
}

export function parseExact(text: string): Exact | undefined {
  const match = text.length <= TEXT_MAX ? NUMBER.exec(text) : null;
  if (!match) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const power = Number(exponent);
  if (Math.abs(power) > EXPONENT_MAX) return undefined;
  const digits = BigInt(sign + whole + fraction);
  const scale = fraction.length - power;
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** `value` as a count of `10^-scale`, rounded half away from zero, with the error that makes. */
export function rescale(value: Exact, scale: number): { readonly digits: bigint; readonly error: number } {
  if (value.scale <= scale) return { digits: value.digits * 10n ** BigInt(scale - value.scale), error: 0 };
  const divisor = 10n ** BigInt(value.scale - scale);
  const magnitude = value.digits < 0n ? -value.digits : value.digits;
  const rounded = (magnitude + divisor / 2n) / divisor;
  const error = magnitudeOf({ digits: magnitude - rounded * divisor, scale: value.scale });
  return { digits: value.digits < 0n ? -rounded : rounded, error };
}

/** |value| as the nearest double; 0 only for 0, for an error too small for a double is still an error. */
function magnitudeOf({ digits, scale }: Exact): number {
  if (digits === 0n) return 0;
  return Math.max(Number.MIN_VALUE, Number(`${digits < 0n ? -digits : digits}e-${scale}`));
}

/** |a - b|, computed exactly before it becomes a double. */
export function distanceOf(a: Exact, b: Exact): number {
  const scale = Math.max(a.scale, b.scale);
  return magnitudeOf({ digits: rescale(a, scale).digits - rescale(b, scale).digits, scale });
}

/** Digits with `scale` decimals: (-5n, 2) is `-0.05`. */
export function formatExact(digits: bigint, scale: number): string {
  const magnitude = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const point = magnitude.length - scale;
  const text = scale === 0 ? magnitude : `${magnitude.slice(0, point)}.${magnitude.slice(point)}`;
  return digits < 0n ? `-${text}` : text;
}

/** The numeric error a field tolerates: absolute, or as a part of the value. */
export interface Precision {
  readonly epsilon: number;
  readonly isRelative: boolean;
}

/** @returns undefined when `text` is no precision: `0.01`, `1e-6r` */
export function parsePrecision(text: string): Precision | undefined {
  const isRelative = text.endsWith('r');
  const digits = isRelative ? text.slice(0, -1) : text;
  const epsilon = parseExact(digits) ? Number(digits) : Number.NaN;
  return epsilon >= 0 && Number.isFinite(epsilon) ? { epsilon, isRelative } : undefined;
}

/** Without a declared precision only an error of zero is tolerated. */
export function isTolerated(error: number, value: number, precision: Precision | undefined): boolean {
  if (error === 0) return true;
  if (!precision) return false;
  return error <= (precision.isRelative ? precision.epsilon * Math.abs(value) : precision.epsilon);
}
