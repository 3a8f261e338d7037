/** 5 becomes `[5]` in a column of lists, where 5 conforms as an element. */
import { parseJsonText } from '../json-text.ts';
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

/** `element` is the JSON text of the scalar. */
export function arrayFromScalar(element: string): Conversion {
  return converted(`[${element}]`, 'array-from-scalar', true);
}

export const arrayFromScalarRule: Rule = {
  loss: undefined,
  restore: (after) => {
    const list = parseJsonText(String(after));
    return Array.isArray(list) ? list[0] : undefined;
  },
};
