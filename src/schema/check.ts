/**
 * The strict check: exact names, right types, nullability, ranges. Nothing is changed; an optional field that is absent
 * is null.
 *
 * H1 every row is either in the columns or in exactly one residue. H2 divergence = mismatched cells / cells
 * over all decodable rows; a field that the schema does not know is one cell, mismatched, and an optional one that is
 * absent is none: otherwise records of another kind would look like sparse ones.
 */
import type { Columns } from '../core/columns.ts';
import type { Residue } from '../core/outcome.ts';
import type { RowSet } from '../core/row-set.ts';
import { DriftBook, driftKindOf, NO_COLUMN } from './drift/drift-book.ts';
import type { DriftReport } from './drift/drift-report.ts';
import { judgeDrift, type Tolerances } from './drift/tolerance.ts';
import { RECORD_NAMES_MAX } from './field-names.ts';
import type { DriftedCell } from './fill/drifted-cells.ts';
import type { Pass } from './fill/pass.ts';
import { Selection } from './fill/selection.ts';
import { Fault } from './reader.ts';
import type { SchemaPlan } from './schema-plan.ts';

export interface Checked {
  /** The rows that conform. */
  readonly columns: Columns;
  /** The others: `undecodable`, and `schema-mismatch` or `beyond-tolerance` by the divergence. */
  readonly residue: readonly Residue[];
  /** Mismatched cells / cells, 0 to 1. */
  readonly divergence: number;
  /** What differs, by field and kind; made when first read. */
  readonly drift: DriftReport;
}

export function checkRows(plan: SchemaPlan, pass: Pass, rows: RowSet, tolerances: Tolerances): Checked {
  const selection = new Selection(pass, rows);
  const columns = pass.columns(selection.landing());
  const residue = [...selection.undecodable()];
  const book = new DriftBook(plan.fields.map(({ column }) => column.name));
  const mismatched: number[] = [];
  selection.eachDrifted((row, from, to) => {
    mismatched.push(row);
    addCells(book, plan, pass, from, to);
  });
  const undecodable = residue.reduce((count, { rows }) => count + rows.length, 0);
  book.skip(undecodable);
  book.look(columns.rows.length + mismatched.length);
  selection.eachAbsent((column, cells) => book.addAbsent(column, cells));
  if (mismatched.length > 0) {
    const { verdict, field, words } = judgeDrift(book, tolerances);
    const reason = verdict === 'beyond-tolerance' ? 'beyond-tolerance' : 'schema-mismatch';
    // Of all cells together the counts say it; a single field has to be named.
    residue.push({
      rows: mismatched,
      reason,
      detail: field === undefined ? String(book) : `${words}; ${book}`,
    });
  }
  return {
    columns,
    residue,
    divergence: book.divergence,
    get drift() {
      return book.report();
    },
  };
}

/** The cells of one row. */
function addCells(book: DriftBook, plan: SchemaPlan, pass: Pass, from: number, to: number): void {
  let unknown = 0;
  for (let index = from; index < to; index += 1) {
    const cell = pass.drifted.at(index);
    const isUnknown = cell.fault === 'unknown' && cell.column < 0;
    if (isUnknown) unknown += 1;
    if (!isUnknown || unknown <= RECORD_NAMES_MAX) addCell(book, plan, pass, cell);
  }
  if (unknown > RECORD_NAMES_MAX) book.addOthers(unknown - RECORD_NAMES_MAX);
}

function addCell(book: DriftBook, plan: SchemaPlan, pass: Pass, cell: DriftedCell): void {
  const field = plan.fields[cell.column];
  const kind = driftKindOf(cell.fault);
  if (!field) {
    book.add(NO_COLUMN, pass.nameOf(cell) ?? '', kind, cell.place, () => pass.valueOf(cell));
    return;
  }
  const sample = (): unknown => (cell.fault === 'renamed' ? pass.nameOf(cell) : pass.valueOf(cell));
  book.add(cell.column, pathOf(plan, pass, cell), kind, cell.place, sample);
}

/** The column, or where inside of its nested values the reader stopped. */
function pathOf({ fields }: SchemaPlan, pass: Pass, cell: DriftedCell): string {
  const field = fields[cell.column];
  const name = field?.column.name ?? '';
  if (!field?.nested || cell.isAbsent || cell.fault === 'renamed') return name;
  const fault = field.reader.read(pass.valueOf(cell), pass.dialect);
  return fault instanceof Fault && fault.path !== '' ? `${name}${fault.path}` : name;
}
