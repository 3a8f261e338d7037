/**
 * Compares the cells of one column on two sides: by their bits where that can be, and what differs there by value and rule.
 *
 * L1 equal bits of one type are the same value; other bits need not be another value (NaN, garbage under nulls, spellings,
 * tolerances), so they are decided by `isSameValue` alone. L2 columns of different types or units are compared by value
 * throughout. L3 a column that a side lacks is absent in every row of it.
 */
import type { Column, Columns } from '../core/columns.ts';
import type { Vector } from '../core/vectors.ts';
import { typedValue } from './cell-value.ts';
import { isSameValue } from './compare.ts';
import { type Partner, type RawCells, rawCells } from './raw-cells.ts';
import type { RowList } from './row-list.ts';
import type { FieldRule } from './rules.ts';

/** A column on one side. */
export interface ColumnSide {
  readonly column: Column;
  readonly vector: Vector;
}

export interface ColumnPair {
  readonly name: string;
  readonly rule: FieldRule;
  readonly a: ColumnSide | undefined;
  readonly b: ColumnSide | undefined;
  readonly raw: RawCells | undefined;
}

/** The pair of one name; at least one side has it. */
export function pairColumns(
  name: string,
  rule: FieldRule,
  a: ColumnSide | undefined,
  b: ColumnSide | undefined,
): ColumnPair {
  const isComparable = a && b && a.column.type === b.column.type && a.column.unit === b.column.unit;
  return { name, rule, a, b, raw: isComparable ? rawCells(a.vector, b.vector) : undefined };
}

/** The column of a name; undefined where there is none. */
export function sideOf(columns: Columns, name: string): ColumnSide | undefined {
  const index = columns.columns.findIndex((column) => column.name === name);
  const [column, vector] = [columns.columns[index], columns.vectors[index]];
  return column && vector ? { column, vector } : undefined;
}

/** A cell as a value; absent where the side has no such column. */
export function cellValue(side: ColumnSide | undefined, row: number): unknown {
  return side && typedValue(side.vector.at(row), side.column);
}

/**
 * Finds every row of A in `from` to `to` whose cell differs from that of its partner: its flag is set, and it is added to
 * `found`.
 * @returns how many cells were compared by value, which takes its time
 */
export function findDifferent(
  { a, b, rule, raw }: ColumnPair,
  partner: Partner,
  from: number,
  to: number,
  flags: Uint8Array,
  found: RowList,
): number {
  if (rule.isIgnored || (!partner && raw?.isSameRun(from, to))) return 0;
  let slow = 0;
  for (let row = from; row < to; row += 1) {
    if (raw) row = raw.nextDifferent(partner, row, to);
    const other = partner ? (partner[row] ?? -1) : row;
    if (row >= to || other < 0) continue;
    slow += 1;
    if (isSameValue(cellValue(a, row), cellValue(b, other), rule)) continue;
    flags[row] = 1;
    found.push(row);
  }
  return slow;
}
