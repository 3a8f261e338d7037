/** Coerces one row: every cell is taken as it is, changed under a rule and claimed as a change, or refused. */
import type { Cell } from '../core/columns.ts';
import { type Change, showValue } from './change.ts';
import type { SchemaPlan } from './check.ts';
import type { DecodedRecord } from './decoded-rows.ts';
import type { Sources } from './field-names.ts';
import type { FieldPlan } from './field-plan.ts';
import { type Conversion, type Dialect, Fault } from './reader.ts';

export interface CoercedRow {
  readonly sources: Sources;
  readonly cells: readonly Cell[];
  /** Cells looked at: of known and unknown names, but for optional ones that are absent. */
  readonly cellsLooked: number;
  readonly changes: readonly Change[];
  /** The cells that cannot be taken; none = the row can land. */
  readonly refusals: readonly Refusal[];
}

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
function coerceValue(field: FieldPlan, value: unknown, dialect: Dialect): Cell | Conversion | Refusal {
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

function isPlain(result: Cell | Conversion | Refusal): result is Cell {
  return result === null || typeof result !== 'object' || result instanceof Uint8Array;
}

/** What becomes of one column of one row. */
function coerceField(
  field: FieldPlan,
  index: number,
  source: string | undefined,
  record: DecodedRecord,
  dialect: Dialect,
): { readonly cell: Cell; readonly change?: Change } | Refusal {
  const { name, nullable } = field.column;
  if (source === undefined) {
    if (field.optional) return { cell: null };
    if (!nullable) return { field: name, words: 'missing' };
    return {
      cell: null,
      change: {
        field: name,
        column: index,
        source,
        kind: 'missing',
        lossless: true,
        before: undefined,
        after: null,
      },
    };
  }
  const before = record[source];
  const result = coerceValue(field, before, dialect);
  if (isPlain(result)) {
    if (source === name) return { cell: result };
    return {
      cell: result,
      change: { field: name, column: index, source, kind: 'renamed', lossless: true, before, after: result },
    };
  }
  if ('words' in result) return result;
  const { cell, kind, lossless } = result;
  return { cell, change: { field: name, column: index, source, kind, lossless, before, after: cell } };
}

export function coerceRow(plan: SchemaPlan, record: DecodedRecord, dialect: Dialect): CoercedRow {
  const sources = plan.names.match(Object.keys(record));
  const cells: Cell[] = [];
  const changes: Change[] = [];
  const refusals: Refusal[] = [];
  let cellsLooked = sources.unknown.length;
  plan.fields.forEach((field, index) => {
    if (sources.names[index] !== undefined || !field.optional) cellsLooked += 1;
    const result = coerceField(field, index, sources.names[index], record, dialect);
    if ('words' in result) {
      refusals.push(result);
      return;
    }
    cells[index] = result.cell;
    if (result.change) changes.push(result.change);
  });
  for (const name of sources.unknown) {
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
