/** A closed loop: so many submitters, each of which waits for its acknowledgement and submits again. */
import { setTimeout as pause } from 'node:timers/promises';
import { randomOf, telemetryBody } from '../telemetry-records.ts';
import type { Waited } from './latency-server.ts';
import type { Running } from './subjects.ts';

export interface Load {
  readonly bytes: number;
  readonly submitters: number;
}

export interface Measured {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly perPut: number;
  /** What the server has waited, on average: its timers are late when the machine is busy. */
  readonly latencyMs: number;
}

const BODIES = 512;
const RECORD_BYTES = 190;
const TELEMETRY = telemetryBody({ count: 100_000, drift: 0.05, isAscii: true });

/** Telemetry, each its own piece of it. */
export function makeBodies(bytes: number): readonly Uint8Array[] {
  const random = randomOf(bytes);
  const starts = TELEMETRY.length - bytes;
  return Array.from({ length: BODIES }, () => {
    const at = Math.floor(random() * (starts / RECORD_BYTES)) * RECORD_BYTES;
    return TELEMETRY.subarray(at, at + bytes);
  });
}

async function waitedBy(endpoint: string): Promise<Waited> {
  const answer = await fetch(`${endpoint}/-/latency`);
  return (await answer.json()) as Waited;
}

/**
 * Rate and CPU over `spanMs`, which begins when as many batches are acknowledged as there are submitters. What is
 * under way at the end is waited for, and not counted.
 */
export async function measure(
  running: Running,
  { submitters, bodies }: Load & { readonly bodies: readonly Uint8Array[] },
  spanMs: number,
  endpoint: string,
): Promise<Measured> {
  let acknowledged = 0;
  let next = 0;
  let isOver = false;
  const settled = Promise.withResolvers<void>();
  const submit = async (submitter: number): Promise<void> => {
    while (!isOver) {
      next = (next + 1) % bodies.length;
      await running.put(bodies[next] ?? new Uint8Array(0), `key-${submitter}`);
      acknowledged += 1;
      if (acknowledged >= submitters) settled.resolve();
    }
  };
  const all = Promise.all(Array.from({ length: submitters }, (_, n) => submit(n)));
  await Promise.race([settled.promise, all]);
  await pause(spanMs / 10);
  const waited = await waitedBy(endpoint);
  const before = { acknowledged, cpu: process.cpuUsage(), ms: performance.now() };
  await pause(spanMs);
  const count = acknowledged - before.acknowledged;
  const { user, system } = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.ms) / 1000;
  const { puts, totalMs } = await waitedBy(endpoint);
  isOver = true;
  await all;
  return {
    perSecond: count / seconds,
    cpuMicros: (user + system) / count,
    perPut: count / (puts - waited.puts),
    latencyMs: (totalMs - waited.totalMs) / (puts - waited.puts),
  };
}
