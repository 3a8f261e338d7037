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
import { fieldPath, isSameValue } from './compare.ts';
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
  /** Of the field, for changes. */
  readonly path: string;
  /** Whether no cell is nested, so that a changed cell is one change. */
  readonly isLeaf: boolean;
  /** Whether cells that `raw` finds different are other values, if both are there. */
  readonly isExact: boolean;
}

function isStrict({ epsilon, granularity, isNfc }: FieldRule): boolean {
  return epsilon === undefined && granularity === undefined && !isNfc;
}

/** Whether numbers of other bits are other numbers: of 64-bit floats zeros and NaN are already told apart by value. */
function isExactNumber({ column, vector }: ColumnSide): boolean {
  if (vector.kind === 'wide') return column.type === 'bigint' || column.type === 'timestamp';
  if (vector.kind !== 'number') return false;
  return column.type === 'int' || vector.data instanceof Float64Array;
}

function isThere(vector: Vector, row: number): boolean {
  return vector.kind !== 'cell' && (vector.validity === undefined || vector.validity[row] === 1);
}

/** The pair of one name; at least one side has it. */
export function pairColumns(
  name: string,
  rule: FieldRule,
  a: ColumnSide | undefined,
  b: ColumnSide | undefined,
): ColumnPair {
  const isComparable = a && b && a.column.type === b.column.type && a.column.unit === b.column.unit;
  const raw = isComparable ? rawCells(a.vector, b.vector) : undefined;
  const isExact = raw !== undefined && a !== undefined && isStrict(rule) && isExactNumber(a);
  const isLeaf = [a, b].every((side) => side?.column.type !== 'json');
  return { name, rule, a, b, raw, path: fieldPath('', name), isLeaf, isExact };
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
  { a, b, rule, raw, isExact }: ColumnPair,
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
    const isSure = isExact && a && b && isThere(a.vector, row) && isThere(b.vector, other);
    if (!isSure) {
      slow += 1;
      if (isSameValue(cellValue(a, row), cellValue(b, other), rule)) continue;
    }
    flags[row] = 1;
    found.push(row);
  }
  return slow;
}
