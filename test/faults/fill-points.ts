/**
 * A pipeline on a disk that fills up, at one point after the other: with so many bytes left, batches are submitted until
 * nobody takes one. What was acknowledged must land, once, and the same process must go on when there is room again.
 *
 * Objects on the same disk need room before anything lands; with objects elsewhere the points are counted at which everything
 * lands while the disk is full, and there must be some.
 *
 * `npm run faults -- full-disk [--points 50]`
 */
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Fallback } from '../../src/assembly/fallback.ts';
import { ChainExhaustedError } from '../../src/core/errors.ts';
import { findWrongRows, flakyPipeline, numberedBatch, ROWS } from './flaky-pipeline.ts';
import { type LoopDisk, loopDisk, workbench } from './loop-disk.ts';

const MIB = 1024 * 1024;
const DISK_BYTES = 24 * MIB;
/** Not a whole number of blocks, nor of batches. */
const STEP_BYTES = 9_001;
const BATCHES_MAX = 2_000;

interface Point {
  readonly disk: LoopDisk;
  readonly bench: string;
  readonly leftBytes: number;
  readonly where: 'beside' | 'elsewhere';
}

function fillUpTo(disk: LoopDisk, leftBytes: number): void {
  const { bfree, bsize } = statfsSync(disk.path);
  const bytes = Math.max(0, bfree * bsize - leftBytes);
  try {
    writeFileSync(join(disk.path, 'filler'), Buffer.alloc(bytes));
  } catch {
    // The rest is what the file system needs for the file itself.
  }
}

/** @returns what is wrong with a refusal by a full disk, in words */
function faultOfRefusal(refusal: unknown): string | undefined {
  const isHonest =
    refusal instanceof ChainExhaustedError &&
    refusal.retryable &&
    refusal.receipt.rejected === ROWS &&
    String(refusal).includes('STORAGE_FULL');
  return isHonest ? undefined : `refused with ${refusal}`;
}

/** Submits from `first` on until `refusals` batches in a row were refused. */
async function submitUntilFull(
  fallback: Fallback,
  acknowledged: Set<number>,
  refusals: number,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (let number = 0, refused = 0; refused < refusals; number += 1) {
    if (number > BATCHES_MAX) return [...faults, 'the disk never filled'];
    try {
      await fallback.submit(numberedBatch(number));
      acknowledged.add(number);
      refused = 0;
    } catch (refusal) {
      refused += 1;
      const fault = faultOfRefusal(refusal);
      if (fault !== undefined) faults.push(fault);
    }
  }
  return faults;
}

/**
 * A file system may take its time to hand out what was given back to it, so this is tried again, as the background does.
 * @returns whether everything landed
 */
async function drainsWhileFull(fallback: Fallback, patienceMs: number): Promise<boolean> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const isDrained = await fallback.reconcile({ patienceMs }).then(
      ({ drained }) => drained,
      () => false,
    );
    if (isDrained || performance.now() > endMs) return isDrained;
    await pause(100);
  }
}

/** @returns what went wrong, in words, and whether everything landed while the disk was still full */
async function runPoint({
  disk,
  bench,
  leftBytes,
  where,
}: Point): Promise<{ faults: string[]; isDrained: boolean }> {
  const dir = join(disk.path, 'data');
  const store = where === 'beside' ? {} : { store: `fs:${join(bench, 'objects')}` };
  const { fallback, held, sink } = await flakyPipeline({ dir, ...store });
  const acknowledged = new Set<number>();
  sink.down('unavailable');
  await fallback.submit(numberedBatch(BATCHES_MAX + 1));
  acknowledged.add(BATCHES_MAX + 1);
  fillUpTo(disk, leftBytes);
  const faults = [...(await submitUntilFull(fallback, acknowledged, 3))];
  sink.up();
  const isDrained = await drainsWhileFull(fallback, where === 'beside' ? 200 : 2_000);
  rmSync(join(disk.path, 'filler'));
  sink.down('unavailable');
  // The very next one, in the same process.
  const { deferred } = await fallback.submit(numberedBatch(BATCHES_MAX + 2));
  if (deferred === ROWS) acknowledged.add(BATCHES_MAX + 2);
  else faults.push('did not go on when there was room');
  sink.up();
  const { drained, left } = await fallback.reconcile({ patienceMs: 20_000 });
  if (!drained) faults.push(`not drained: ${JSON.stringify(left)}`);
  faults.push(...findWrongRows(held, acknowledged));
  const { balanced, pending } = await fallback.report();
  if (!balanced || pending > 0) faults.push(`the books: ${pending} pending`);
  await fallback.close();
  rmSync(dir, { recursive: true });
  rmSync(join(bench, 'objects'), { recursive: true, force: true });
  return { faults, isDrained };
}

async function runPoints(points: number): Promise<number> {
  const bench = workbench();
  let found = 0;
  try {
    const disk = loopDisk(bench.path, DISK_BYTES);
    for (const where of ['beside', 'elsewhere'] as const) {
      let drained = 0;
      for (let point = 0; point < points; point += 1) {
        const leftBytes = point * STEP_BYTES;
        const { faults, isDrained } = await runPoint({ disk, bench: bench.path, leftBytes, where });
        drained += isDrained ? 1 : 0;
        found += faults.length;
        for (const fault of new Set(faults)) process.stdout.write(`${leftBytes} bytes left: ${fault}\n`);
      }
      // The reserve is there so that this succeeds; not at each point, since the file system may keep what it is given.
      if (where === 'elsewhere' && drained === 0) found += 1;
      process.stdout.write(`objects ${where}: ${points} points, ${drained} drained while the disk was full\n`);
    }
    return found;
  } finally {
    bench.dispose();
  }
}

const { values } = parseArgs({ options: { points: { type: 'string', default: '50' } } });
const found = await runPoints(Number(values.points));
process.stdout.write(`${found} failures\n`);
process.exitCode = found > 0 ? 1 : 0;
