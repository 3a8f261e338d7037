/**
 * Accounts for every difference between a whole record and its cells: a change must be claimed exactly once, must explain
 * its difference, and what is not claimed must be the same value.
 */
import type { Cell } from '../../../src/core/columns.ts';
import type { Change } from '../../../src/schema/change.ts';
import { isExplained } from '../../../src/schema/explain-change.ts';
import type { FieldPlan } from '../../../src/schema/field-plan.ts';
import { type Dialect, Fault } from '../../../src/schema/reader.ts';
import type { SchemaPlan } from '../../../src/schema/schema-plan.ts';
import type { CoercedRow, DecodedRecord } from './coerce-row.ts';

/** The strict cell of one field, or why there is none. */
function readCell(plan: FieldPlan, record: DecodedRecord, dialect: Dialect): Cell | Fault {
  const { name, nullable } = plan.column;
  const value = record[name];
  if (value === undefined) return plan.optional ? null : new Fault('missing');
  if (value === null) return nullable ? null : new Fault('null');
  return plan.reader.read(value, dialect);
}

function isSameCell(a: Cell | Fault, b: Cell): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}

/** Whether the cell is what the strict check would have read from `source`. */
function isUnchanged(
  field: FieldPlan,
  source: string,
  record: DecodedRecord,
  after: Cell,
  dialect: Dialect,
): boolean {
  const { name } = field.column;
  const strict = readCell(field, source === name ? record : { [name]: record[source] }, dialect);
  return !(strict instanceof Fault) && isSameCell(strict, after);
}

function explains(
  field: FieldPlan,
  change: Change | undefined,
  record: DecodedRecord,
  after: Cell,
  dialect: Dialect,
): boolean {
  const { name } = field.column;
  const isAbsent = !Object.hasOwn(record, name);
  if (!change) return (!isAbsent || field.optional) && isUnchanged(field, name, record, after, dialect);
  if (change.kind === 'stripped') return false;
  const { source, kind } = change;
  if (kind === 'missing') return source === undefined && isAbsent && !field.optional && after === null;
  if (source === undefined || !Object.hasOwn(record, source)) return false;
  if (kind === 'renamed') return source !== name && isUnchanged(field, source, record, after, dialect);
  return isExplained(field, { ...change, before: record[source], after }, dialect);
}

/** @returns what is not accounted for, in words, or undefined when everything is */
export function findUnaccounted(
  plan: Pick<SchemaPlan, 'fields' | 'names'>,
  record: DecodedRecord,
  { cells, changes }: Pick<CoercedRow, 'cells' | 'changes'>,
  dialect: Dialect,
): string | undefined {
  const claims = new Map<number, Change>();
  const used = new Set<string>();
  for (const change of changes) {
    const isTwice = change.column >= 0 && claims.has(change.column);
    if (isTwice || (change.source !== undefined && used.has(change.source)))
      return `${change.field} is counted twice`;
    if (change.column >= 0) claims.set(change.column, change);
    if (change.source !== undefined) used.add(change.source);
  }
  for (const [index, field] of plan.fields.entries()) {
    const { name } = field.column;
    const change = claims.get(index);
    const after = cells[index];
    if (after === undefined || !explains(field, change, record, after, dialect))
      return `${name} changed without a reason`;
    if (!change) used.add(name);
  }
  const lost = Object.keys(record).find((name) => !used.has(name));
  return lost === undefined ? undefined : `${lost} is gone without a reason`;
}
