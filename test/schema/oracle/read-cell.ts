/** The strict cell of one field of a whole record, or why there is none. */
import type { Cell } from '../../../src/core/columns.ts';
import type { FieldPlan } from '../../../src/schema/plan.ts';
import { type Dialect, Fault } from '../../../src/schema/reader.ts';
import type { DecodedRecord } from './coerce-row.ts';

export function readCell(plan: FieldPlan, record: DecodedRecord, dialect: Dialect): Cell | Fault {
  const value = record[plan.column.name];
  if (value === undefined) return plan.optional ? null : new Fault('missing');
  if (value === null) return plan.takesNull ? null : new Fault('null');
  return plan.reader.read(value, dialect);
}
