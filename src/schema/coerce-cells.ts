/** Coerces the drifted cells of one row: each is changed under a rule and claimed as a change, or refused. */
import type { Change } from './change.ts';
import { coerceAbsent, coerceValue, isCell, Refusal } from './coerce-value.ts';
import { isExplained } from './explain.ts';
import type { DriftedCell } from './fill/drifted-cells.ts';
import type { Pass } from './fill/pass.ts';
import type { FieldPlan } from './plan.ts';
import type { Dialect } from './reader.ts';
import type { SchemaPlan } from './schema-plan.ts';

export interface CoercedCells {
  readonly changes: readonly Change[];
  /** The cells that cannot be taken; none = the row can land. */
  readonly refusals: readonly Refusal[];
  /** What no claimed change explains, in words; undefined = everything is accounted for. */
  readonly words: string | undefined;
}

const NONE: readonly Refusal[] = Object.freeze([]);

function stripped(name: string, before: unknown): Change {
  return { field: name, column: -1, source: name, kind: 'stripped', lossless: false, before, after: undefined };
}

/** What becomes of a drifted cell of a column; undefined = it is taken as it is. */
function change(
  field: FieldPlan,
  cell: DriftedCell,
  source: string | undefined,
  before: unknown,
  dialect: Dialect,
): Change | Refusal | undefined {
  const { name } = field.column;
  const result = source === undefined ? coerceAbsent(field) : coerceValue(field, before, dialect);
  if (result instanceof Refusal) return result;
  const { column } = cell;
  if (!isCell(result)) {
    const { cell: after, kind, lossless, error, parts } = result;
    return { field: name, column, source, kind, lossless, before, after, error, parts };
  }
  // The last of several values of one name: what is told of it is that the others are gone.
  if (source === name) return undefined;
  const kind = source === undefined ? 'missing' : 'renamed';
  return { field: name, column, source, kind, lossless: true, before, after: result };
}

/** A number that becomes text keeps the digits that its double has not. */
function inFull(change: Change, pass: Pass, cell: DriftedCell): Change {
  const spelling = change.kind === 'text-from-number' ? pass.spellingOf(cell) : undefined;
  return spelling === undefined ? change : { ...change, after: spelling };
}

/** The drifted cells from index `from` to `to`, which are those of one row. */
export function coerceCells(plan: SchemaPlan, pass: Pass, from: number, to: number): CoercedCells {
  const { dialect } = pass;
  const changes: Change[] = [];
  let refusals: Refusal[] | undefined;
  let words: string | undefined;
  for (let index = from; index < to; index += 1) {
    const cell = pass.drifted.at(index);
    const field = plan.fields[cell.column];
    const source = pass.nameOf(cell);
    if (!field && plan.refusesUnknown && cell.fault === 'unknown') {
      refusals ??= [];
      refusals.push(new Refusal(source ?? '', 'unknown', pass.valueOf(cell), 'field'));
      continue;
    }
    if (!field) {
      changes.push(stripped(source ?? '', pass.valueOf(cell)));
      continue;
    }
    const text = pass.textOf(cell);
    const judgedAs = text === undefined ? dialect : 'text';
    const result = change(field, cell, source, text ?? pass.valueOf(cell), judgedAs);
    if (result === undefined) continue;
    if (result instanceof Refusal) {
      refusals ??= [];
      refusals.push(result);
    } else {
      changes.push(inFull(result, pass, cell));
      if (!isExplained(field, result, judgedAs)) words ??= `${field.column.name} changed without a reason`;
    }
  }
  return { changes, refusals: refusals ?? NONE, words };
}
