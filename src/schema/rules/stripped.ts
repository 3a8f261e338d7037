/** A field that the schema does not know is left out. */
import type { Rule } from './rule.ts';

export const strippedRule: Rule = { loss: 'the whole field' };
