/** What becomes of one value under the rules of coercion. */
import type { Cell } from '../core/columns.ts';
import { showValue } from './change.ts';
import type { FieldPlan } from './field-plan.ts';
import { type Conversion, type Dialect, Fault } from './reader.ts';

export interface Refusal {
  readonly field: string;
  /** For people: `"abc" is no float`. */
  readonly words: string;
}

const NULL_WORDS: ReadonlySet<string> = new Set(['', 'null', 'na', 'n/a']);
const REFUSAL_SHOWN_MAX = 40;

/** Words for "nothing" where text is not the type; in a text column `NA` is Namibia. */
function nullFromText({ column, reader }: FieldPlan, value: unknown): Conversion | undefined {
  if (typeof value !== 'string' || !column.nullable) return undefined;
  if (reader.type === 'text' || reader.type === 'json' || reader.type === 'bytes') return undefined;
  const word = value.slice(0, REFUSAL_SHOWN_MAX).trim().toLowerCase();
  const isNumber =
    reader.type === 'int' || reader.type === 'bigint' || reader.type === 'float' || reader.type === 'decimal';
  const isNull = NULL_WORDS.has(word) || (isNumber && word === 'nan');
  return isNull && value.length <= REFUSAL_SHOWN_MAX
    ? { cell: null, kind: 'null-from-text', lossless: false }
    : undefined;
}

/** The cell with what was done to get it; a string says why there is none. */
export function coerceValue(field: FieldPlan, value: unknown, dialect: Dialect): Cell | Conversion | Refusal {
  const { column, reader } = field;
  if (value === null || value === undefined) {
    return column.nullable ? null : { field: column.name, words: 'null where the schema has none' };
  }
  const cell = reader.read(value, dialect);
  if (!(cell instanceof Fault)) return cell;
  const conversion = reader.convert(value, dialect) ?? nullFromText(field, value);
  if (conversion) return conversion;
  if (column.nullable && !field.essential) return { cell: null, kind: 'nulled', lossless: false };
  const shown = showValue(value);
  const short = shown.length > REFUSAL_SHOWN_MAX ? `${shown.slice(0, REFUSAL_SHOWN_MAX - 1)}…` : shown;
  return { field: column.name, words: `${short.toWellFormed()} is no ${column.type} (${cell.kind})` };
}

/** Whether it is the cell itself and nothing about it. */
export function isPlain(result: Cell | object): result is Cell {
  return result === null || typeof result !== 'object' || result instanceof Uint8Array;
}
