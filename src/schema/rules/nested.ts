/** Cells inside a nested value changed; each is counted by its own path and kind, which say what is lost. */
import type { Rule } from './rule.ts';

export const nestedRule: Rule = {
  loss: 'the order of the fields, and what the rules of the cells inside lose',
};
