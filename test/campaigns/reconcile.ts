/**
 * A two-hour outage in short: records of many ordering keys are deferred, two worker processes bring them back from a
 * queue in Redis while one of them is killed every few seconds, Redis is flushed half way, and the writer goes on. Then the
 * table of the sink is looked at from outside: every record once, and those of each key in the order they were submitted.
 */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Clock } from '../../src/core/clock.ts';
import { createFallback, type Fallback, fromJsonSchema, sqliteSink } from '../../src/index.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import type { CommandProcess } from '../integration/command-process.ts';
import type { Sent } from './disorder.ts';
import { openStage, type Stage } from './stage.ts';

export interface ReconcileCampaign {
  readonly records: number;
  readonly keys: number;
  readonly rowsPerBatch: number;
  /** Batches a second once the sink is back. */
  readonly liveBatchesPerSecond: number;
  readonly killEveryMs: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface CampaignResult {
  /** What is wrong, in words; empty when all is well. */
  readonly faults: readonly string[];
  readonly deferred: number;
  readonly kills: number;
  readonly drainMs: number;
  /** From submit to delivery, of batches whose key has no backlog, while the others were brought back. */
  readonly freshnessP99Ms: number;
}

/** Parts of all batches before the sink goes away, and until it is back. */
const BEFORE = 0.1;
const UNTIL_BACK = 0.7;
/** Every so many batches, outside the outage, is of a key that never has a backlog. */
const LIVE_EVERY = 10;
const LIVE_KEYS = 40;
/** Part of all records from which on nothing is disturbed; less than are there before the last live batch. */
const DISTURBED_UNTIL = 0.9;
const LOOK_EVERY_MS = 25;
const PROBE_EVERY_MS = 500;
const OUTAGE_MS = 7_200_000;
/** About how many records a second are submitted while the sink is away. */
const DEFERRED_PER_SECOND = 20_000;
const DRAINED_WITHIN_MS = 1_800_000;
const SCHEMA = {
  type: 'object',
  properties: {
    key: { type: 'string' },
    n: { type: 'integer', minimum: 0, maximum: 2 ** 53 - 1 },
    reading: { type: 'number' },
  },
  required: ['key', 'n', 'reading'],
} as const;

class Campaign {
  readonly #options: ReconcileCampaign;
  readonly #stage: Stage;
  readonly #random: () => number;
  readonly #sent: Sent = new Map();
  readonly #workers: CommandProcess[] = [];
  readonly #freshMs: number[] = [];
  #deferred = 0;
  #kills = 0;

  constructor(options: ReconcileCampaign, stage: Stage) {
    this.#options = options;
    this.#stage = stage;
    this.#random = seededRandom(options.seed);
  }

