/** One subject under one load in a process of its own. */
import { at, drive, keysOf } from './drive.ts';
import { LOADS, type Load, type LoadName } from './loads.ts';
import type { SyncClock } from './slow-disk.ts';
import { type Running, SUBJECTS, type SubjectName } from './subjects.ts';

export interface Measured {
  readonly acksPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Median time of an fdatasync; not known for subjects that sync by themselves. */
  readonly syncMs: number | undefined;
  readonly acksPerSync: number | undefined;
  /** CPU of the main thread per ack. */
  readonly mainMicros: number;
}

async function measure(running: Running, load: Load, acks: number, clock: SyncClock): Promise<Measured> {
  await drive(running, load, keysOf(0, Math.ceil(acks / 2)));
  const keys = keysOf(acks, acks);
  clock.tookMs.length = 0;
  const cpu = process.threadCpuUsage();
  const started = performance.now();
  const tookMs = await drive(running, load, keys);
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.threadCpuUsage(cpu);
  tookMs.sort();
  const syncs = Float64Array.from(clock.tookMs).sort();
  return {
    acksPerSecond: acks / seconds,
    p50Ms: at(tookMs, 0.5),
    p99Ms: at(tookMs, 0.99),
    syncMs: syncs.length > 0 ? at(syncs, 0.5) : undefined,
    acksPerSync: syncs.length > 0 ? acks / syncs.length : undefined,
    mainMicros: (user + system) / acks,
  };
}

const [, , subjectName, loadName, directory = ''] = process.argv;
const subject = SUBJECTS[subjectName as SubjectName];
const load: Load | undefined = LOADS[loadName as LoadName];
if (!subject || !load) throw new Error(`no subject ${subjectName} or no load ${loadName}`);
const clock: SyncClock = { delayMs: load.syncDelayMs, tookMs: [] };
const running = await subject(directory, clock);
const acks = subjectName === 'INSERT + COMMIT' ? load.acksOfRecipe : load.acks;
const measured = await measure(running, load, acks, clock);
await running.close();
process.stdout.write(JSON.stringify(measured));
