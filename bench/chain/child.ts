/**
 * One subject in a process of its own. `time` gives CPU time of this thread per call on an ordinary heap;
 * `bytes` gives heap bytes per call, on a young generation so large that nothing is collected meanwhile
 * (which would slow every subject down, so it is not the heap to measure time on).
 */
import { type Call, SUBJECTS } from './subjects.ts';

/** Nanoseconds of CPU per call, one call at a time and 64 at a time. */
export interface Times {
  readonly ns1: number;
  readonly ns64: number;
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

async function bytesPerCall(call: Call): Promise<number> {
  const calls = 100_000;
  await oneByOne(call, calls);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  await oneByOne(call, calls);
  return (process.memoryUsage().heapUsed - before) / calls;
}

const [, , subject = '', mode] = process.argv;
const make = SUBJECTS[subject];
if (!make) throw new Error(`no subject ${subject}`);
const call = await make();
const measured =
  mode === 'bytes'
    ? await bytesPerCall(call)
    : { ns1: await nsPerCall(oneByOne, call), ns64: await nsPerCall(sixtyFour, call) };
process.stdout.write(JSON.stringify(measured));
process.exit(0);
