/** A nullable field that is not there is null. */
import type { Rule } from './rule.ts';

export const missingRule: Rule = { loss: undefined, restore: () => undefined };
