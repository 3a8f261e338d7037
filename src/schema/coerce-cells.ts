/** Coerces the drifted cells of one row: each is changed under a rule and claimed as a change, or refused. */
import type { Cell } from '../core/columns.ts';
import type { Change } from './change.ts';
import { coerceValue, isPlain, type Refusal } from './coerce-value.ts';
import { dialectOf } from './dialect-of.ts';
import { isExplained } from './explain-change.ts';
import type { FieldPlan } from './field-plan.ts';
import type { DriftedCell } from './fill/drifted-cells.ts';
import type { Pass } from './fill/pass.ts';
import type { Dialect } from './reader.ts';
import type { SchemaPlan } from './schema-plan.ts';

export interface CoercedCells {
  readonly changes: readonly Change[];
  /** The cells that cannot be taken; none = the row can land. */
  readonly refusals: readonly Refusal[];
  /** What no claimed change explains, in words; undefined = everything is accounted for. */
  readonly words: string | undefined;
}

function stripped(name: string, before: unknown): Change {
  return { field: name, column: -1, source: name, kind: 'stripped', lossless: false, before, after: undefined };
}

function fillMissing(field: FieldPlan, column: number): Change | Refusal {
  const { name, nullable } = field.column;
  if (!nullable) return { field: name, words: 'missing' };
  return {
    field: name,
    column,
    source: undefined,
    kind: 'missing',
    lossless: true,
    before: undefined,
    after: null,
  };
}

function change(
  field: FieldPlan,
  cell: DriftedCell,
  source: string,
  before: unknown,
  dialect: Dialect,
): Change | Refusal | Cell {
  const { name } = field.column;
  const result = coerceValue(field, before, dialect);
  if (!isPlain(result)) {
    if ('words' in result) return result;
    const { kind, lossless, cell: after } = result;
    return { field: name, column: cell.column, source, kind, lossless, before, after };
  }
  if (source === name) return result;
  return { field: name, column: cell.column, source, kind: 'renamed', lossless: true, before, after: result };
}

/** The drifted cells from index `from` to `to`, which are those of one row. */
export function coerceCells(plan: SchemaPlan, pass: Pass, from: number, to: number): CoercedCells {
  const dialect = dialectOf(pass.batch.format);
  const changes: Change[] = [];
  const refusals: Refusal[] = [];
  let words: string | undefined;
  for (let index = from; index < to; index += 1) {
    const cell = pass.drifted.at(index);
    const field = plan.fields[cell.column];
    const source = pass.nameOf(cell) ?? '';
    if (!field) {
      changes.push(stripped(source, pass.valueOf(cell)));
      continue;
    }
    const result =
      cell.fault === 'missing'
        ? fillMissing(field, cell.column)
        : change(field, cell, source, pass.valueOf(cell), dialect);
    if (isPlain(result)) continue;
    if ('words' in result) refusals.push(result);
    else {
      changes.push(result);
      if (!isExplained(field, result, dialect)) words ??= `${field.column.name} changed without a reason`;
    }
  }
  return { changes, refusals, words };
}
