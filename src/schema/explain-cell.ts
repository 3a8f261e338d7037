/** When two cells are one value, for the diff validator. */
import type { Cell } from '../core/columns.ts';
import type { FieldPlan } from './plan.ts';
import { type Dialect, Fault } from './reader.ts';

/** Whether two cells are the same value; -0 is not 0. */
export function isSameCell(a: Cell | Fault | undefined, b: Cell | undefined): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}

/** Whether the strict check reads `before` as `after`. */
export function isReadAs(
  field: FieldPlan,
  before: unknown,
  after: Cell | undefined,
  dialect: Dialect,
): boolean {
  if (before === undefined) return false;
  if (before === null) return field.column.nullable && after === null;
  const cell = field.reader.read(before, dialect);
  return !(cell instanceof Fault) && isSameCell(cell, after);
}
