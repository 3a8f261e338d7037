/** A whole pipeline on a clock that is moved by hand: a backlog from an outage is drained while live batches go on. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createFallback, type Fallback } from '../../src/assembly/fallback.ts';
import type { WorkerSettings } from '../../src/assembly/reconciler.ts';
import { EventBus } from '../../src/core/events.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { type Fate, type Load, LoadedSink } from '../support/loaded-sink.ts';

export interface Scenario {
  readonly worker: WorkerSettings;
  /** How the sink behaves once it is back. */
  readonly decide: (load: Load) => Fate;
  readonly backlog: { readonly batches: number; readonly rows: number; readonly keys: number };
  /** One batch of so many rows every so often; none when absent. */
  readonly live?: { readonly everyMs: number; readonly rows: number };
  readonly seed: number;
  /** Virtual time after which it is given up. @default 600_000 */
  readonly limitMs?: number;
  /** Called every step once the sink is back. */
  readonly watch?: (fallback: Fallback, sink: LoadedSink, sinceMs: number) => void;
}

export interface Drained {
  readonly isDrained: boolean;
  readonly drainMs: number;
  /** Circuits that opened after the sink was back, as `chain/tier`. */
  readonly opened: readonly string[];
  readonly paused: number;
  /** Milliseconds from `submit` to the sink, of live batches, sorted. */
  readonly freshnessMs: readonly number[];
  readonly liveSubmitted: number;
  readonly sink: LoadedSink;
}

const STEP_MS = 10;
const AWAY: Fate = { latencyMs: 5, reason: 'unavailable' };

export async function drainAfterOutage(scenario: Scenario): Promise<Drained> {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tierfall-pacing-'));
  mkdirSync(join(directory, 'journal'));
  try {
    return await new Drain(scenario, directory).run();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

class Drain {
  readonly #scenario: Scenario;
  readonly #directory: string;
  readonly #clock = new ManualClock();
  readonly #bus = new EventBus();
  readonly #opened: string[] = [];
  readonly #submittedMs = new Map<string, number>();
  readonly #sink: LoadedSink;
  #isBack = false;
  /** The live circuit has closed: what was submitted before went the way of the outage. */
  #isLive = false;
  #paused = 0;

  constructor(scenario: Scenario, directory: string) {
    this.#scenario = scenario;
    this.#directory = directory;
    this.#sink = new LoadedSink(this.#clock, (load) => (this.#isBack ? scenario.decide(load) : AWAY));
    this.#bus.on('circuitOpened', ({ chain, tier }) => this.#isBack && this.#opened.push(`${chain}/${tier}`));
    this.#bus.on('replayPaused', () => {
      if (this.#isBack) this.#paused += 1;
    });
  }

  async run(): Promise<Drained> {
    const fallback = await this.#until(this.#open());
    await this.#until(this.#defer(fallback));
    this.#isBack = true;
    const startedMs = this.#clock.now();
    const isDrained = await this.#drain(fallback, startedMs);
    const drainMs = this.#clock.now() - startedMs;
    const opened = [...this.#opened];
    const freshnessMs = this.#freshness();
    await this.#until(fallback.close());
    const liveSubmitted = this.#submittedMs.size;
    return { isDrained, drainMs, opened, paused: this.#paused, freshnessMs, liveSubmitted, sink: this.#sink };
  }

  #open(): Promise<Fallback> {
    const { worker, seed } = this.#scenario;
    return createFallback({
      dir: this.#directory,
      sink: this.#sink,
      fs: new MemoryFileSystem(),
      clock: this.#clock,
      random: seededRandom(seed),
      bus: this.#bus,
      worker,
    });
  }

  async #defer(fallback: Fallback): Promise<void> {
    const { batches, rows, keys } = this.#scenario.backlog;
    for (let n = 0; n < batches; n += 1) {
      await fallback.submit({ ...batchOf(`old-${n}`, rows), orderingKey: `key-${n % keys}` });
    }
    await fallback.flush();
  }

  async #drain(fallback: Fallback, startedMs: number): Promise<boolean> {
    const { limitMs = 600_000, live, watch, backlog } = this.#scenario;
    let nextLiveMs = startedMs;
    for (;;) {
      const nowMs = this.#clock.now();
      if (nowMs - startedMs > limitMs) return false;
      this.#isLive ||= fallback.engine.breaker('primary')?.circuit === 'closed';
      if (live && nowMs >= nextLiveMs) {
        this.#submit(fallback, live.rows);
        nextLiveMs += live.everyMs;
      }
      watch?.(fallback, this.#sink, nowMs - startedMs);
      if (this.#oldLanded === backlog.batches * backlog.rows) return true;
      await this.#clock.advance(STEP_MS);
      await nextTurn();
    }
  }

  get #oldLanded(): number {
    return this.#sink.rows - this.#liveLanded;
  }

  get #liveLanded(): number {
    let count = 0;
    for (const id of this.#submittedMs.keys()) if (this.#sink.landedMs.has(`${id}/0`)) count += 1;
    return count * (this.#scenario.live?.rows ?? 0);
  }

  #submit(fallback: Fallback, rows: number): void {
    const id = `live-${this.#submittedMs.size}`;
    this.#submittedMs.set(id, this.#isLive ? this.#clock.now() : Number.NaN);
    void fallback.submit(batchOf(id, rows)).catch(() => undefined);
  }

  /** Batches of the last two seconds may be under way still. */
  #freshness(): readonly number[] {
    const nowMs = this.#clock.now();
    const found = [...this.#submittedMs].flatMap(([id, submittedMs]) => {
      const landedMs = this.#sink.landedMs.get(`${id}/0`);
      if (Number.isNaN(submittedMs)) return [];
      if (landedMs === undefined && nowMs - submittedMs < 2_000) return [];
      return [(landedMs ?? Number.POSITIVE_INFINITY) - submittedMs];
    });
    return found.sort((a, b) => a - b);
  }

  async #until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    while (!isSettled) {
      await this.#clock.advance(STEP_MS);
      await nextTurn();
    }
    return settled;
  }
}

function batchOf(id: string, rows: number): { id: string; format: 'ndjson'; body: string } {
  const lines = Array.from({ length: rows }, (_, row) => `{"id":"${id}/${row}"}`);
  return { id, format: 'ndjson', body: `${lines.join('\n')}\n` };
}

/** The value below which 99 of 100 are. */
export function p99(sorted: readonly number[]): number {
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}
