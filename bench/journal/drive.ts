/** A closed loop: each submitter waits for its ack before it submits again. */
import type { Load } from './loads.ts';
import type { Running } from './subjects.ts';

/** The value below which a part of the values lies. */
export function at(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Keys that differ, spread as hashes are, and made like the core makes them: from bytes. */
export function keysOf(first: number, count: number): readonly string[] {
  const bytes = Buffer.alloc(16);
  return Array.from({ length: count }, (_, i) => {
    bytes.writeUInt32BE(Math.imul(first + i, 0x9e3779b1) >>> 0, 0);
    bytes.writeUInt32BE(first + i, 12);
    return bytes.toString('hex');
  });
}

/** @returns how long each ack took, in milliseconds */
export async function drive(
  running: Running,
  load: Pick<Load, 'submitters' | 'bodyBytes'>,
  keys: readonly string[],
): Promise<Float64Array> {
  const body = Buffer.alloc(load.bodyBytes, 'telemetry ');
  const acks = keys.length;
  const tookMs = new Float64Array(acks);
  let next = 0;
  const submitter = async (): Promise<void> => {
    while (next < acks) {
      const number = next;
      next += 1;
      const started = performance.now();
      await running.append(body, keys[number] ?? '');
      tookMs[number] = performance.now() - started;
    }
  };
  await Promise.all(Array.from({ length: load.submitters }, submitter));
  return tookMs;
}
