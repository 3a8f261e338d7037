/** `"42"` becomes 42, `" 1e3 "` becomes 1000, and `"007"` 7 only where the schema says that leading zeros are numbers. */
import type { Cell } from '../../core/columns.ts';
import { isNumberText } from '../number-grammar.ts';
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

const LEADING_ZEROS = /^(-?)0+(?=\d)/;

/** The number text in `value`, without spaces and leading zeros; undefined when there is none. */
export function numberTextOf(value: string, leadingZeros: boolean): string | undefined {
  const trimmed = value.trim();
  const text = leadingZeros ? trimmed.replace(LEADING_ZEROS, '$1') : trimmed;
  return isNumberText(text) ? text : undefined;
}

export function numberFromText(cell: Cell, before: string): Conversion {
  return converted(cell, 'number-from-text', String(cell) === before);
}

export const numberFromTextRule: Rule = {
  loss: 'another spelling: spaces, leading zeros, an exponent, zeros at the end',
  restore: (after) => String(after),
};
