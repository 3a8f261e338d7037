import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { ChainExhaustedError } from '../../src/core/errors.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { openStateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { runOrSkip } from './campaigns.ts';
import { type FlakyPipeline, flakyPipeline, numberedBatch, ROWS } from './flaky-pipeline.ts';
import { smallDisk } from './privileges.ts';

const MIB = 1024 * 1024;
interface Scene extends FlakyPipeline {
  readonly disk: string;
}

const openOn = async (disk: string): Promise<Scene> => ({
  disk,
  ...(await flakyPipeline({ dir: join(disk, 'data') })),
});

/** Submits until nobody takes a batch any more. @returns the numbers acknowledged, and the refusal */
async function fill({ fallback }: Scene): Promise<{ acknowledged: number[]; refusal: unknown }> {
  const acknowledged: number[] = [];
  for (let number = 0; number < 2_000; number += 1) {
    try {
      await fallback.submit(numberedBatch(number));
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
    const delivered = await fallback.submit(numberedBatch(5_000));
    expect(delivered.delivered, 'a sink that is up needs no disk').toBe(ROWS);
    rmSync(join(disk, 'filler'));
    sink.down('unavailable');
    const deferred = await fallback.submit(numberedBatch(5_001));
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

  it('does not keep the state file from changing what is in it', async (context) => {
    const disk = diskOrSkip(context, MIB);
    const state = await openStateDatabase({ file: join(disk, 'state.db'), fs: nodeFileSystem });
    const set = (value: string) =>
      state.transact((session) =>
        session.run('INSERT OR REPLACE INTO state_facts (name, value) VALUES (?, ?)', 'a', value),
      );
    await set('0');
    fillWholly(disk);
    for (let change = 1; change <= 100; change += 1) expect(await set(`${change}`)).toBe(1);
    await state.close();
  });

  it('loses nothing at any point, and can be drained as it is when objects lie elsewhere', {
    timeout: 90_000,
  }, async (context) => {
    const { code, output } = await runOrSkip(context, 'full-disk', ['--points', '4']);
    expect(output).toContain('objects elsewhere: 4 points');
    expect(code, output).toBe(0);
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
