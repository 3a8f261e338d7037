/**
 * Structural degradation of a batch: lenient, counted, verified.
 *
 * E1 every row is either in the columns or in exactly one residue. E2 the columns pass the strict check.
 * E3 a changed cell of a landed row is counted exactly once; cells of refused rows are not, for those rows go on
 * untouched. E4 a difference that no counted change explains sends the row away rather than to the sink.
 */
import type { Columns } from '../core/columns.ts';
import type { LossReport } from '../core/loss.ts';
import type { Residue } from '../core/outcome.ts';
import type { RowSet } from '../core/row-set.ts';
import type { Change } from './change.ts';
import { type CoercedCells, coerceCells } from './coerce-cells.ts';
import { FaultTally } from './fault-tally.ts';
import type { Pass } from './fill/pass.ts';
import { Selection } from './fill/selection.ts';
import { LossBook } from './loss/loss-book.ts';
import type { SchemaPlan } from './schema-plan.ts';

export interface Coerced {
  /** The rows that land, conforming or coerced. */
  readonly columns: Columns;
  /** Landed rows with at least one change, ascending. */
  readonly degradedRows: readonly number[];
  /** What was changed in each of them, in the same order; the loss report counts these. */
  readonly changes: readonly (readonly Change[])[];
  readonly loss: LossReport;
  /** The others: `undecodable` and `beyond-tolerance`. */
  readonly residue: readonly Residue[];
}

/** Drifted rows, and drifted cells, between two turns of the event loop. */
const ROWS_PER_TURN = 500;
const CELLS_PER_TURN = 2_000;

/** The cells of one row; those of a row with very many in parts. */
async function coerceRow(
  plan: SchemaPlan,
  pass: Pass,
  from: number,
  to: number,
  yieldToLoop: () => Promise<unknown>,
): Promise<CoercedCells> {
  const parts: CoercedCells[] = [];
  for (let at = from; at < to; at += CELLS_PER_TURN) {
    await yieldToLoop();
    parts.push(coerceCells(plan, pass, at, Math.min(to, at + CELLS_PER_TURN)));
  }
  return {
    changes: parts.flatMap(({ changes }) => changes),
    refusals: parts.flatMap(({ refusals }) => refusals),
    words: parts.find(({ words }) => words !== undefined)?.words,
  };
}

export async function coerceRows(
  plan: SchemaPlan,
  pass: Pass,
  rows: RowSet,
  yieldToLoop: () => Promise<unknown>,
): Promise<Coerced> {
  const selection = new Selection(pass, rows);
  const book = new LossBook();
  const refused = new FaultTally();
  const refusedRows: number[] = [];
  const unaccounted: { readonly row: number; readonly words: string }[] = [];
  const degradedRows: number[] = [];
  const isDegraded = new Uint8Array(pass.status.length);
  const claimed: (readonly Change[])[] = [];
  let turn = 0;
  let cells = 0;
  book.look(selection.countCells(plan.fields.length));
  const { drifted } = pass;
  for (let from = 0, to = 0; from < drifted.count; from = to) {
    to = selection.endOfRow(from);
    const row = drifted.placeOf(from);
    if (!selection.isMeant(row)) continue;
    turn += 1;
    cells += to - from;
    if (turn % ROWS_PER_TURN === 0 || cells > CELLS_PER_TURN) {
      cells = to - from;
      await yieldToLoop();
    }
    const isWide = to - from > CELLS_PER_TURN;
    const { changes, refusals, words } = isWide
      ? await coerceRow(plan, pass, from, to, yieldToLoop)
      : coerceCells(plan, pass, from, to);
    if (refusals.length > 0) {
      for (const [index, refusal] of refusals.entries()) {
        if (index % CELLS_PER_TURN === CELLS_PER_TURN - 1) await yieldToLoop();
        refused.add(refusal.field, refusal.words);
        book.refuse(row, refusal);
      }
      refusedRows.push(row);
    } else if (words !== undefined) unaccounted.push({ row, words });
    else {
      for (const { column, after } of changes) {
        if (column >= 0 && after !== null && after !== undefined) pass.stores[column]?.patch(row, after);
      }
      for (const [index, change] of changes.entries()) {
        if (index % CELLS_PER_TURN === CELLS_PER_TURN - 1) await yieldToLoop();
        book.add(row, change);
      }
      degradedRows.push(row);
      isDegraded[row] = 1;
      claimed.push(changes);
    }
  }
  const residue: Residue[] = [...selection.undecodable()];
  if (refusedRows.length > 0)
    residue.push({ rows: refusedRows, reason: 'beyond-tolerance', detail: String(refused) });
  if (unaccounted.length > 0) {
    residue.push({
      rows: unaccounted.map(({ row }) => row),
      reason: 'beyond-tolerance',
      detail: `unaccounted difference: ${unaccounted[0]?.words}`,
    });
  }
  const columns = await pass.columnsInTurns(selection.landing(isDegraded), yieldToLoop);
  return { columns, degradedRows, changes: claimed, loss: book.report(), residue };
}
