/** A pipeline whose sink is in memory and fails on demand, so that its disk alone is tested. */
import { createFallback, type Fallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { type MemorySink, memorySink } from '../../src/sinks/memory-sink.ts';
import { type FlakySink, flakySink } from '../../src/testing/flaky-sink.ts';

/** Rows of a batch. */
export const ROWS = 20;

/** 20 kB that anybody can make again from the number. */
export function numberedBatch(number: number): BatchInput {
  const row = (at: number): string => `{"id":"${number}/${at}","text":"${'x'.repeat(1_000)}"}`;
  const body = Array.from({ length: ROWS }, (_, at) => row(at)).join('\n');
  return { id: `b${number}`, format: 'ndjson', body };
}

export interface FlakyPipeline {
  readonly fallback: Fallback;
  readonly held: MemorySink;
  readonly sink: FlakySink;
}

export async function flakyPipeline(
  options: Pick<FallbackOptions, 'dir' | 'store'>,
  held = memorySink(),
): Promise<FlakyPipeline> {
  const sink = flakySink(held);
  const fallback = await createFallback({
    ...options,
    sink,
    retry: { attemptsMax: 1, firstMs: 1 },
    limits: {
      primary: { breaker: false },
      'schema-retry': { breaker: false },
      'raw-persist': { breaker: { pauseMs: 100, pauseMaxMs: 200 } },
    },
    worker: { idleMs: 10 },
  });
  return { fallback, held, sink };
}

/**
 * Each row of the acknowledged batches must be there once, and of the others none.
 * @param below a batch that was refused with a number below this may be there, too: a failed sync may have reached the disk
 * @returns what is wrong, in words
 */
export function findWrongRows(
  { rows, order }: MemorySink,
  acknowledged: ReadonlySet<number>,
  below = 0,
): readonly string[] {
  const ids = [...rows.values()].map((record) => (record as { id: string }).id);
  const landed = new Set(ids);
  const faults: string[] = [];
  for (const number of acknowledged) {
    for (let at = 0; at < ROWS; at += 1) {
      if (!landed.delete(`${number}/${at}`)) faults.push(`${number}/${at} was acknowledged and is lost`);
    }
  }
  const refused = [...landed].filter((id) => Number.parseInt(id, 10) >= below);
  if (refused.length > 0) faults.push(`${refused.length} rows that were refused have landed`);
  if (order.length !== ids.length) faults.push(`${order.length - ids.length} rows landed twice`);
  return faults;
}
