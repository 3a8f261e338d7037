/**
 * The life of one data directory under power cuts. A pipeline writes in a process of its own, its sink on another disk; at
 * a random moment the image of its disk is cloned, which is what a power cut leaves, and the clone takes the disk's
 * place. Then it is opened again, and every batch whose acknowledgement was read before the clone must be in the sink or in
 * quarantine, once.
 *
 * `npm run faults -- powercut [--cuts 100] [--seed N] [--on ext4|ext4-writeback|xfs] [--durability journal|store] [--lie NAME]`
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createFallback } from '../../src/index.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { findFaults, look } from '../integration/oracle.ts';
import { startPipeline } from '../integration/pipeline-child.ts';
import { type PipelinePlace, pipelineOptions } from '../integration/pipeline-options.ts';
import { outageFrom, outageOf } from '../integration/sink-outage.ts';
import { type CuttableDisk, cuttableDisk, type DiskKind, isDiskKind, workbench } from './loop-disk.ts';

const DISK_BYTES = 512 * 1024 * 1024;
const PACE_MS = 4;
const MANY = 1_000_000;
/** Batches that may have been taken without their acknowledgement being read: in flight, and in the pipe. */
const UNREAD_MAX = 1_000;
const PATIENCE_MS = 60_000;
/** Share of cuts after which the pipeline writes on at once, so that the next cut may meet its recovery. */
const UNDRAINED = 0.25;

export interface PowerCutOptions {
  readonly cuts: number;
  readonly seed: number;
  readonly on: DiskKind;
  readonly durability: 'journal' | 'store';
  readonly lie: string;
  readonly say: (line: string) => void;
}

interface Life {
  readonly place: PipelinePlace;
  readonly disk: CuttableDisk;
  readonly random: () => number;
  acknowledged: number;
  /** Rows that the journal had taken when it was last looked: without any, nothing but the sink is tested. */
  deferredRows: number;
}

/** A system may write back any directory at any time, in any order: this one takes half of them, just before the cut. */
function writeBackSome(path: string, random: () => number): void {
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isDirectory() || random() < 0.5) continue;
    const directory = openSync(join(entry.parentPath, entry.name), 'r');
    fsyncSync(directory);
    closeSync(directory);
  }
}

/** One cut, while the pipeline opens or while it writes. */
async function writeUntilCut(
  { place, disk, random, ...life }: Life,
  lie: string,
  isFirst: boolean,
): Promise<number> {
  const first = life.acknowledged;
  const file = join(place.directory, 'sink.db');
  const child = startPipeline(place, { first, count: MANY, paceMs: PACE_MS, lie });
  try {
    await child.heard(!isFirst && random() < 0.2 ? 'ready' : 'acked');
    const outage = isFirst || random() < 0.6 ? outageFrom(file) : outageOf(file, random);
    await pause(isFirst ? 1_000 : random() * (random() < 0.3 ? 1_500 : 400));
    const { acknowledged } = child;
    if (disk.forgetsNames) writeBackSome(disk.path, random);
    disk.cut();
    child.process.kill('SIGKILL');
    const ending = await child.ended();
    await outage.end();
    if (ending.signal !== 'SIGKILL') throw new Error(`the pipeline ended by itself, with ${ending.code}`);
    return acknowledged;
  } finally {
    child.process.kill('SIGKILL');
  }
}

/** Opens the directory as a pipeline does, brings everything back, and looks at what came of it. */
async function drain(
  { place, acknowledged }: Life,
  submitted: number,
): Promise<{ faults: string[]; rows: number }> {
  const fallback = await createFallback(pipelineOptions(place));
  const { drained, left, lastObstacle } = await fallback.reconcile({ patienceMs: PATIENCE_MS });
  await fallback.close();
  const seen = await look(place);
  const faults = [...findFaults(seen, acknowledged, submitted)];
  if (!drained) faults.push(`not drained: ${JSON.stringify(left)} ${lastObstacle ?? ''}`);
  return { faults, rows: seen.report.rows };
}

/** @returns how many faults were found */
export async function runPowerCuts(options: PowerCutOptions): Promise<number> {
  const { cuts, seed, on, durability, lie, say } = options;
  const bench = workbench();
  const directory = mkdtempSync(join(tmpdir(), 'tierfall-sink-'));
  let found = 0;
  let nextWord = 10;
  try {
    const disk = cuttableDisk(bench.path, DISK_BYTES, on);
    const place = { directory, data: join(disk.path, 'data'), durability };
    const life: Life = { place, disk, random: seededRandom(seed), acknowledged: 0, deferredRows: 0 };
    for (let cut = 1; cut <= cuts; cut += 1) {
      life.acknowledged = await writeUntilCut(life, lie, cut === 1);
      disk.restore();
      if (cut < cuts && cut > 1 && life.random() < UNDRAINED) continue;
      const { faults, rows } = await drain(life, life.acknowledged + UNREAD_MAX).catch((error: unknown) => ({
        faults: [`it did not open: ${error}`],
        rows: life.deferredRows,
      }));
      life.deferredRows = rows;
      found += faults.length;
      for (const fault of faults) say(`cut ${cut}: ${fault}`);
      if (cut >= nextWord || cut === cuts) {
        nextWord = cut + 10;
        say(`${cut} cuts, ${life.acknowledged} batches acknowledged, ${rows} rows deferred`);
      }
      if (faults.length > 0) break;
    }
    // Cuts that no deferred row has met prove nothing.
    if (life.deferredRows === 0) found += 1;
    return found;
  } finally {
    bench.dispose();
    rmSync(directory, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    on: { type: 'string', default: 'ext4' },
    durability: { type: 'string', default: 'journal' },
    lie: { type: 'string', default: '' },
  },
});
const { on, lie, durability } = values;
const [cuts, seed] = [Number(values.cuts), Number(values.seed)];
if (!isDiskKind(on)) throw new Error(`--on: no such file system: ${on}`);
if (durability !== 'journal' && durability !== 'store') throw new Error(`--durability: ${durability}`);
if (!(cuts > 0 && Number.isInteger(seed))) throw new Error('--cuts and --seed are whole numbers');
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(`power cuts on ${on}, durability ${durability}: --seed ${seed}`);
const found = await runPowerCuts({ cuts, seed, on, durability, lie, say });
say(`${found} failures`);
process.exitCode = found > 0 ? 1 : 0;
