/**
 * One cell under the rules of coercion: taken as it is, changed by exactly one rule, or refused.
 *
 * R1 at most one rule changes a cell, so that it is counted under one kind; a cell that would need two is refused.
 */
import type { Cell } from '../core/columns.ts';
import { showValue } from './change.ts';
import type { FieldPlan } from './plan.ts';
import { type Conversion, type Dialect, Fault, type FaultKind } from './reader.ts';
import { defaulted } from './rules/defaulted.ts';
import { nullFromText } from './rules/null-from-text.ts';
import { NULLED } from './rules/nulled.ts';
import { scalarFromArray } from './rules/scalar-from-array.ts';

const SHOWN_MAX = 40;

/** Why there is no cell. Its words are made when somebody reads them. */
export class Refusal {
  /** Name of the column, and where in it: `meta.rssi`. */
  readonly field: string;
  readonly kind: FaultKind;
  readonly before: unknown;
  readonly #type: string;

  constructor(field: string, kind: FaultKind, before: unknown, type: string) {
    this.field = field;
    this.kind = kind;
    this.before = before;
    this.#type = type;
  }

  /** For people: `"abc" is no float (type)`. */
  get words(): string {
    if (this.kind === 'missing') return 'missing';
    if (this.before === null || this.before === undefined) return 'null where the schema has none';
    const shown = showValue(this.before);
    const short = shown.length > SHOWN_MAX ? `${shown.slice(0, SHOWN_MAX - 1)}…` : shown;
    return `${short.toWellFormed()} is no ${this.#type} (${this.kind})`;
  }
}

/** Whether a result is a cell, which nothing had to be done to. */
export function isCell(result: Cell | Conversion | Refusal): result is Cell {
  return result === null || typeof result !== 'object' || result instanceof Uint8Array;
}

/** What stands for a field that is null, or absent though it must not be. */
function coerceNothing(field: FieldPlan, kind: 'null' | 'missing'): Cell | Conversion | Refusal {
  const { column } = field;
  if (column.nullable) return null;
  if (field.default !== undefined) return defaulted(field.default);
  return new Refusal(column.name, kind, kind === 'null' ? null : undefined, column.type);
}

/** The cell of a field that the record does not have; null conforms only where the field is optional. */
export function coerceAbsent(field: FieldPlan): Cell | Conversion | Refusal {
  return coerceNothing(field, 'missing');
}

/** The cell with what was done to get it, or why there is none. Strict values come back as they are. */
export function coerceValue(field: FieldPlan, value: unknown, dialect: Dialect): Cell | Conversion | Refusal {
  if (value === null || value === undefined) return coerceNothing(field, 'null');
  const cell = field.reader.read(value, dialect);
  return cell instanceof Fault ? coerceFaulty(field, value, dialect, cell) : cell;
}

/** The same for a value that the strict reader has already refused. */
export function coerceFaulty(
  field: FieldPlan,
  value: unknown,
  dialect: Dialect,
  fault: Pick<Fault, 'kind' | 'path'>,
): Conversion | Refusal {
  const { column, reader } = field;
  const conversion = reader.convert(value, dialect) ?? byCommonRules(field, value, dialect);
  if (conversion) return conversion;
  if (column.nullable && !field.essential) return NULLED;
  const { kind, path } = reader.blame?.(value, dialect) ?? fault;
  return new Refusal(path === '' ? column.name : column.name + path, kind, value, column.type);
}

/** The rules that hold for columns of every type. */
function byCommonRules(field: FieldPlan, value: unknown, dialect: Dialect): Conversion | undefined {
  const { column, reader } = field;
  if (typeof value === 'string')
    return column.nullable ? nullFromText(value, column.type, field.nullWords) : undefined;
  return Array.isArray(value) ? scalarFromArray(value, reader, dialect) : undefined;
}
