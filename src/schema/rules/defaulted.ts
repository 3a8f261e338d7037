/** The declared default, in place of what is absent or null where the schema has no null, or of an unknown word. */
import type { Cell } from '../../core/columns.ts';
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export function defaulted(cell: Cell): Conversion {
  return converted(cell, 'defaulted', false);
}

export const defaultedRule: Rule = { loss: 'whether the value was absent, null or an unknown word' };
