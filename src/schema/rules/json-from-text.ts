/**
 * Text in a column of nested values. Where any JSON may stand, text that is none becomes a JSON string; where the schema
 * has fields or elements, text that holds JSON becomes what it holds.
 */
import { parseJsonText, toJsonText } from '../json-text.ts';
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export function jsonFromText(value: string): Conversion | undefined {
  const text = toJsonText(value);
  return text === undefined ? undefined : converted(text, 'json-from-text', true);
}

/** `cell` is the JSON text of what the text `before` holds. */
export function jsonInText(cell: string, before: string): Conversion {
  return converted(cell, 'json-from-text', cell === before);
}

export const jsonFromTextRule: Rule = {
  loss: 'spaces, escapes and repeated names of the JSON text',
  // A JSON string was made of plain text; anything else was the text already.
  restore: (after) => {
    const value = parseJsonText(String(after));
    return typeof value === 'string' ? value : after;
  },
};
