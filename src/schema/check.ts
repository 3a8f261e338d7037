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
import { FaultTally } from './fault-tally.ts';
import type { Pass } from './fill/pass.ts';
import { Selection } from './fill/selection.ts';

export interface Checked {
  /** The rows that conform. */
  readonly columns: Columns;
  /** The others: `undecodable`, and `schema-mismatch` or `beyond-tolerance` by the divergence. */
  readonly residue: readonly Residue[];
  /** Mismatched cells / cells, 0 to 1. */
  readonly divergence: number;
}

export function checkRows(pass: Pass, rows: RowSet, tolerance: number): Checked {
  const selection = new Selection(pass, rows);
  const columns = pass.columns(selection.landing());
  const residue = [...selection.undecodable()];
  if (pass.drifted.count === 0) return { columns, residue, divergence: 0 };
  const tally = new FaultTally();
  const mismatched: number[] = [];
  selection.eachDrifted((row, from, to) => {
    mismatched.push(row);
    for (let index = from; index < to; index += 1) {
      const cell = pass.drifted.at(index);
      tally.add(pass.fieldOf(cell), cell.fault);
    }
  });
  const cells = selection.countCells();
  const divergence = cells === 0 ? 0 : tally.total / cells;
  if (mismatched.length > 0) {
    const reason = divergence > tolerance ? 'beyond-tolerance' : 'schema-mismatch';
    residue.push({ rows: mismatched, reason, detail: String(tally) });
  }
  return { columns, residue, divergence };
}
