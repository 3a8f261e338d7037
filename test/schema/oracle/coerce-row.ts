/** An oracle for coercion, on whole records and without bytes: every cell is taken as it is, changed under a rule and claimed as a change, or refused. */
import type { Cell } from '../../../src/core/columns.ts';
import type { Change } from '../../../src/schema/change.ts';
import { coerceAbsent, coerceValue, isCell, Refusal } from '../../../src/schema/coerce-value.ts';
import type { Sources } from '../../../src/schema/field-names.ts';
import type { FieldPlan } from '../../../src/schema/plan.ts';
import type { Dialect } from '../../../src/schema/reader.ts';
import type { SchemaPlan } from '../../../src/schema/schema-plan.ts';

export type DecodedRecord = Readonly<Record<string, unknown>>;

export interface CoercedRow {
  readonly sources: Sources;
  readonly cells: readonly Cell[];
  /** Cells looked at: of known and unknown names, but for optional ones that are absent. */
  readonly cellsLooked: number;
  readonly changes: readonly Change[];
  /** The cells that cannot be taken; none = the row can land. */
  readonly refusals: readonly Refusal[];
}

/** What becomes of one column of one row. */
function coerceField(
  field: FieldPlan,
  index: number,
  source: string | undefined,
  record: DecodedRecord,
  dialect: Dialect,
): { readonly cell: Cell; readonly change?: Change } | Refusal {
  const { name } = field.column;
  if (source === undefined && field.optional) return { cell: null };
  const before = source === undefined ? undefined : record[source];
  const result = source === undefined ? coerceAbsent(field) : coerceValue(field, before, dialect);
  if (result instanceof Refusal) return result;
  if (!isCell(result)) {
    const { cell, kind, lossless, error, parts } = result;
    return {
      cell,
      change: { field: name, column: index, source, kind, lossless, before, after: cell, error, parts },
    };
  }
  if (source === name) return { cell: result };
  const kind = source === undefined ? 'missing' : 'renamed';
  return {
    cell: result,
    change: { field: name, column: index, source, kind, lossless: true, before, after: result },
  };
}

export function coerceRow(
  plan: Pick<SchemaPlan, 'fields' | 'names'> & Partial<SchemaPlan>,
  record: DecodedRecord,
  dialect: Dialect,
): CoercedRow {
  const sources = plan.names.match(Object.keys(record));
  const cells: Cell[] = [];
  const changes: Change[] = [];
  const refusals: Refusal[] = [];
  let cellsLooked = sources.unknown.length;
  plan.fields.forEach((field, index) => {
    if (sources.names[index] !== undefined || !field.optional) cellsLooked += 1;
    const result = coerceField(field, index, sources.names[index], record, dialect);
    if (result instanceof Refusal) {
      refusals.push(result);
      return;
    }
    cells[index] = result.cell;
    if (result.change) changes.push(result.change);
  });
  for (const name of sources.unknown) {
    if (plan.refusesUnknown) {
      refusals.push(new Refusal(name, 'unknown', record[name], 'field'));
      continue;
    }
    changes.push({
      field: name,
      column: -1,
      source: name,
      kind: 'stripped',
      lossless: false,
      before: record[name],
      after: undefined,
    });
  }
  return { sources, cells, cellsLooked, changes, refusals };
}
