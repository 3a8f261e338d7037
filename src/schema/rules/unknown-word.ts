/** A word outside of the declared ones is null where the field says so (`onUnknown`). */
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export const UNKNOWN_WORD: Conversion = converted(null, 'unknown-word', false);

export const unknownWordRule: Rule = { loss: 'the word' };
