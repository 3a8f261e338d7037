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

/**
 * In the order of `rows`: a digest of the key columns where the schema declares some and `columns` holds the row,
 * else the batch's own row key.
 */
export function recordKeys(columns: Columns | undefined, batch: Batch, rows: RowSet): readonly string[] {
  const indices = rowIndices(rows, batch.rowCount);
  const keyed = columns?.columns.flatMap((column, index) => (column.key ? [{ column, index }] : [])) ?? [];
  if (!columns || keyed.length === 0) return indices.map((row) => batch.rowKey(row));
  const places = new Map(columns.rows.map((row, place) => [row, place]));
  return indices.map((row) => {
    const place = places.get(row);
    if (place === undefined) return batch.rowKey(row);
    return fieldsKey(
      keyed.map(({ column, index }) => keyPart(columns.vectors[index]?.at(place) ?? null, column)),
    );
  });
}
