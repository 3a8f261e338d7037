/** A whole pipeline on a real disk whose sink and store both refuse, until its journal is full. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Priority } from '../../src/core/batch.ts';
import {
  BackpressureError,
  createFallback,
  type Fallback,
  type FallbackOptions,
  functionSink,
  SinkError,
} from '../../src/index.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function pipeline(watermarks: FallbackOptions['watermarks']) {
  const dir = await mkdtemp(join(tmpdir(), 'tierfall-full-'));
  opened.push(() => rm(dir, { recursive: true, force: true }));
  let isUp = false;
  const landed = new Set<string>();
  const sink = functionSink(async (_, { keys }) => {
    if (!isUp) throw new SinkError('missing-target', 'the table is gone');
    for (const key of keys) landed.add(key);
  });
  const fs = {
    ...nodeFileSystem,
    // Nothing is packed while the sink is away, so that the journal is what fills.
    rename: async (from: string, to: string) => {
      if (!isUp && to.endsWith('.parquet')) throw Object.assign(new Error('away'), { code: 'EIO' });
      return nodeFileSystem.rename(from, to);
    },
    link: async (from: string, to: string) => {
      if (!isUp && to.endsWith('.parquet')) throw Object.assign(new Error('away'), { code: 'EIO' });
      return nodeFileSystem.link?.(from, to);
    },
  };
  const limits = { primary: { breaker: false }, 'schema-retry': { breaker: false } } as const;
  const fallback = await createFallback({
    dir,
    sink,
    fs,
    limits,
    worker: false,
    ...(watermarks ? { watermarks } : {}),
  } as FallbackOptions);
  opened.push(() => fallback.close());
  return {
    fallback,
    landed,
    heal: () => {
      isUp = true;
    },
  };
}

type Fate = 'deferred' | 'dropped' | 'refused';

async function fateOf(fallback: Fallback, n: number, priority: Priority): Promise<Fate> {
  try {
    const receipt = await fallback.submit({ body: `{"n":${n}}\n`, format: 'ndjson', id: `b${n}`, priority });
    return receipt.dropped > 0 ? 'dropped' : 'deferred';
  } catch (error) {
    if (error instanceof BackpressureError && error.retryAfterMs >= 1_000) return 'refused';
    throw error;
  }
}

const CLASSES: readonly Priority[] = ['low', 'normal', 'critical'];

async function fill(fallback: Fallback): Promise<Readonly<Record<Priority, Fate[]>>> {
  const fates: Record<Priority, Fate[]> = { low: [], normal: [], critical: [] };
  for (let n = 0; n < 36; n += 1) {
    const priority = CLASSES[n % 3] as Priority;
    fates[priority].push(await fateOf(fallback, n, priority));
  }
  return fates;
}

const count = (fates: readonly Fate[], fate: Fate): number => fates.filter((one) => one === fate).length;

describe('a journal at its watermark', () => {
  it('refuses low records first and critical ones last, and brings back every one it took', async () => {
    const { fallback, landed, heal } = await pipeline({ rowsMax: 20 });
    const fates = await fill(fallback);
    const taken = CLASSES.map((priority) => count(fates[priority], 'deferred'));
    expect(taken.reduce((sum, rows) => sum + rows, 0)).toBe(20);
    expect([...taken].sort((a, b) => a - b)).toEqual(taken);
    expect(fates.critical.indexOf('refused')).toBeGreaterThan(fates.low.indexOf('refused'));
    expect(fallback.engine.ledger).toMatchObject({ deferred: 20, dropped: 0, rejected: 16, unaccounted: 0 });
    heal();
    await fallback.reconcile();
    expect(landed.size).toBe(20);
  });

  it('drops and counts lower classes where that was asked for, and still only refuses critical records', async () => {
    const { fallback, landed, heal } = await pipeline({ rowsMax: 20, whenFull: 'drop-lowest' });
    const fates = await fill(fallback);
    expect(CLASSES.map((priority) => fates[priority].includes('refused'))).toEqual([false, false, true]);
    const dropped = CLASSES.map((priority) => count(fates[priority], 'dropped'));
    expect(dropped[2]).toBe(0);
    expect((dropped[0] as number) > 0 && (dropped[1] as number) > 0).toBe(true);
    const { ledger } = fallback.engine;
    expect(ledger.dropped).toBe((dropped[0] as number) + (dropped[1] as number));
    expect(ledger.deferred + ledger.dropped + ledger.rejected).toBe(36);
    expect(ledger.unaccounted).toBe(0);
    heal();
    await fallback.reconcile();
    expect(landed.size).toBe(ledger.deferred);
  });
});
