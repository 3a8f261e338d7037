/**
 * A drain over a Redis to which something happens all the time. A writer keeps deferring records of many ordering keys, two
 * worker processes bring them back, and one after the other Redis is killed, flushed, robbed of keys, stopped, put back by a
 * second or replaced by an empty one, or its connections are cut; meanwhile somebody puts forged jobs into the queue. Then the
 * table of the sink is looked at from outside: every record once, those of each key in the order they were submitted, and
 * nothing else.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import { createFallback, type Fallback, fromJsonSchema, memorySink } from '../../src/index.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import type { CommandProcess } from '../integration/command-process.ts';
import type { Sent } from './disorder.ts';
import { FORGERY_NAMES, forge, type JobAt } from './forged-jobs.ts';
import { TROUBLE_NAMES, TROUBLES, type TroubleName } from './redis-trouble.ts';
import { openStage, type Stage } from './stage.ts';

export interface RedisCampaign {
  /** What happens to Redis: each name once, then as chance will have it. */
  readonly events: number;
  readonly keys: number;
  readonly seed: number;
  /** The longest that Redis may stand still, in milliseconds. */
  readonly pauseMaxMs: number;
  /** Jobs that are forged before an event, at most. */
  readonly forgedMax: number;
  /** @default all of them */
  readonly only?: readonly TroubleName[];
  readonly say: (line: string) => void;
}

export interface RedisCampaignResult {
  /** What is wrong, in words; empty when all is well. */
  readonly faults: readonly string[];
  readonly events: Readonly<Record<string, number>>;
  readonly forged: Readonly<Record<string, number>>;
  /** Jobs that workers threw out. */
  readonly thrownOut: number;
  readonly records: number;
  /** From the first event to the last record. */
  readonly tookMs: number;
  /** From the last event to the last record. */
  readonly drainMs: number;
}

const ROWS = 5;
/** Batches that are deferred at once, and so share the objects that they become. */
const BURST = 60;
/** Records that wait at least, so that every event finds a drain that is under way. */
const BACKLOG_ROWS = 6 * BURST * ROWS;
/** A burst comes all the same, so that something is always announced. */
const BURST_EVERY_MS = 2_000;
/** Every so many events the next one does not wait until records land again. */
const HASTY = 0.25;
const LANDS_WITHIN_MS = 20_000;
const DRAINED_WITHIN_MS = 600_000;
const SCHEMA = {
  type: 'object',
  properties: { key: { type: 'string' }, n: { type: 'integer', minimum: 0, maximum: 2 ** 53 - 1 } },
  required: ['key', 'n'],
} as const;

class Campaign {
  readonly #options: RedisCampaign;
  readonly #stage: Stage;
  readonly #control: Redis;
  readonly #random: () => number;
  readonly #sent: Sent = new Map();
  readonly #workers: CommandProcess[] = [];
  readonly #events = new Map<string, number>();
  readonly #forged = new Map<string, number>();
  readonly #faults: string[] = [];
  readonly #seen: JobAt[] = [];
  #batches = 0;
  #isWriting = true;
  #isOver = false;

  constructor(options: RedisCampaign, stage: Stage) {
    this.#options = options;
    this.#stage = stage;
    this.#control = stage.redis.client();
    this.#random = seededRandom(options.seed);
  }

