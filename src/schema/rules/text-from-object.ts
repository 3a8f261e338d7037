/**
 * A nested value in a text column becomes its JSON text. A list of one element as well: as its element, it would be of
 * another form than the lists of two beside it.
 */
import { parseJsonText, toJsonText } from '../json-text.ts';
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export function textFromObject(value: object): Conversion | undefined {
  const text = value instanceof Uint8Array ? undefined : toJsonText(value);
  return text === undefined ? undefined : converted(text, 'text-from-object', true);
}

export const textFromObjectRule: Rule = {
  loss: undefined,
  restore: (after) => parseJsonText(String(after)),
};
