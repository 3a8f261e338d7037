/** Feeds changed bytes to everything that reads them, and tells what must never happen. */

import { decodeRow, extractRows, framer } from '../../src/codecs/codecs.ts';
import { openParquet } from '../../src/codecs/parquet.ts';
import { Batch } from '../../src/core/batch.ts';
import { InputError } from '../../src/core/errors.ts';
import type { Residue } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { type CompiledSchema, compileSchema } from '../../src/schema/compile-schema.ts';
import { fromJsonSchema } from '../../src/schema/declare/from-json-schema.ts';
import { detectDrift } from '../../src/schema/drift/detect-drift.ts';
import { sourceOf } from '../codecs/parquet-files.ts';
import type { Specimen } from './corpus.ts';
import { type Below, mutate } from './mutations.ts';

/** Longer is a hang. */
const RUN_MS_MAX = 1000;

export interface FuzzResult {
  readonly runs: number;
  readonly slowestMs: number;
  /** What went wrong, with the bytes to have it again. */
  readonly faults: readonly string[];
}

const SCHEMA = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    text: { type: 'string' },
    temp: { type: ['number', 'null'] },
    at: { type: 'string', format: 'date-time' },
    ok: { type: 'boolean' },
    tags: { type: 'array' },
  },
};

export function fuzzSchema(): CompiledSchema {
  return compileSchema(fromJsonSchema(SCHEMA));
}

function rowsIn(parts: readonly Residue[], batch: Batch): number {
  return parts.reduce((sum, { rows }) => sum + rowIndices(rows, batch.rowCount).length, 0);
}

/** @throws Error when a row is lost, or a row that is cut out is not itself */
async function judge(schema: CompiledSchema, batch: Batch): Promise<void> {
  const { columns, residue } = schema.check(batch, 'all');
  if (columns.rows.length + rowsIn(residue, batch) !== batch.rowCount) throw new Error('the check lost a row');
  const coerced = await schema.coerce(batch, 'all');
  if (coerced.columns.rows.length + rowsIn(coerced.residue, batch) !== batch.rowCount)
    throw new Error('the coercion lost a row');
  const drift = await detectDrift(batch, schema);
  if (drift.rows + drift.undecodable !== batch.rowCount) throw new Error('the report lost a row');
}

async function readRows(
  { format, attributes }: Specimen,
  body: Uint8Array,
  schema: CompiledSchema,
): Promise<void> {
  const input = { body, format, ...(attributes ? { attributes } : {}) };
  const batch = new Batch(input, 'fuzz', framer, 0);
  if (framer.count(body, format, attributes) !== batch.frame.rowCount) throw new Error('counted otherwise');
  await judge(schema, batch);
  for (let row = 0; row < batch.rowCount; row += 1) {
    const alone = framer.count(extractRows(batch, [row]), format, attributes);
    if (isDecoded(batch, row) && alone !== 1) throw new Error(`row ${row}, cut out, is ${alone} rows`);
  }
}

function isDecoded(batch: Batch, row: number): boolean {
  try {
    decodeRow(batch, row);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

async function fuzz(
  originals: readonly Uint8Array[],
  below: Below,
  { runs, untilMs }: { readonly runs: number; readonly untilMs: number },
  run: (bytes: Uint8Array, index: number) => Promise<void>,
): Promise<FuzzResult> {
  const faults: string[] = [];
  let [slowestMs, done] = [0, 0];
  for (; done < runs && performance.now() < untilMs && faults.length < 5; done += 1) {
    const index = done % originals.length;
    const bytes = mutate(originals[index] ?? new Uint8Array(0), below);
    const started = performance.now();
    try {
      await run(bytes, index);
      const ms = performance.now() - started;
      slowestMs = Math.max(slowestMs, ms);
      if (ms > RUN_MS_MAX) faults.push(`${ms.toFixed(0)} ms: ${Buffer.from(bytes).toString('base64')}`);
    } catch (error) {
      const words = error instanceof Error ? `${error.stack}` : String(error);
      faults.push(`${words}\n${Buffer.from(bytes).toString('base64')}`);
    }
  }
  return { runs: done, slowestMs, faults };
}

export interface FuzzLimits {
  /** Changed bodies. */
  readonly runs: number;
  /** By the clock of `performance`. */
  readonly untilMs: number;
}

/** Framing, decoding, check, coercion and drift of changed bodies. */
export function fuzzBodies(bodies: readonly Specimen[], below: Below, limits: FuzzLimits): Promise<FuzzResult> {
  const schema = fuzzSchema();
  return fuzz(
    bodies.map(({ body }) => body),
    below,
    limits,
    (bytes, index) => readRows(bodies[index] as Specimen, bytes, schema),
  );
}

/** Every row group of changed Parquet files. */
export function fuzzParquet(
  files: readonly Uint8Array[],
  below: Below,
  limits: FuzzLimits,
): Promise<FuzzResult> {
  return fuzz(files, below, limits, async (bytes) => {
    try {
      await readGroups(bytes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  });
}

async function readGroups(bytes: Uint8Array): Promise<void> {
  const file = await openParquet(sourceOf(bytes));
  for (let group = 0; group < file.rowGroups; group += 1) {
    const { rows, vectors } = await file.readRowGroup(group);
    for (const vector of vectors) {
      if (vector.length !== rows.length) throw new Error('a column has another number of rows');
      for (let row = 0; row < Math.min(50, rows.length); row += 1) vector.at(row);
    }
  }
}
