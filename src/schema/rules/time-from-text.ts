/** A time in another form of ISO 8601, or a day with a time of midnight. The order of day and month is never guessed. */
import type { Rule } from './rule.ts';

export const timeFromTextRule: Rule = {
  loss: 'the form: offset, separators, digits after the last one that counts',
};
