/**
 * The diff validator: compares a row before and after coercion and accounts for every difference.
 *
 * It trusts the coercer's claims in nothing: a change must be claimed exactly once, must be of a kind that
 * explains this very difference, and what is not claimed must be the same value. Values are compared by their
 * meaning, computed back from the new cell, not by running the conversion again.
 */
import type { Cell } from '../../../src/core/columns.ts';
import type { Change } from '../../../src/schema/change.ts';
import { isExplained } from '../../../src/schema/explain.ts';
import { isReadAs, isSameCell } from '../../../src/schema/explain-cell.ts';
import type { FieldPlan } from '../../../src/schema/plan.ts';
import type { Dialect } from '../../../src/schema/reader.ts';
import type { SchemaPlan } from '../../../src/schema/schema-plan.ts';
import type { CoercedRow, DecodedRecord } from './coerce-row.ts';

function explains(
  field: FieldPlan,
  change: Change | undefined,
  record: DecodedRecord,
  after: Cell,
  dialect: Dialect,
): boolean {
  const { name } = field.column;
  const isAbsent = !Object.hasOwn(record, name);
  const before = isAbsent ? undefined : record[name];
  if (!change) return isAbsent ? field.optional && after === null : isReadAs(field, before, after, dialect);
  const { source } = change;
  const claimed = source !== undefined && Object.hasOwn(record, source) ? record[source] : undefined;
  if (change.kind === 'stripped' || !Object.is(claimed, change.before) || !isSameCell(change.after, after))
    return false;
  if (source === undefined && !isAbsent) return false;
  return isExplained(field, change, dialect);
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
