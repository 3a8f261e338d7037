/**
 * From degraded rows back to full fidelity: the kept original bytes, read under a newer schema, for a write in mode
 * `upgrade`.
 *
 * U1 a row is upgraded under the key that its degraded version was written under, or not at all. U2 only what conforms
 * strictly is an upgrade; every other row is in a residue and stays degraded. U3 the bytes are those that were received.
 */
import type { Batch } from '../../core/batch.ts';
import type { Columns } from '../../core/columns.ts';
import type { Residue } from '../../core/outcome.ts';
import type { CompiledSchema } from '../compile-schema.ts';
import { recordKeys } from '../record-keys.ts';

export interface UpgradedRow {
  /** Index in the original batch. */
  readonly row: number;
  /** The key that the degraded version has in the sink. */
  readonly key: string;
  /** Exactly as received, without separators: a view into the body. */
  readonly bytes: Uint8Array;
}

export interface Upgraded {
  /** The rows at full fidelity, in the order of `rows`. */
  readonly columns: Columns;
  readonly rows: readonly UpgradedRow[];
  /** Rows that stay as they are: they do not conform to the newer schema either, or would get another key. */
  readonly residue: readonly Residue[];
}

const OTHER_KEY = 'its key would be another one under the newer schema';

/**
 * `degraded` holds rows of `original`, as they were written. Pure; never throws for data.
 * @returns each of these rows either in `rows` or in exactly one residue
 */
export function upgrade(degraded: Columns, original: Batch, schema: CompiledSchema): Upgraded {
  const oldKeys = recordKeys(degraded, original, degraded.rows);
  const keyOf = new Map(degraded.rows.map((row, place) => [row, oldKeys[place]]));
  const { columns, residue } = schema.check(original, degraded.rows);
  const newKeys = recordKeys(columns, original, columns.rows);
  const moved = columns.rows.filter((row, place) => keyOf.get(row) !== newKeys[place]);
  const kept = moved.length === 0 ? columns : schema.check(original, without(columns.rows, moved)).columns;
  const rows = kept.rows.map((row) => ({
    row,
    key: keyOf.get(row) ?? original.rowKey(row),
    bytes: original.frame.row(row),
  }));
  const moves: readonly Residue[] =
    moved.length === 0 ? [] : [{ rows: moved, reason: 'schema-mismatch', detail: OTHER_KEY }];
  return { columns: kept, rows, residue: [...residue, ...moves] };
}

function without(rows: readonly number[], gone: readonly number[]): readonly number[] {
  const left = new Set(gone);
  return rows.filter((row) => !left.has(row));
}