  async run(): Promise<CampaignResult> {
    const { records, rowsPerBatch, say } = this.#options;
    const batches = Math.ceil(records / rowsPerBatch);
    const wall = compressedClock((OUTAGE_MS * DEFERRED_PER_SECOND) / (records * 1_000));
    const fallback = await this.#open(wall);
    await this.#submit(fallback, 0, Math.floor(batches * BEFORE));
    const unlock = this.#lockSink();
    this.#workers.push(this.#stage.startWorker(), this.#stage.startWorker());
    await this.#submit(fallback, Math.floor(batches * BEFORE), Math.floor(batches * UNTIL_BACK));
    await fallback.flush();
    say(`deferred ${this.#deferred} of ${records} records, the sink is back`);
    unlock();
    const startedMs = performance.now();
    const disturbing = this.#disturb(records);
    await this.#untilLive(fallback);
    await this.#submitAtPace(fallback, Math.floor(batches * UNTIL_BACK), batches);
    await fallback.flush();
    await disturbing;
    await this.#untilLanded();
    const drainMs = performance.now() - startedMs;
    await fallback.close();
    for (const worker of this.#workers) worker.kill('SIGTERM');
    for (const worker of this.#workers) await worker.ended();
    const faults = await this.#stage.judge(this.#sent, say);
    const freshnessP99Ms = quantile(this.#freshMs, 0.99);
    return { faults, deferred: this.#deferred, kills: this.#kills, drainMs, freshnessP99Ms };
  }

  #open(clock: Clock): Promise<Fallback> {
    return createFallback({
      dir: this.#stage.dir,
      sink: sqliteSink({ file: this.#stage.sinkFile, table: 'records' }),
      schema: fromJsonSchema(SCHEMA),
      queue: this.#stage.redis.url,
      worker: false,
      retry: { attemptsMax: 1 },
      clock,
    });
  }

  #lockSink(): () => void {
    const database = new DatabaseSync(this.#stage.sinkFile);
    database.exec('BEGIN IMMEDIATE');
    return () => {
      database.exec('ROLLBACK');
      database.close();
    };
  }

  #batchOf(number: number, isOutage: boolean) {
    const { keys, rowsPerBatch } = this.#options;
    const isLive = !isOutage && number % LIVE_EVERY === 0;
    const key = isLive ? `live-${number % (LIVE_KEYS * LIVE_EVERY)}` : `device-${number % keys}`;
    const from = this.#sent.get(key) ?? 0;
    this.#sent.set(key, from + rowsPerBatch);
    const rows = Array.from({ length: rowsPerBatch }, (_, row) =>
      JSON.stringify({ key, n: from + row, reading: Math.round(this.#random() * 1e6) / 1e3 }),
    );
    return { isLive, input: { body: rows.join('\n'), format: 'ndjson', orderingKey: key } as const };
  }

  async #submit(fallback: Fallback, from: number, to: number): Promise<void> {
    const isOutage = from > 0;
    const batches = (function* (campaign: Campaign) {
      for (let number = from; number < to; number += 1) yield campaign.#batchOf(number, isOutage).input;
    })(this);
    for await (const receipt of fallback.run(batches, { inFlightMax: 256 })) this.#deferred += receipt.deferred;
  }

  /** Keys without a backlog are to have none from the seconds in which the writer does not know yet that the sink is back. */
  async #untilLive(fallback: Fallback): Promise<void> {
    const { rowsPerBatch } = this.#options;
    for (let probe = 0; ; probe += 1) {
      const key = `probe-${probe}`;
      this.#sent.set(key, rowsPerBatch);
      const rows = Array.from({ length: rowsPerBatch }, (_, n) => JSON.stringify({ key, n, reading: 0 }));
      const { deferred } = await fallback.submit({ body: rows.join('\n'), format: 'ndjson' });
      this.#deferred += deferred;
      if (deferred === 0) return;
      await pause(PROBE_EVERY_MS);
    }
  }

  /** As live traffic comes: whether the ones before have landed or not. */
  async #submitAtPace(fallback: Fallback, from: number, to: number): Promise<void> {
    const { liveBatchesPerSecond } = this.#options;
    const startedMs = performance.now();
    const landing: Promise<void>[] = [];
    for (let number = from; number < to; number += 1) {
      const dueMs = startedMs + ((number - from) / liveBatchesPerSecond) * 1_000;
      if (dueMs > performance.now()) await pause(dueMs - performance.now());
      const { input, isLive } = this.#batchOf(number, false);
      const submittedMs = performance.now();
      landing.push(
        fallback.submit(input).then((receipt) => {
          this.#deferred += receipt.deferred;
          if (isLive && receipt.delivered > 0) this.#freshMs.push(performance.now() - submittedMs);
        }),
      );
    }
    await Promise.all(landing);
  }

  /** Kills one worker after the other, and flushes Redis once half of the records have landed. */
  async #disturb(records: number): Promise<void> {
    const { killEveryMs, say } = this.#options;
    let isFlushed = false;
    let killMs = performance.now() + killEveryMs;
    let landedBefore = this.#stage.landed();
    for (let landed = this.#stage.landed(); landed < records * DISTURBED_UNTIL; landed = this.#stage.landed()) {
      if (!isFlushed && landed >= records / 2) {
        await this.#stage.redis.client().flushall();
        isFlushed = true;
        say('Redis was flushed');
      }
      // Whoever is killed before it has begun only shows how long a start takes.
      if (performance.now() >= killMs && landed > landedBefore) {
        killMs = performance.now() + killEveryMs;
        landedBefore = landed;
        say(`${landed} of ${records} records landed`);
        this.#workers.shift()?.kill('SIGKILL');
        this.#kills += 1;
        this.#workers.push(this.#stage.startWorker());
      }
      await pause(LOOK_EVERY_MS);
    }
    if (!isFlushed || this.#kills === 0) throw new Error('the drain was over before anything was done to it');
  }

  async #untilLanded(): Promise<void> {
    const sent = [...this.#sent.values()].reduce((sum, count) => sum + count, 0);
    const deadlineMs = performance.now() + DRAINED_WITHIN_MS;
    while (this.#stage.landed() < sent && performance.now() < deadlineMs) await pause(200);
  }
}

/** The wall clock runs ahead, so that what is deferred seems to have come over hours. */
function compressedClock(factor: number): Clock {
  const startedMs = Date.now() - OUTAGE_MS;
  const originMs = systemClock.now();
  return {
    ...systemClock,
    wallNow: () => Math.min(Date.now(), startedMs + (systemClock.now() - originMs) * factor),
  };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export async function runReconcileCampaign(options: ReconcileCampaign): Promise<CampaignResult> {
  await using stage = await openStage('campaign', SCHEMA);
  return await new Campaign(options, stage).run();
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '1000000' },
      keys: { type: 'string', default: '5000' },
      'live-rate': { type: 'string', default: '200' },
      'kill-every-ms': { type: 'string', default: '4000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const result = await runReconcileCampaign({
    records: Number(values.records),
    keys: Number(values.keys),
    rowsPerBatch: 20,
    liveBatchesPerSecond: Number(values['live-rate']),
    killEveryMs: Number(values['kill-every-ms']),
    seed: Number(values.seed),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const { faults, deferred, kills, drainMs, freshnessP99Ms } = result;
  process.stdout.write(
    `${faults.length === 0 ? 'all there, once, in order' : faults.join('\n')}\n` +
      `${deferred} records deferred, ${kills} workers killed, drained in ${Math.round(drainMs / 1_000)} s, ` +
      `live batches delivered within ${Math.round(freshnessP99Ms)} ms (p99)\n`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}
