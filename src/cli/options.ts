/** Options of a command as data: what the parser accepts and what the help shows come from the same table. */
import { ConfigError } from '../core/errors.ts';

export interface OptionSpec {
  /** `bytes` reads `512KiB`, `duration` reads `30s` and gives milliseconds. */
  readonly type: 'flag' | 'text' | 'integer' | 'bytes' | 'duration';
  readonly description: string;
  /** One letter. */
  readonly short?: string;
  /** What stands for the value in the help, such as `PATH`. */
  readonly placeholder?: string;
  /** As it would be typed. */
  readonly default?: string;
  readonly choices?: readonly string[];
  readonly required?: true;
  /** May be given more than once. */
  readonly many?: true;
  /** Smallest number. @default 0 */
  readonly min?: number;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

type Scalar<S extends OptionSpec> = S extends { readonly choices: readonly (infer C)[] }
  ? C
  : S['type'] extends 'text'
    ? string
    : number;

/** The value an option has after parsing, by its type, its default and whether it is required. */
export type OptionValue<S extends OptionSpec> = S extends { readonly type: 'flag' }
  ? boolean
  : S extends { readonly many: true }
    ? readonly Scalar<S>[]
    : S extends { readonly default: string } | { readonly required: true }
      ? Scalar<S>
      : Scalar<S> | undefined;

export type OptionValues<T extends OptionTable> = { readonly [N in keyof T]: OptionValue<T[N]> };

const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/**
 * The value that a text stands for.
 * @throws ConfigError naming the option, what was found and what was expected
 */
export function parseOption(name: string, spec: OptionSpec, text: string): string | number {
  if (spec.choices && !spec.choices.includes(text))
    throw badOption(name, text, `one of ${spec.choices.join(', ')}`);
  switch (spec.type) {
    case 'integer':
      return atLeast(name, spec, text, /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN, 'a whole number');
    case 'bytes':
      return atLeast(name, spec, text, Math.round(withUnit(text, BYTE_UNITS)), 'bytes, such as 512KiB or 10MB');
    case 'duration':
      return atLeast(name, spec, text, withUnit(text, TIME_UNITS), 'a duration, such as 500ms, 30s or 5m');
    default:
      return text;
  }
}

function withUnit(text: string, units: Readonly<Record<string, number>>): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\s?([a-z]*)$/i.exec(text) ?? [];
  return digits === '' ? Number.NaN : Number(digits) * (units[unit.toLowerCase()] ?? Number.NaN);
}

function atLeast(name: string, { min = 0 }: OptionSpec, text: string, value: number, expected: string): number {
  if (value >= min && value <= Number.MAX_SAFE_INTEGER) return value;
  throw badOption(name, text, min > 0 ? `${expected}, at least ${min}` : expected);
}

function badOption(name: string, found: string, expected: string): ConfigError {
  return new ConfigError(
    `--${name}`,
    `found ${JSON.stringify(found)}, expected ${expected}`,
    'Correct the option.',
  );
}
