/** A text takes its composed form (NFC), where the field asks for it; spaces that also go are counted with it. */
import type { Rule } from './rule.ts';

export const normalizedRule: Rule = { loss: 'which of several equal spellings it was' };