  async run(): Promise<RedisCampaignResult> {
    const { say } = this.#options;
    const fallback = await this.#open();
    const writing = this.#write(fallback);
    this.#workers.push(this.#startWorker(), this.#startWorker());
    await this.#untilLanded(1);
    const startedMs = performance.now();
    await this.#trouble();
    const calmMs = performance.now();
    this.#isWriting = false;
    await writing;
    await fallback.close();
    const records = this.#batches * ROWS;
    say(`${records} records were deferred; nothing more happens`);
    await this.#untilLanded(records);
    const endedMs = performance.now();
    this.#isOver = true;
    for (const worker of this.#workers) worker.kill('SIGTERM');
    for (const worker of this.#workers) await worker.ended();
    const faults = [...this.#faults, ...(await this.#stage.judge(this.#sent, say))];
    if (faults.length > 0) say(this.#workers.map(({ stderr }) => stderr.slice(-4_000)).join('\n--\n'));
    return {
      ...{ faults, records, thrownOut: this.#thrownOut() },
      events: Object.fromEntries(this.#events),
      forged: Object.fromEntries(this.#forged),
      tookMs: endedMs - startedMs,
      drainMs: endedMs - calmMs,
    };
  }

  close(): void {
    this.#isOver = true;
    this.#isWriting = false;
  }

  #open(): Promise<Fallback> {
    const sink = flakySink(memorySink());
    sink.down('unavailable');
    return createFallback({
      dir: this.#stage.dir,
      sink,
      schema: fromJsonSchema(SCHEMA),
      queue: this.#stage.redis.url,
      worker: false,
      retry: { attemptsMax: 1 },
    });
  }

  #startWorker(): CommandProcess {
    const worker = this.#stage.startWorker();
    void worker.ended().then(({ code, signal }) => {
      if (!this.#isOver) this.#faults.push(`a worker ended (${code ?? signal}): ${worker.stderr.slice(-500)}`);
    });
    return worker;
  }

  async #write(fallback: Fallback): Promise<void> {
    let burstMs = 0;
    while (this.#isWriting) {
      const isShort = this.#batches * ROWS - this.#stage.landed() < BACKLOG_ROWS;
      if (isShort || performance.now() - burstMs > BURST_EVERY_MS) {
        burstMs = performance.now();
        await Promise.all(Array.from({ length: BURST }, () => this.#defer(fallback)));
        await fallback.flush();
      } else await pause(20);
    }
  }

  async #defer(fallback: Fallback): Promise<void> {
    const key = `device-${this.#batches % this.#options.keys}`;
    this.#batches += 1;
    const from = this.#sent.get(key) ?? 0;
    this.#sent.set(key, from + ROWS);
    const rows = Array.from({ length: ROWS }, (_, row) => JSON.stringify({ key, n: from + row }));
    const receipt = await fallback.submit({ body: rows.join('\n'), format: 'ndjson', orderingKey: key });
    if (receipt.deferred !== ROWS) this.#faults.push(`${receipt.deferred} of ${ROWS} records were deferred`);
  }

  /** One event after the other, each with some forged jobs in front. */
  async #trouble(): Promise<void> {
    const { events, pauseMaxMs, say } = this.#options;
    const context = { redis: this.#stage.redis, control: this.#control, random: this.#random, pauseMaxMs };
    for (const [at, name] of this.#programme(events).entries()) {
      await this.#forgeSome();
      const landed = this.#stage.landed();
      say(`${at + 1}/${events} ${name}: ${landed} of ${this.#batches * ROWS} records landed`);
      await TROUBLES[name](context);
      this.#events.set(name, (this.#events.get(name) ?? 0) + 1);
      if (this.#random() < HASTY) continue;
      await this.#untilLanded(landed + 1, LANDS_WITHIN_MS);
      await pause(this.#random() * 1_000);
    }
  }

  #programme(events: number): readonly TroubleName[] {
    const { only: names = TROUBLE_NAMES } = this.#options;
    const pick = (): TroubleName => names[Math.floor(this.#random() * names.length)] ?? 'flush';
    const each = names.map((name) => ({ name, at: this.#random() })).toSorted((a, b) => a.at - b.at);
    return Array.from({ length: events }, (_, at) => each[at]?.name ?? pick());
  }

  async #forgeSome(): Promise<void> {
    const context = { control: this.#control, random: this.#random, seen: this.#seen };
    const count = Math.floor(this.#random() * (this.#options.forgedMax + 1));
    for (let n = 0; n < count; n += 1) {
      const name = FORGERY_NAMES[Math.floor(this.#random() * FORGERY_NAMES.length)];
      if (name && (await forge(name, context))) this.#forged.set(name, (this.#forged.get(name) ?? 0) + 1);
    }
  }

  async #untilLanded(records: number, withinMs = DRAINED_WITHIN_MS): Promise<void> {
    const deadlineMs = performance.now() + withinMs;
    while (this.#stage.landed() < records && performance.now() < deadlineMs) await pause(25);
  }

  #thrownOut(): number {
    return this.#workers.reduce((sum, { stderr }) => sum + stderr.split('it was thrown out').length - 1, 0);
  }
}

export async function runRedisCampaign(options: RedisCampaign): Promise<RedisCampaignResult> {
  await using stage = await openStage('redis-events', SCHEMA);
  const campaign = new Campaign(options, stage);
  try {
    return await campaign.run();
  } finally {
    campaign.close();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '300' },
      keys: { type: 'string', default: '120' },
      seed: { type: 'string', default: '1' },
      'pause-max-ms': { type: 'string', default: '8000' },
      'forged-max': { type: 'string', default: '4' },
      only: { type: 'string', default: TROUBLE_NAMES.join(',') },
    },
  });
  const { faults, events, forged, thrownOut, records, tookMs, drainMs } = await runRedisCampaign({
    events: Number(values.events),
    keys: Number(values.keys),
    seed: Number(values.seed),
    pauseMaxMs: Number(values['pause-max-ms']),
    forgedMax: Number(values['forged-max']),
    only: TROUBLE_NAMES.filter((name) => values.only.split(',').includes(name)),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const counted = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  process.stdout.write(
    `${faults.length === 0 ? 'all there, once, in order' : faults.join('\n')}\n` +
      `${records} records in ${Math.round(tookMs / 1_000)} s, the last ${Math.round(drainMs / 1_000)} s of it in peace\n` +
      `events: ${counted(events)}\nforged: ${counted(forged)}; ${thrownOut} thrown out\n`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}
