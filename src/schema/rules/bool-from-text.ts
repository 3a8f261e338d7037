/** `"yes"`, `"F"`, `" TRUE "` and `"0"` are truth values. Other words are not. */
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

const WORDS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 't', 'yes', 'y', '1'].map((word) => [word, true] as const),
  ...['false', 'f', 'no', 'n', '0'].map((word) => [word, false] as const),
]);
/** No word is longer, so a text of a gigabyte is not trimmed to find that out. */
const TEXT_MAX = 32;

export function boolFromText(value: string): Conversion | undefined {
  if (value.length > TEXT_MAX) return undefined;
  const cell = WORDS.get(value) ?? WORDS.get(value.trim().toLowerCase());
  return cell === undefined ? undefined : converted(cell, 'bool-from-text', value === String(cell));
}

export const boolFromTextRule: Rule = {
  loss: 'any other word than "true" and "false"',
  restore: (after) => String(after),
};
