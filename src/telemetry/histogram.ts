/**
 * A latency histogram whose `record` costs a few nanoseconds: 16 buckets per power of two from 1 µs to 1 h,
 * found by counting leading zeros, beside exact counts for the boundaries that Prometheus is given.
 *
 * H1 a value in range lies in its bucket exactly (truncation never crosses a bound), so a quantile is within 6.25 %
 * of the recorded value. H2 below 1 µs the buckets are 1/16 µs wide; values above 1 h count as 1 h. H3 the counts
 * per boundary are exact: a value equal to a boundary is counted in it.
 */

/** Upper bounds given to Prometheus, in milliseconds, beside infinity. */
export const BOUNDARIES_MS = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
] as const;

const SUB_BITS = 4;
const SUB_BUCKETS = 1 << SUB_BITS;
/** Counted in 1/16 µs, so that the first full power of two with 16 buckets starts at 1 µs. */
const UNITS_PER_MS = 16_000;
const HOUR_MS = 3_600_000;
const UINT32_SPAN = 2 ** 32;
const BUCKETS = 33 * SUB_BUCKETS;

/** Lower bound of a bucket in units; also the upper bound of the one before. */
function lowerUnits(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const power = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (SUB_BUCKETS + (bucket % SUB_BUCKETS)) * 2 ** power;
}

/**
 * The boundary inside each bucket, or infinity: only there does a bucket not say on which side a value was, and
 * only there does `record` count twice.
 */
const BOUND_INSIDE = Float64Array.from({ length: BUCKETS }, (_, bucket) => {
  const [lower, upper] = [lowerUnits(bucket), lowerUnits(bucket + 1)];
  const inside = BOUNDARIES_MS.find((bound) => bound * UNITS_PER_MS >= lower && bound * UNITS_PER_MS < upper);
  return inside ?? Number.POSITIVE_INFINITY;
});

function bucketOf(ms: number): number {
  const units = ms * UNITS_PER_MS;
  // Above 2^32 units (4.5 minutes) the low bits no longer matter for the bucket, and clz32 needs 32 bits.
  const shift = units < UINT32_SPAN ? 0 : SUB_BITS;
  const value = (shift === 0 ? units : units / SUB_BUCKETS) >>> 0;
  if (value < SUB_BUCKETS) return value;
  const power = 31 - SUB_BITS - Math.clz32(value);
  return (power + shift + 1) * SUB_BUCKETS + ((value >>> power) & (SUB_BUCKETS - 1));
}

/** Latencies of one series; all times in milliseconds. */
export class LogLinearHistogram {
  // Float64 counts, because 32 bits overflow within an hour at a million records per second.
  readonly #buckets = new Float64Array(BUCKETS);
  /** Values above the boundary inside their bucket. */
  readonly #above = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #max = 0;

  /** Counts one latency. Negative and NaN count as 0, more than an hour counts as an hour. */
  record(ms: number): void {
    const value = ms > 0 ? Math.min(ms, HOUR_MS) : 0;
    const bucket = bucketOf(value);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    if (value > (BOUND_INSIDE[bucket] ?? 0)) this.#above[bucket] = (this.#above[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  /** Values recorded. */
  get count(): number {
    return this.#count;
  }

  /** Sum of the values recorded, in milliseconds. */
  get sum(): number {
    return this.#sum;
  }

  /** The largest value recorded, in milliseconds; 0 when there is none. */
  get max(): number {
    return this.#max;
  }

  /**
   * The latency that a share `q` (0 to 1) of the values does not exceed, in milliseconds, within 6.25 %; 0 when
   * nothing was recorded.
   */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(Math.min(1, q) * this.#count));
    if (rank >= this.#count) return this.#max;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#buckets[bucket] ?? 0;
      if (seen < rank) continue;
      const middle = (lowerUnits(bucket) + lowerUnits(bucket + 1)) / 2 / UNITS_PER_MS;
      return Math.min(middle, this.#max);
    }
    return 0;
  }

  /** Values at or below each of `BOUNDARIES_MS`, then all of them. */
  cumulative(): readonly number[] {
    const counts: number[] = [];
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = this.#buckets[bucket] ?? 0;
      if (BOUND_INSIDE[bucket] !== Number.POSITIVE_INFINITY)
        counts.push(below + count - (this.#above[bucket] ?? 0));
      below += count;
    }
    return [...counts, below];
  }

  /** Adds the values of another histogram, as if they had been recorded here. */
  merge(other: LogLinearHistogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + (other.#buckets[bucket] ?? 0);
      this.#above[bucket] = (this.#above[bucket] ?? 0) + (other.#above[bucket] ?? 0);
    }
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
  }
}
