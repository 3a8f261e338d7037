/** Batches of a pipeline that anybody can make again from their number: every value says where it belongs. */
import type { BatchInput } from '../../src/core/batch.ts';
import { Field, Float64, Int32, Schema, Utf8 } from '../../src/schema/arrow.ts';

export const ROWS = 20;
export const KEYS = 3;

export const schema = new Schema([
  new Field('batch', new Int32(), false),
  new Field('row', new Int32(), false),
  new Field('value', new Float64(), true),
  new Field('note', new Utf8(), true),
]);

/** A row that no schema takes: it ends in quarantine. */
export function isPoison(batch: number, row: number): boolean {
  return batch % 5 === 2 && row === 7;
}

/** A number written as text: it lands coerced. */
function isDrifted(batch: number, row: number): boolean {
  return batch % 4 === 1 && row % 6 === 3;
}

function line(batch: number, row: number): string {
  if (isPoison(batch, row)) return `{"batch":${batch},"row":${row},"value":"no number"}`;
  const value = batch + row / 100;
  return `{"batch":${batch},"row":${row},"value":${isDrifted(batch, row) ? `"${value}"` : value},"note":"n"}`;
}

export function batchOf(batch: number): BatchInput {
  const lines = Array.from({ length: ROWS }, (_, row) => line(batch, row));
  return {
    id: `batch-${batch}`,
    format: 'ndjson',
    orderingKey: `key-${batch % KEYS}`,
    body: `${lines.join('\n')}\n`,
  };
}
