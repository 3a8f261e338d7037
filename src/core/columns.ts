/**
 * Decoded rows, column by column. Columns rather than objects, so that a field named `__proto__` is just a
 * name, integers above 2^53 stay exact, and the compiled coercer can later fill typed arrays.
 */
import type { TimeUnit } from './time-unit.ts';
import type { Vector } from './vectors.ts';

/** What a column holds, and the JavaScript value it is given as. */
export type ColumnType =
  | 'bool' // boolean
  | 'int' // number, a safe integer (8 to 32 bits)
  | 'bigint' // bigint (64 bits)
  | 'float' // number, finite unless the schema allows otherwise
  | 'decimal' // string, exact decimal digits
  | 'text' // string
  | 'json' // string holding JSON text
  | 'bytes' // Uint8Array
  | 'date' // string, YYYY-MM-DD
  | 'timestamp'; // bigint, epoch count in the column's `unit`

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Part of the record key. */
  readonly key: boolean;
  /** Only for `timestamp`. */
  readonly unit?: TimeUnit;
}

export type { Cell } from './cell.ts';
export type { TimeUnit } from './time-unit.ts';

/** Some rows of a batch as columns. `vectors[c].at(i)` is column c of batch row `rows[i]`. */
export interface Columns {
  readonly columns: readonly Column[];
  readonly rows: readonly number[];
  readonly vectors: readonly Vector[];
}
