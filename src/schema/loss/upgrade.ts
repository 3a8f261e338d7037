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
import type { Checked, CompiledSchema } from '../compile-schema.ts';
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
  const keys = keysByRow(degraded, original);
  const checked = schema.check(original, degraded.rows);
  const moved = movedRows(keys, checked.columns, original);
  const kept = moved.length === 0 ? undefined : schema.check(original, without(checked.columns.rows, moved));
  return upgradedOf(keys, original, checked, moved, kept);
}

/** The same for a body of any size: lets other work run every few milliseconds. Meant for at most some thousand rows. */
export async function upgradeInTurns(
  degraded: Columns,
  original: Batch,
  schema: CompiledSchema,
): Promise<Upgraded> {
  const keys = keysByRow(degraded, original);
  const checked = await schema.checkInTurns(original, degraded.rows);
  const moved = movedRows(keys, checked.columns, original);
  const rest = without(checked.columns.rows, moved);
  const kept = moved.length === 0 ? undefined : await schema.checkInTurns(original, rest);
  return upgradedOf(keys, original, checked, moved, kept);
}

type KeysByRow = ReadonlyMap<number, string>;

function keysByRow(columns: Columns, original: Batch): KeysByRow {
  const keys = recordKeys(columns, original, columns.rows);
  return new Map(columns.rows.map((row, place) => [row, keys[place] ?? '']));
}

/** U1. */
function movedRows(degraded: KeysByRow, columns: Columns, original: Batch): readonly number[] {
  const keys = keysByRow(columns, original);
  return columns.rows.filter((row) => degraded.get(row) !== keys.get(row));
}

function upgradedOf(
  keys: KeysByRow,
  original: Batch,
  checked: Checked,
  moved: readonly number[],
  { columns }: Pick<Checked, 'columns'> = checked,
): Upgraded {
  const rows = columns.rows.map((row) => ({
    row,
    key: keys.get(row) ?? original.rowKey(row),
    bytes: original.frame.row(row),
  }));
  const moves: readonly Residue[] =
    moved.length === 0 ? [] : [{ rows: moved, reason: 'schema-mismatch', detail: OTHER_KEY }];
  return { columns, rows, residue: [...checked.residue, ...moves] };
}

function without(rows: readonly number[], gone: readonly number[]): readonly number[] {
  const left = new Set(gone);
  return rows.filter((row) => !left.has(row));
}
