/**
 * The strict check: exact names, right types, nullability, ranges. Nothing is changed; an optional field that is absent
 * is null.
 *
 * H1 every row is either in the columns or in exactly one residue. H2 divergence = mismatched cells / cells
 * over all decodable rows; a field that the schema does not know is one cell, mismatched, and an optional one that is
 * absent is none: otherwise records of another kind would look like sparse ones. H3 only a whole batch can be beyond
 * tolerance: of some rows that are left, the others have been judged and landed, and their part says nothing.
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

/** Drifted rows that are counted in about a millisecond. */
const ROWS_AT_ONCE = 2000;

export function checkRows(plan: SchemaPlan, pass: Pass, rows: RowSet, tolerances: Tolerances): Checked {
  const judge = new Judge(plan, pass, rows);
  while (!judge.advance());
  return judge.judge(pass.columns(judge.landing), tolerances);
}

/** The same with turns of others about every millisecond. */
export async function checkRowsInTurns(
  plan: SchemaPlan,
  pass: Pass,
  rows: RowSet,
  tolerances: Tolerances,
  yieldToLoop: () => Promise<unknown>,
): Promise<Checked> {
  const judge = new Judge(plan, pass, rows);
  while (!judge.advance()) await yieldToLoop();
  return judge.judge(await pass.columnsInTurns(judge.landing, yieldToLoop), tolerances);
}

class Judge {
  readonly #plan: SchemaPlan;
  readonly #pass: Pass;
  readonly #selection: Selection;
  readonly #book: DriftBook;
  readonly #mismatched: number[] = [];
  readonly #isRemainder: boolean;
  /** Index of the drifted cell to go on with. */
  #at = 0;

  constructor(plan: SchemaPlan, pass: Pass, rows: RowSet) {
    this.#plan = plan;
    this.#pass = pass;
    this.#selection = new Selection(pass, rows);
    this.#book = new DriftBook(plan.columnNames);
    this.#isRemainder = rows !== 'all' || pass.batch.isRemainder;
  }

  /** The rows that conform. */
  get landing(): Int32Array | undefined {
    return this.#selection.landing();
  }

  /** Counts some of the drifted cells. @returns whether all are counted */
  advance(): boolean {
    const { drifted } = this.#pass;
    for (let count = 0; this.#at < drifted.count && count < ROWS_AT_ONCE; count += 1) {
      const end = this.#selection.endOfRow(this.#at);
      const row = drifted.placeOf(this.#at);
      if (this.#selection.isMeant(row)) this.#add(row, end);
      this.#at = end;
    }
    return this.#at >= drifted.count;
  }

  #add(row: number, end: number): void {
    this.#mismatched.push(row);
    addCells(this.#book, this.#plan, this.#pass, this.#at, end);
  }

  judge(columns: Columns, tolerances: Tolerances): Checked {
    const book = this.#book;
    const mismatched = this.#mismatched;
    const residue = [...this.#selection.undecodable()];
    book.skip(residue.reduce((count, { rows }) => count + rows.length, 0));
    book.look(columns.rows.length + mismatched.length);
    this.#selection.eachAbsent((column, cells) => book.addAbsent(column, cells));
    if (mismatched.length > 0) {
      const { verdict, field, words } = judgeDrift(book, tolerances);
      const isBeyond = verdict === 'beyond-tolerance' && !this.#isRemainder;
      const reason = isBeyond ? 'beyond-tolerance' : 'schema-mismatch';
      // Of all cells together the counts say it; a single field has to be named.
      const detail = field === undefined ? String(book) : `${words}; ${book}`;
      residue.push({ rows: mismatched, reason, detail });
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
