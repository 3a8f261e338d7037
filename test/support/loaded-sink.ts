/**
 * A sink with a limit, on a clock of its own choice: it bears so many rows per second and then falls off a cliff, or
 * serves so many requests at once and lets the others queue.
 */
import type { Clock } from '../../src/core/clock.ts';
import { SinkError } from '../../src/core/errors.ts';
import type { Reason } from '../../src/core/reason.ts';
import type { Sink, SinkRecord, WriteRequest, WriteResult } from '../../src/sinks/sink.ts';

export interface Load {
  /** Rows per second that were offered over the last half second, those of this request counted. */
  readonly offeredPerSecond: number;
  /** Requests that are being served, this one counted. */
  readonly inFlight: number;
}

/** What becomes of a request: it takes so long, and then lands or fails. */
export interface Fate {
  readonly latencyMs: number;
  readonly reason?: Reason;
  readonly retryAfterMs?: number;
}

const SPAN_MS = 500;

export class LoadedSink implements Sink {
  readonly name = 'loaded';
  readonly accepts = 'records' as const;
  readonly idempotent = true;
  readonly settlesOnAbort = false;
  /** When each record landed first, by its `id`. */
  readonly landedMs = new Map<unknown, number>();
  readonly #keys = new Set<string>();
  readonly #clock: Clock;
  readonly #decide: (load: Load) => Fate;
  readonly #offered: { readonly atMs: number; readonly rows: number }[] = [];
  requests = 0;
  failures = 0;
  inFlight = 0;
  inFlightPeak = 0;

  constructor(clock: Clock, decide: (load: Load) => Fate) {
    this.#clock = clock;
    this.#decide = decide;
  }

  get rows(): number {
    return this.#keys.size;
  }

  async write({ keys, records }: WriteRequest): Promise<WriteResult | undefined> {
    this.requests += 1;
    this.inFlight += 1;
    this.inFlightPeak = Math.max(this.inFlightPeak, this.inFlight);
    const { latencyMs, reason, retryAfterMs } = this.#decide(this.#load(keys.length));
    await new Promise<void>((resolve) => this.#clock.schedule(latencyMs, resolve, { keepAlive: true }));
    this.inFlight -= 1;
    if (reason !== undefined) {
      this.failures += 1;
      throw new SinkError(reason, 'too much', retryAfterMs === undefined ? {} : { retryAfterMs });
    }
    this.#land(keys, records ?? []);
    return undefined;
  }

  async lookup(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(keys.filter((key) => this.#keys.has(key)));
  }

  #land(keys: readonly string[], records: readonly SinkRecord[]): void {
    for (const [at, key] of keys.entries()) {
      if (this.#keys.has(key)) continue;
      this.#keys.add(key);
      this.landedMs.set(records[at]?.['id'], this.#clock.now());
    }
  }

  #load(rows: number): Load {
    const nowMs = this.#clock.now();
    this.#offered.push({ atMs: nowMs, rows });
    while ((this.#offered[0]?.atMs ?? nowMs) <= nowMs - SPAN_MS) this.#offered.shift();
    const offered = this.#offered.reduce((sum, offer) => sum + offer.rows, 0);
    return { offeredPerSecond: (offered * 1_000) / SPAN_MS, inFlight: this.inFlight };
  }
}
