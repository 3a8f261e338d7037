/** The schema of a run that was given none: inferred from the first batch, then kept with the directory. */
import { decodeRecord, framer } from '../codecs/codecs.ts';
import { Batch } from '../core/batch.ts';
import type { FileBatch } from '../ingress/files.ts';
import { type CompiledSchema, compileSchema } from '../schema/compile-schema.ts';
import { inferSchema } from '../schema/declare/infer-schema.ts';
import { toJsonSchema } from '../schema/declare/to-json-schema.ts';

export interface FirstSchema {
  readonly schema: CompiledSchema;
  readonly document: object;
  readonly records: number;
  readonly tolerance: number;
}

/**
 * A guess from one batch is no contract: what differs from it is coerced and written down, and only records
 * that have next to nothing in common with it are kept raw.
 */
const TOLERANCE = 0.9;

/** @throws SchemaError SCHEMA_EMPTY when no record of the batch can be read */
export function inferFirstSchema({ input }: FileBatch, tolerance = TOLERANCE): FirstSchema {
  const batch = new Batch(input, 'sample', framer, 0);
  const records: unknown[] = [];
  for (let row = 0; row < batch.rowCount; row += 1) {
    try {
      records.push(decodeRecord(batch, row));
    } catch {
      // A row that cannot be read says nothing about the schema; the chain keeps it as it is.
    }
  }
  const schema = inferSchema(records, { untyped: input.format === 'csv' });
  const compiled = compileSchema(schema, { tolerance });
  return { schema: compiled, document: toJsonSchema(schema), records: records.length, tolerance };
}

/** Puts the batch that was looked at back in front. */
export async function* withFirst<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T, void> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}
