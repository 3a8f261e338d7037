/** Ways to bring deferred batches into a SQLite table, each prepared first and then timed. */
import { setTimeout as pause } from 'node:timers/promises';
import { defaultChain } from '../../src/assembly/default-chain.ts';
import { createFallback, type Fallback } from '../../src/assembly/fallback.ts';
import { openReconciler, type WorkerSettings } from '../../src/assembly/reconciler.ts';
import type { Chain } from '../../src/chain/chain.ts';
import { EventBus } from '../../src/core/events.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import { functionSink } from '../../src/sinks/function-sink.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { sqliteSink } from '../../src/sinks/sqlite-sink.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { telemetryLines } from '../telemetry-records.ts';
import { CHAIN, plainSchema } from './backlog.ts';

export interface Prepared {
  /** What is timed. */
  drain(): Promise<unknown>;
  close(): Promise<void>;
  /** Anything else that was measured meanwhile. */
  extra?(): Readonly<Record<string, number>>;
}

/** A worker as `tierfall worker` opens it. */
export async function replay(dir: string, sink: Sink, worker: WorkerSettings): Promise<Prepared> {
  const schema = plainSchema();
  const chain = (journal: Pick<Journal, 'append'>): Chain =>
    defaultChain({ name: CHAIN, sink, schema, journal, keepOriginal: false }).forReplay();
  const machine = {
    clock: systemClock,
    random: systemRandom,
    fs: nodeFileSystem,
    bus: new EventBus(),
    metrics: createMetrics(CHAIN),
  };
  const reconciler = await openReconciler({ dir, chain: CHAIN, replay: chain, sink, schema, worker }, machine);
  return {
    drain: async () => {
      const { drained, done } = await reconciler.worker.drain();
      if (!drained || done.quarantined > 0 || done.postponed > 0) throw new Error(JSON.stringify(done));
    },
    close: async () => {
      await reconciler.close();
      await sink.close?.();
    },
  };
}

export function replayIntoSqlite(dir: string, file: string, worker: WorkerSettings): Promise<Prepared> {
  return replay(dir, sqliteSink({ file, table: 't' }), worker);
}

/** A target that answers each request after `latencyMs`. */
export function latentSink(latencyMs: number): Sink {
  return functionSink(() => pause(latencyMs), { name: 'latent', idempotent: true });
}

const LIVE_EVERY_MS = 5;
const LIVE_ROWS = 20;

/** A pipeline whose worker drains while batches of keys that have nothing deferred go on arriving. */
export async function replayUnderLoad(dir: string, file: string): Promise<Prepared> {
  const sink = sqliteSink({ file, table: 't' });
  const options = { name: CHAIN, dir, sink, schema: plainSchema(), worker: { pace: {} } } as const;
  const bodies = telemetryLines({ count: LIVE_ROWS, drift: 0, isAscii: true }).join('\n');
  const latencies: number[] = [];
  let fallback: Fallback | undefined;
  return {
    drain: async () => {
      fallback = await createFallback(options);
      const ended = new AbortController();
      const live = submitLive(fallback, bodies, ended.signal, latencies);
      await fallback.reconcile();
      ended.abort();
      await live;
    },
    extra: () => ({ p99Ms: percentile(latencies, 0.99), landed: latencies.length }),
    close: async () => {
      await fallback?.close();
      await sink.close();
    },
  };
}

/**
 * Keeps to its timetable, whatever becomes of a batch; a latency counts from when the batch was due. While the pipeline
 * still finds out which keys have something deferred, it takes all of them for such: those are not counted.
 */
async function submitLive(
  fallback: Fallback,
  body: string,
  ended: AbortSignal,
  latencies: number[],
): Promise<void> {
  const startedMs = performance.now();
  const landings: Promise<void>[] = [];
  for (let n = 0; !ended.aborted; n += 1) {
    const dueMs = startedMs + n * LIVE_EVERY_MS;
    await pause(Math.max(0, dueMs - performance.now()));
    const batch = { id: `live-${n}`, format: 'ndjson', body, orderingKey: `live-${n % 500}` } as const;
    const landing = fallback.submit(batch).then(({ delivered }) => {
      if (delivered === LIVE_ROWS) latencies.push(performance.now() - dueMs);
    });
    landings.push(landing);
  }
  await Promise.all(landings);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
