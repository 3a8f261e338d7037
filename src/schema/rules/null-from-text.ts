/** Words for "nothing" where text is not the type, or where the schema declares them; in a text column `NA` is Namibia. */
import type { ColumnType } from '../../core/columns.ts';
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

const WORDS: ReadonlySet<string> = new Set(['', 'null', 'na', 'n/a']);
const TEXT_MAX = 40;

function isTextual(type: ColumnType): boolean {
  return type === 'text' || type === 'json' || type === 'bytes';
}

function isNumeric(type: ColumnType): boolean {
  return type === 'int' || type === 'bigint' || type === 'float' || type === 'decimal';
}

/** `declared` takes the place of the usual words, and holds for text columns as well. */
export function nullFromText(
  value: string,
  type: ColumnType,
  declared: ReadonlySet<string> | undefined,
): Conversion | undefined {
  if (declared) {
    return declared.has(value) || (value.length <= TEXT_MAX && declared.has(value.trim()))
      ? converted(null, 'null-from-text', false)
      : undefined;
  }
  if (value.length > TEXT_MAX || isTextual(type)) return undefined;
  const word = value.trim().toLowerCase();
  return WORDS.has(word) || (word === 'nan' && isNumeric(type))
    ? converted(null, 'null-from-text', false)
    : undefined;
}

export const nullFromTextRule: Rule = { loss: 'which word stood for nothing' };
