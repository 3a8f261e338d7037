/** Spaces round a text go, where the field asks for it. */
import type { Rule } from './rule.ts';

export const trimmedRule: Rule = { loss: 'the spaces' };
