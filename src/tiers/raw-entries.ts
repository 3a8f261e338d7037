/** From rows that left the chain to the entries a journal keeps: bytes untouched, identity kept. */
import { extractRows } from '../codecs/codecs.ts';
import type { Batch } from '../core/batch.ts';
import { sha256 } from '../core/keys.ts';
import type { Passage } from '../core/outcome.ts';
import { countRows, type RowSet } from '../core/row-set.ts';
import type { Purpose, RawEntry } from '../journal/journal.ts';
import type { DegradedUnder } from '../schema/loss/degraded-under.ts';

export interface RawOrigin {
  readonly batch: Batch;
  readonly rows: RowSet;
  readonly purpose: Purpose;
  readonly reason: string;
  readonly detail?: string | undefined;
  readonly trail: readonly Passage[];
  /** Goes into the trail: of originals, what their rows were degraded under. */
  readonly schema?: DegradedUnder | undefined;
}

/** One entry; `rows` is left out only when the body is the whole original batch. */
export function rawEntry({ batch, rows, purpose, reason, detail, trail, schema }: RawOrigin): RawEntry {
  const body = extractRows(batch, rows);
  return {
    purpose,
    key: batch.key,
    orderingKey: batch.orderingKey,
    priority: batch.priority,
    format: batch.format,
    attributes: batch.attributes,
    receivedAtMs: batch.receivedAtMs,
    reason,
    trail: JSON.stringify({ detail, passages: trail, schema }),
    rowCount: countRows(rows, batch.rowCount),
    rows: originalRows(batch, rows),
    sha256: sha256(body),
    body,
  };
}

function originalRows(batch: Batch, rows: RowSet): readonly number[] | undefined {
  if (rows !== 'all') return rows.map((row) => batch.originalRow(row));
  const { rowCount } = batch;
  const isWhole = rowCount === 0 || batch.originalRow(rowCount - 1) === rowCount - 1;
  return isWhole ? undefined : Array.from({ length: rowCount }, (_, row) => batch.originalRow(row));
}
