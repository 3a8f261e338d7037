/**
 * A pipeline whose disk becomes read-only while it writes. Covered: the directory gets a read-only mount over it, so nothing
 * can be created, renamed or removed, until the mount goes away; the same process goes on. Failed: the file system takes itself
 * for broken and refuses every write, also to open files, as after an error of the medium; the kernel lets it write again
 * only after it was unmounted, so a new process goes on. What was acknowledged must land, once, either way.
 *
 * `npm run faults -- read-only [--rounds 10]`
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Fallback } from '../../src/assembly/fallback.ts';
import { type FlakyPipeline, findWrongRows, flakyPipeline, numberedBatch, ROWS } from './flaky-pipeline.ts';
import { command, type LoopDisk, loopDisk, workbench } from './loop-disk.ts';

const DISK_BYTES = 64 * 1024 * 1024;

/** How a refusal may read: a sync that the failure interrupts ends in EIO, and five refusals open the circuit of the tier. */
const WORDS = ['STORAGE_DENIED', 'STORAGE_IO', 'circuit-open'];
const RESUMES_WITHIN_MS = 5_000;

/** What is known of a pipeline from outside. */
interface Watched extends FlakyPipeline {
  readonly acknowledged: Set<number>;
  readonly faults: string[];
  next: number;
}

async function watch(dir: string): Promise<Watched> {
  return { ...(await flakyPipeline({ dir })), acknowledged: new Set(), faults: [], next: 0 };
}

/** @returns how many of `count` batches were refused, each of them in the right words */
async function submit(all: Watched, count: number): Promise<number> {
  let refused = 0;
  for (let at = 0; at < count; at += 1) {
    const number = all.next;
    all.next += 1;
    try {
      await all.fallback.submit(numberedBatch(number));
      all.acknowledged.add(number);
    } catch (refusal) {
      refused += 1;
      if (!WORDS.some((word) => String(refusal).includes(word))) all.faults.push(`refused with ${refusal}`);
    }
  }
  return refused;
}

async function resumes(all: Watched): Promise<boolean> {
  const endMs = performance.now() + RESUMES_WITHIN_MS;
  while (performance.now() < endMs) {
    if ((await submit(all, 1)) === 0) return true;
    await pause(50);
  }
  return false;
}

async function drain(fallback: Fallback, { held, acknowledged, next, faults }: Watched): Promise<void> {
  const { drained, left } = await fallback.reconcile({ patienceMs: 30_000 });
  if (!drained) faults.push(`not drained: ${JSON.stringify(left)}`);
  faults.push(...findWrongRows(held, acknowledged, next));
  const { balanced, pending } = await fallback.report();
  if (!balanced || pending > 0) faults.push(`the books: ${pending} pending`);
  await fallback.close();
}

/** @param before batches that are written before the disk is covered; with none there is no segment yet to append to */
async function coveredRound(disk: LoopDisk, before: number): Promise<readonly string[]> {
  const all = await watch(join(disk.path, 'data'));
  const { fallback, sink, faults } = all;
  sink.down('unavailable');
  await submit(all, before);
  command('mount', '--bind', disk.path, disk.path);
  command('mount', '-o', 'remount,bind,ro', disk.path);
  const failure = await (before > 0 ? fallback.flush() : submit(all, 3)).then(
    (refused) => (refused === 3 ? 'STORAGE_DENIED' : `${refused} refused`),
    (error: unknown) => (error as { code?: string }).code,
  );
  if (failure !== 'STORAGE_DENIED') faults.push(`covered, and not refused: ${failure}`);
  await submit(all, 5);
  command('umount', disk.path);
  if (!(await resumes(all))) faults.push('did not go on when the disk was there again');
  sink.up();
  await drain(fallback, all);
  return faults;
}

/** The kernel's own switch for tests of what a file system does after an error. */
const triggerOf = (disk: LoopDisk): string => `/sys/fs/ext4/${basename(disk.device)}/trigger_fs_error`;

async function failedRound(disk: LoopDisk, before: number): Promise<readonly string[]> {
  const dir = join(disk.path, 'data');
  const all = await watch(dir);
  const { fallback, held, sink, faults } = all;
  sink.down('unavailable');
  const writing = submit(all, before + 20);
  await pause(before);
  writeFileSync(triggerOf(disk), 'x');
  await writing;
  const refused = await submit(all, 3);
  if (refused !== 3) faults.push(`failed, and ${3 - refused} of 3 batches were acknowledged`);
  sink.up();
  const { delivered } = await fallback.submit(numberedBatch(all.next));
  if (delivered !== ROWS) faults.push('a sink that is up needs no disk');
  all.acknowledged.add(all.next);
  await fallback.close().catch(() => undefined);
  disk.unmount();
  spawnSync('e2fsck', ['-fy', disk.image]);
  disk.mount();
  const again = await flakyPipeline({ dir }, held);
  await drain(again.fallback, all);
  return faults;
}

async function runRounds(rounds: number): Promise<number> {
  const bench = workbench();
  let found = 0;
  try {
    const disk = loopDisk(bench.path, DISK_BYTES, 'ext4', ',errors=remount-ro');
    const canFail = existsSync(triggerOf(disk));
    for (const [name, run] of Object.entries({ covered: coveredRound, failed: failedRound })) {
      if (run === failedRound && !canFail) {
        process.stdout.write('failed: this kernel has no switch for it, so this fault was not made\n');
        continue;
      }
      for (let round = 0; round < rounds; round += 1) {
        const faults = await run(disk, round * 3);
        for (const fault of new Set(faults)) process.stdout.write(`${name}, round ${round}: ${fault}\n`);
        found += faults.length;
        rmSync(join(disk.path, 'data'), { recursive: true });
      }
      process.stdout.write(`${name}: ${rounds} rounds\n`);
    }
    return found;
  } finally {
    bench.dispose();
  }
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } });
const found = await runRounds(Number(values.rounds));
process.stdout.write(`${found} failures\n`);
process.exitCode = found > 0 ? 1 : 0;
