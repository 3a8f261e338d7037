/** true becomes `"true"`. */
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export function textFromBool(value: boolean): Conversion {
  return converted(String(value), 'text-from-bool', true);
}

export const textFromBoolRule: Rule = { loss: undefined, restore: (after) => after === 'true' };
