/** What is timed: each subject goes from the bytes of a body to what its name says. */
import Ajv from 'ajv';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { telemetrySchema } from '../telemetry-records.ts';

/** @returns something that depends on every record, so that nothing can be left out */
export type Subject = (body: Buffer) => Promise<number> | number;

/** P: indexOf, decode, JSON.parse. */
export function parseLines(body: Buffer): number {
  let start = 0;
  let records = 0;
  while (start < body.length) {
    const stop = body.indexOf(10, start);
    const end = stop < 0 ? body.length : stop;
    const record = JSON.parse(body.toString('utf8', start, end)) as { readonly id?: unknown };
    if (record.id !== undefined) records += 1;
    start = end + 1;
  }
  return records;
}

const schema = compileSchema(telemetrySchema(), { tolerance: 1 });

function batchOf(body: Buffer): Batch {
  return new Batch({ body, format: 'ndjson' }, 'bench', framer, 0);
}

export function strictColumns(body: Buffer): number {
  return schema.check(batchOf(body), 'all').columns.rows.length;
}

export async function lenientColumns(body: Buffer): Promise<number> {
  const { columns, loss } = await schema.coerce(batchOf(body), 'all');
  return columns.rows.length + loss.cells;
}
export { Ajv };
