/** `[5]` becomes 5 where the element conforms. Lists of no or of several elements are never a scalar. */
import type { Cell } from '../../core/columns.ts';
import { toJsonText } from '../json-text.ts';
import { type Conversion, converted, type Dialect, Fault, type Reader } from '../reader.ts';
import type { Rule } from './rule.ts';

export function scalarFromArray(
  value: readonly unknown[],
  reader: Reader,
  dialect: Dialect,
): Conversion | undefined {
  const [element] = value;
  // Text keeps a list as its JSON text, whatever its length, and a nested column knows lists itself.
  if (value.length !== 1 || element === null || element === undefined) return undefined;
  if (reader.type === 'text' || reader.type === 'json') return undefined;
  const cell: Cell | Fault = reader.read(element, dialect);
  if (cell instanceof Fault) return undefined;
  return converted(cell, 'scalar-from-array', toJsonText(cell) === toJsonText(element));
}

export const scalarFromArrayRule: Rule = {
  loss: 'another spelling of the element than that of the cell',
  restore: (after) => [after],
};
