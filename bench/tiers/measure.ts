/** Latencies of one subject under a closed loop of lanes, and their percentiles. */

/** A subject that is open: takes one body at a time per lane. */
export interface Running {
  /** @returns the latency to record, in milliseconds; undefined records that of the whole call */
  take(body: Uint8Array): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Smallest value that at least `share` of all values do not exceed. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function percentilesOf(latencies: Float64Array): Percentiles {
  const sorted = latencies.toSorted();
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
}

/** The first `warmUp` bodies open files and tables and are not recorded. */
export async function measure(
  running: Running,
  bodies: readonly Uint8Array[],
  lanes: number,
  warmUp: number,
): Promise<Percentiles> {
  for (const body of bodies.slice(0, warmUp)) await running.take(body);
  const latencies = new Float64Array(bodies.length - warmUp);
  let next = warmUp;
  const lane = async (): Promise<void> => {
    while (next < bodies.length) {
      const at = next;
      next += 1;
      const started = performance.now();
      const own = await running.take(bodies[at] as Uint8Array);
      latencies[at - warmUp] = own ?? performance.now() - started;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return percentilesOf(latencies);
}
