/** One subject in a process of its own: CPU time of this thread per call, and heap bytes per call. */
import { type Call, SUBJECTS } from './subjects.ts';

export interface Sample {
  /** Nanoseconds of CPU per call, one call at a time and 64 at a time. */
  readonly ns1: number;
  readonly ns64: number;
  readonly bytes: number;
}

/** The CPU clock ticks every few milliseconds, so a window is at least this long. */
const WINDOW_MS = 300;

async function oneByOne(call: Call, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await call();
}

async function sixtyFour(call: Call, count: number): Promise<void> {
  const lane = oneByOne.bind(undefined, call, count / 64);
  await Promise.all(Array.from({ length: 64 }, lane));
}

async function nsPerCall(drive: (call: Call, count: number) => Promise<void>, call: Call): Promise<number> {
  const chunk = 64 * 1_000;
  await drive(call, chunk * 3);
  const started = process.threadCpuUsage();
  let calls = 0;
  for (let spentMs = 0; spentMs < WINDOW_MS; calls += chunk) {
    await drive(call, chunk);
    const { user, system } = process.threadCpuUsage(started);
    spentMs = (user + system) / 1_000;
  }
  const { user, system } = process.threadCpuUsage(started);
  return ((user + system) * 1_000) / calls;
}

/** Needs a young generation that holds the whole window, so that nothing is collected in it. */
async function bytesPerCall(call: Call): Promise<number> {
  const calls = 100_000;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  await oneByOne(call, calls);
  return (process.memoryUsage().heapUsed - before) / calls;
}

const make = SUBJECTS[process.argv[2] ?? ''];
if (!make) throw new Error(`no subject ${process.argv[2]}`);
const call = await make();
const ns1 = await nsPerCall(oneByOne, call);
const ns64 = await nsPerCall(sixtyFour, call);
const bytes = await bytesPerCall(call);
process.stdout.write(JSON.stringify({ ns1, ns64, bytes } satisfies Sample));
process.exit(0);
