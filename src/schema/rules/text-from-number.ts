/** 1776 becomes `"1776"`: the number as JSON writes it, -0 with its sign. */
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

/** The JSON text of a number; undefined when JSON has none. */
export function spellNumber(value: number | bigint): string | undefined {
  if (typeof value === 'bigint') return String(value);
  if (!Number.isFinite(value)) return undefined;
  return Object.is(value, -0) ? '-0' : String(value);
}

export function textFromNumber(value: number | bigint): Conversion | undefined {
  const text = spellNumber(value);
  return text === undefined ? undefined : converted(text, 'text-from-number', true);
}

const INTEGER = /^-?\d+$/;

/** The number that {@link spellNumber} wrote, as a bigint where a double would not be exact. */
export function numberOfSpelling(text: string): number | bigint {
  const value = Number(text);
  return INTEGER.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}

export const textFromNumberRule: Rule = {
  loss: undefined,
  restore: (after) => numberOfSpelling(String(after)),
};
