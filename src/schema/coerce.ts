/**
 * Structural degradation of a batch: lenient, counted, verified.
 *
 * E1 every row is either in the columns or in exactly one residue. E2 the columns pass the strict check.
 * E3 a changed cell of a landed row is counted exactly once; cells of refused rows are not, for those rows go on
 * untouched. E4 a difference that no counted change explains sends the row away rather than to the sink.
 */
import type { Batch } from '../core/batch.ts';
import type { Columns } from '../core/columns.ts';
import type { LossReport } from '../core/loss.ts';
import type { Residue } from '../core/outcome.ts';
import { type RowSet, rowIndices } from '../core/row-set.ts';
import type { SchemaPlan } from './check.ts';
import { coerceRow } from './coerce-row.ts';
import { ColumnBuilder } from './column-builder.ts';
import { dialectOf, RowDecoder } from './decoded-rows.ts';
import { findUnaccounted } from './diff.ts';
import { FaultTally } from './fault-tally.ts';
import { LossBook } from './loss/loss-book.ts';

export interface Coerced {
  /** The rows that land, conforming or coerced. */
  readonly columns: Columns;
  /** Landed rows with at least one change, ascending. */
  readonly degradedRows: readonly number[];
  readonly loss: LossReport;
  /** The others: `undecodable` and `beyond-tolerance`. */
  readonly residue: readonly Residue[];
}

/** Rows coerced between two turns of the event loop. */
const ROWS_PER_TURN = 100;

export async function coerceRows(
  plan: SchemaPlan,
  batch: Batch,
  rows: RowSet,
  yieldToLoop: () => Promise<unknown>,
): Promise<Coerced> {
  const dialect = dialectOf(batch.format);
  const decoder = new RowDecoder(batch);
  const builder = new ColumnBuilder(plan.fields.map((field) => field.column));
  const book = new LossBook();
  const refused = new FaultTally();
  const refusedRows: number[] = [];
  const unaccounted: { readonly row: number; readonly words: string }[] = [];
  const degradedRows: number[] = [];
  let turn = 0;
  for (const row of rowIndices(rows, batch.rowCount)) {
    turn += 1;
    if (turn % ROWS_PER_TURN === 0) await yieldToLoop();
    const record = decoder.decode(row);
    if (!record) continue;
    const coerced = coerceRow(plan, record, dialect);
    book.look(coerced.cellsLooked);
    if (coerced.refusals.length > 0) {
      for (const refusal of coerced.refusals) {
        refused.add(refusal.field, refusal.words);
        book.refuse(row, refusal);
      }
      refusedRows.push(row);
      continue;
    }
    const words = findUnaccounted(plan, record, coerced, dialect);
    if (words !== undefined) {
      unaccounted.push({ row, words });
      continue;
    }
    builder.add(row, coerced.cells);
    for (const change of coerced.changes) book.add(row, change);
    if (coerced.changes.length > 0) degradedRows.push(row);
  }
  const residue: Residue[] = [...decoder.residue];
  if (refusedRows.length > 0)
    residue.push({ rows: refusedRows, reason: 'beyond-tolerance', detail: String(refused) });
  if (unaccounted.length > 0) {
    residue.push({
      rows: unaccounted.map(({ row }) => row),
      reason: 'beyond-tolerance',
      detail: `unaccounted difference: ${unaccounted[0]?.words}`,
    });
  }
  return { columns: builder.build(), degradedRows, loss: book.report(), residue };
}
