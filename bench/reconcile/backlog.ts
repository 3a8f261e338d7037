/**
 * What all subjects drain: batches of telemetry that a pipeline deferred while its sink was away. One directory is made
 * per size of batch, and every run drains a copy of it.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFallback } from '../../src/assembly/fallback.ts';
import { batchKey } from '../../src/core/keys.ts';
import { Field, Schema } from '../../src/schema/arrow.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { randomOf, telemetryLines, telemetrySchema } from '../telemetry-records.ts';

export interface BacklogShape {
  readonly batches: number;
  readonly rowsPerBatch: number;
  /** Ordering keys, each batch of one of them by chance. */
  readonly orderingKeys: readonly string[];
}

/** A stored batch as the peers have it, under the key that ours has. */
export interface PlainBatch {
  readonly key: string;
  readonly body: string;
}

export const CHAIN = 'default';
/** 500 devices send when they have something. */
export const DEVICES = Array.from({ length: 500 }, (_, n) => `device-${n}`);

/** Nothing is declared a key: every record is known by its batch and its row, also to the peers. */
export function plainSchema(): Schema {
  const fields = telemetrySchema().fields.map(({ name, type, nullable, metadata }) => {
    return new Field(name, type, nullable, new Map([...metadata].filter(([key]) => key !== 'key')));
  });
  return new Schema(fields);
}

function batchId(index: number): string {
  return `batch-${index}`;
}

function bodiesOf({ batches, rowsPerBatch }: BacklogShape): readonly string[] {
  const lines = telemetryLines({ count: batches * rowsPerBatch, drift: 0, isAscii: true });
  return Array.from({ length: batches }, (_, n) =>
    lines.slice(n * rowsPerBatch, (n + 1) * rowsPerBatch).join('\n'),
  );
}

/** The batches as the peers have them. */
export function plainBatches(shape: BacklogShape): readonly PlainBatch[] {
  const none = Buffer.alloc(0);
  return bodiesOf(shape).map((body, n) => ({ key: batchKey(CHAIN, batchId(n), none), body }));
}

/** Defers everything into `dir`. */
export async function makeBacklog(dir: string, shape: BacklogShape): Promise<void> {
  const sink = flakySink(memorySink());
  sink.down('unavailable');
  const options = { name: CHAIN, dir, sink, schema: plainSchema(), worker: false } as const;
  const fallback = await createFallback({ ...options, retry: { attemptsMax: 1, firstMs: 1 } });
  const { orderingKeys } = shape;
  const random = randomOf(shape.batches);
  function* batches() {
    for (const [n, body] of bodiesOf(shape).entries()) {
      const orderingKey = orderingKeys[Math.floor(random() * orderingKeys.length)] ?? '';
      yield { id: batchId(n), format: 'ndjson', body, orderingKey } as const;
    }
  }
  let deferred = 0;
  for await (const receipt of fallback.run(batches(), { inFlightMax: 64 })) deferred += receipt.deferred;
  await fallback.close();
  // The outage is over, and so is what was remembered of it.
  await rm(join(dir, 'breakers.json'));
  if (deferred !== shape.batches * shape.rowsPerBatch) throw new Error(`only ${deferred} rows were deferred`);
}

/** A directory of its own, with a copy of `from` in it as `data`; gone with its disposal. */
export async function scratch(from?: string): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'tierfall-bench-reconcile-'));
  if (from !== undefined) await cp(from, join(dir, 'data'), { recursive: true });
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
