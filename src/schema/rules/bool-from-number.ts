/** 1 and 0 are truth values; no other number is. */
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export function boolFromNumber(value: number | bigint): Conversion | undefined {
  if (value !== 0 && value !== 1 && value !== 0n && value !== 1n) return undefined;
  const cell = value === 1 || value === 1n;
  return converted(cell, 'bool-from-number', !Object.is(value, -0));
}

export const boolFromNumberRule: Rule = {
  loss: 'the sign of -0',
  restore: (after) => (after === true ? 1 : 0),
};
