/**
 * The strict check: exact names, right types, nullability, ranges. Nothing is changed; an optional field that is absent
 * is null.
 *
 * H1 every row is either in the columns or in exactly one residue. H2 divergence = mismatched cells / cells
 * over all decodable rows; a field that the schema does not know is one cell, mismatched, and an optional one that is
 * absent is none: otherwise records of another kind would look like sparse ones.
 */
import type { Batch } from '../core/batch.ts';
import type { Cell, Columns } from '../core/columns.ts';
import type { Residue } from '../core/outcome.ts';
import { type RowSet, rowIndices } from '../core/row-set.ts';
import { ColumnBuilder } from './column-builder.ts';
import { type DecodedRecord, dialectOf, RowDecoder } from './decoded-rows.ts';
import { FaultTally } from './fault-tally.ts';
import type { FieldNames } from './field-names.ts';
import type { FieldPlan } from './plan.ts';
import { type Dialect, Fault, type FaultKind } from './reader.ts';

export interface Checked {
  /** The rows that conform. */
  readonly columns: Columns;
  /** The others: `undecodable`, and `schema-mismatch` or `beyond-tolerance` by the divergence. */
  readonly residue: readonly Residue[];
  /** Mismatched cells / cells, 0 to 1. */
  readonly divergence: number;
}

/** The plans of a schema with their names. */
export interface SchemaPlan {
  readonly fields: readonly FieldPlan[];
  readonly names: FieldNames;
  /** Whether a field that the schema does not know costs the row, rather than being stripped. @default false */
  readonly refusesUnknown?: boolean;
}

/** The strict cell of one field, or why there is none. */
export function readCell(plan: FieldPlan, record: DecodedRecord, dialect: Dialect): Cell | Fault {
  const value = record[plan.column.name];
  if (value === undefined) return plan.optional ? null : new Fault('missing');
  if (value === null) return plan.takesNull ? null : new Fault('null');
  return plan.reader.read(value, dialect);
}

type OnFault = (field: string, kind: FaultKind) => void;

/** Reads a whole row into `cells`. @returns the number of cells looked at; every fault is told */
function readRow(
  plan: SchemaPlan,
  record: DecodedRecord,
  dialect: Dialect,
  cells: Cell[],
  onFault: OnFault,
): number {
  let absent = 0;
  plan.fields.forEach((field, index) => {
    const cell = readCell(field, record, dialect);
    if (cell instanceof Fault) onFault(field.column.name, cell.kind);
    else cells[index] = cell;
    if (cell === null && record[field.column.name] === undefined) absent += 1;
  });
  let unknown = 0;
  for (const name of Object.keys(record)) {
    if (plan.names.exact(name) !== undefined) continue;
    unknown += 1;
    onFault(name, 'unknown');
  }
  return plan.fields.length - absent + unknown;
}

export function checkRows(plan: SchemaPlan, batch: Batch, rows: RowSet, tolerance: number): Checked {
  const dialect = dialectOf(batch.format);
  const decoder = new RowDecoder(batch);
  const builder = new ColumnBuilder(plan.fields.map((field) => field.column));
  const tally = new FaultTally();
  const onFault: OnFault = (field, kind) => tally.add(field, kind);
  const cells: Cell[] = [];
  const mismatched: number[] = [];
  let cellsTotal = 0;
  for (const row of rowIndices(rows, batch.rowCount)) {
    const record = decoder.decode(row);
    if (!record) continue;
    const faultsBefore = tally.total;
    cellsTotal += readRow(plan, record, dialect, cells, onFault);
    if (tally.total > faultsBefore) mismatched.push(row);
    else builder.add(row, cells);
  }
  const divergence = cellsTotal === 0 ? 0 : tally.total / cellsTotal;
  const residue = [...decoder.residue];
  if (mismatched.length > 0) {
    const reason = divergence > tolerance ? 'beyond-tolerance' : 'schema-mismatch';
    residue.push({ rows: mismatched, reason, detail: String(tally) });
  }
  return { columns: builder.build(), residue, divergence };
}
