/** A value that no other rule takes costs only itself in a nullable field that is not essential. */
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export const NULLED: Conversion = converted(null, 'nulled', false);

export const nulledRule: Rule = { loss: 'the whole value' };
