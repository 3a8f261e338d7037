/** Stable keys of records, one per row. */
import type { Batch } from '../core/batch.ts';
import type { Cell, Column, Columns, TimeUnit } from '../core/columns.ts';
import { fieldsKey } from '../core/keys.ts';
import { type RowSet, rowIndices } from '../core/row-set.ts';

const NANOSECONDS: Readonly<Record<TimeUnit, bigint>> = { s: 10n ** 9n, ms: 10n ** 6n, us: 1000n, ns: 1n };

/** A wider integer or a finer unit in a newer schema must not give the same record another key. */
function keyPart(cell: Cell, column: Column): unknown {
  if (column.type === 'int' && typeof cell === 'number') return BigInt(cell);
  if (column.type === 'timestamp' && typeof cell === 'bigint') return cell * NANOSECONDS[column.unit ?? 'ns'];
  return cell;
}

/** Digested in about a millisecond. */
const ROWS_PER_TURN = 500;

/**
 * In the order of `rows`: a digest of the key columns where the schema declares some and `columns` holds the row,
 * else the batch's own row key.
 */
export function recordKeys(columns: Columns | undefined, batch: Batch, rows: RowSet): readonly string[] {
  const keyOf = keyMaker(columns, batch);
  return rowIndices(rows, batch.rowCount).map(keyOf);
}

/** The same for any number of rows: lets other work run every few milliseconds. */
export async function recordKeysInTurns(
  columns: Columns | undefined,
  batch: Batch,
  rows: RowSet,
  yieldToLoop: () => Promise<unknown>,
): Promise<readonly string[]> {
  const keyOf = keyMaker(columns, batch);
  const indices = rowIndices(rows, batch.rowCount);
  const keys: string[] = [];
  for (let from = 0; from < indices.length; from += ROWS_PER_TURN) {
    if (from > 0) await yieldToLoop();
    for (const row of indices.slice(from, from + ROWS_PER_TURN)) keys.push(keyOf(row));
  }
  return keys;
}

function keyMaker(columns: Columns | undefined, batch: Batch): (row: number) => string {
  const keyed = columns?.columns.flatMap((column, index) => (column.key ? [{ column, index }] : [])) ?? [];
  if (!columns || keyed.length === 0) return (row) => batch.rowKey(row);
  const places = new Map(columns.rows.map((row, place) => [row, place]));
  return (row) => {
    const place = places.get(row);
    if (place === undefined) return batch.rowKey(row);
    return fieldsKey(
      keyed.map(({ column, index }) => keyPart(columns.vectors[index]?.at(place) ?? null, column)),
    );
  };
}
