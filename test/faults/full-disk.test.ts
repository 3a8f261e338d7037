import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { createFallback, type Fallback } from '../../src/assembly/fallback.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { ChainExhaustedError } from '../../src/core/errors.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { smallDisk } from './privileges.ts';

const MIB = 1024 * 1024;
const ROWS = 20;

function batchOf(number: number): BatchInput {
  const row = (at: number): string => `{"id":"${number}/${at}","text":"${'x'.repeat(1_000)}"}`;
  return {
    id: `b${number}`,
    format: 'ndjson',
    body: Array.from({ length: ROWS }, (_, at) => row(at)).join('\n'),
  };
}

interface Scene {
  readonly disk: string;
  readonly fallback: Fallback;
  readonly held: ReturnType<typeof memorySink>;
  readonly sink: ReturnType<typeof flakySink>;
}

async function openOn(disk: string): Promise<Scene> {
  const held = memorySink();
  const sink = flakySink(held);
  const fallback = await createFallback({
    dir: join(disk, 'data'),
    sink,
    retry: { attemptsMax: 1, firstMs: 1 },
    limits: { primary: { breaker: false }, 'schema-retry': { breaker: false } },
    worker: { idleMs: 10 },
  });
  return { disk, fallback, held, sink };
}

/** Submits until nobody takes a batch any more. @returns the numbers acknowledged, and the refusal */
async function fill({ fallback }: Scene): Promise<{ acknowledged: number[]; refusal: unknown }> {
  const acknowledged: number[] = [];
  for (let number = 0; number < 2_000; number += 1) {
    try {
      await fallback.submit(batchOf(number));
      acknowledged.push(number);
    } catch (refusal) {
      return { acknowledged, refusal };
    }
  }
  throw new Error('the disk never filled');
}

function diskOrSkip(context: TestContext, bytes: number): string {
  const disk = smallDisk(bytes);
  if (disk === undefined) context.skip();
  return disk ?? '';
}

describe('a full disk under the data directory', () => {
  it('refuses honestly once neither sink nor disk takes a batch, and goes on without a restart', async (context) => {
    const disk = diskOrSkip(context, 6 * MIB);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(2 * MIB));
    const scene = await openOn(disk);
    const { fallback, held, sink } = scene;
    sink.down('unavailable');
    const { acknowledged, refusal } = await fill(scene);
    expect(acknowledged.length).toBeGreaterThan(10);
    expect(refusal).toBeInstanceOf(ChainExhaustedError);
    expect(refusal).toMatchObject({ code: 'CHAIN_EXHAUSTED', retryable: true });
    expect(String(refusal)).toContain('STORAGE_FULL');
    const { receipt } = refusal as ChainExhaustedError;
    expect(receipt).toMatchObject({ records: ROWS, deferred: 0, delivered: 0, rejected: ROWS });
    expect(fallback.engine.ledger).toMatchObject({
      deferred: acknowledged.length * ROWS,
      rejected: ROWS,
      unaccounted: 0,
    });
    sink.up();
    const delivered = await fallback.submit(batchOf(5_000));
    expect(delivered.delivered, 'a sink that is up needs no disk').toBe(ROWS);
    rmSync(join(disk, 'filler'));
    sink.down('unavailable');
    const deferred = await fallback.submit(batchOf(5_001));
    expect(deferred.deferred, 'space was freed').toBe(ROWS);
    sink.up();
    expect(await fallback.reconcile()).toMatchObject({ drained: true });
    const ids = new Set([...held.rows.values()].map((record) => (record as { id: string }).id));
    for (const number of [...acknowledged, 5_000, 5_001])
      expect(ids.has(`${number}/0`), `${number}`).toBe(true);
    expect(held.rows.size).toBe((acknowledged.length + 2) * ROWS);
    expect(await fallback.report()).toMatchObject({ balanced: true, pending: 0 });
    await fallback.close();
  });

  it('refuses to open in words, and brings back everything once space is freed', async (context) => {
    const disk = diskOrSkip(context, 5 * MIB);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(2 * MIB));
    const scene = await openOn(disk);
    scene.sink.down('unavailable');
    const { acknowledged } = await fill(scene);
    await scene.fallback.close();
    fillWholly(disk);
    await expect(openOn(disk)).rejects.toMatchObject({
      name: 'StorageError',
      code: 'STORAGE_FULL',
      hint: expect.stringContaining('space'),
      message: expect.stringContaining(disk),
    });
    rmSync(join(disk, 'filler'));
    const { fallback, held } = await openOn(disk);
    expect(await fallback.reconcile()).toMatchObject({ drained: true });
    expect(held.rows.size).toBe(acknowledged.length * ROWS);
    await fallback.close();
  });
});

/** Leaves not one byte. */
function fillWholly(disk: string): void {
  for (const chunk of [65_536, 4_096, 1]) {
    try {
      for (;;) appendFileSync(join(disk, 'rest'), Buffer.alloc(chunk));
    } catch {
      // Full for this size: the next smaller one.
    }
  }
}
