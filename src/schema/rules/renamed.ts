/** A field under an alias, or under its name but for case and separators. The value is the same. */
import type { Rule } from './rule.ts';

export const renamedRule: Rule = { loss: undefined, restore: (after) => after };
