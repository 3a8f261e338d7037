/**
 * The queue in Redis, on BullMQ, for workers on any number of machines. Holds the promises Q1 to Q5 of the port.
 *
 * M1 each lane is a queue of BullMQ with a global concurrency of 1: whoever takes its head holds the lane. M2 a claim is
 * the lock of BullMQ under the name of the claim, so a worker that lost its lease can speak for nobody; jobs whose
 * lock ran out are put back by the next claim. M3 a lane runs in the order of its scores (scripts.ts); a postponed
 * head is put back and its lane rate-limited, so nothing overtakes it. M4 nothing is claimed from a Redis that may have
 * forgotten: after FLUSHALL, when single keys were evicted, after each new connection of this client, and when somebody says
 * that jobs were not announced, a sweep fills it first. M5 a job that is
 * not what this package announces is thrown out when it is claimed, and one that the store belies when it is
 * postponed: the sweep that follows announces what the store has.
 *
 *     {<namespace>:<chain>}:lane-<n>:…   a queue of BullMQ          {…}:filling:<sweep>   a sweep is under way
 *     {…}:held   <n>: the jobs that lane was last seen with   filled: a sweep has been done   memory: named by the first
 *                sweep   doubts: the times that a sweep became necessary; one that began before does not answer for it
 *     {…}:fence   marks of ordering keys (redis-key-marks.ts)
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { ConfigError } from '../../core/errors.ts';
import type { KeyMarks } from '../fence/key-marks.ts';
import { chainSegment } from '../job.ts';
import {
  type ClaimedJob,
  type Fill,
  type Job,
  type Queue,
  type QueueDepth,
  QueueForgotError,
} from '../queue.ts';
import { Lane, type LaneLimit, loadBullmq, type TakenJob } from './lanes.ts';
import { decodePayload, decodeProgress, encodePayload, refOf } from './payload.ts';
import { RedisKeyMarks } from './redis-key-marks.ts';
import { checkConnection, type RedisConnection, RedisLink } from './redis-link.ts';
import type { ScriptName } from './scripts.ts';

export interface BullmqQueueOptions {
  /**
   * A URL (`redis://`, `rediss://` for TLS), the options of an ioredis client (`sentinels`, `tls` …), or the URLs of
   * nodes of a cluster.
   */
  readonly connection: RedisConnection;
  /** Announces, claims and counts only jobs of this chain. */
  readonly chain: string;
  readonly clock: Clock;
  /** Tells pipelines apart that share a Redis; without braces. @default 'tierfall' */
  readonly namespace?: string;
  /** Jobs that one lane may start in a time. @default no limit */
  readonly laneLimit?: LaneLimit;
  /** What becomes of a Redis whose `maxmemory-policy` lets it drop keys. @default 'refuse' */
  readonly eviction?: 'refuse' | 'warn';
  /** How long a call waits for a connection, in milliseconds. @default 3000 */
  readonly connectWithinMs?: number;
  /** How long a command may take, in milliseconds. @default 5000 */
  readonly commandTimeoutMs?: number;
  /** Told of jobs that were thrown out, and of an eviction policy that is only warned about. */
  readonly warn?: (code: string, message: string) => void;
}

/**
 * A queue in Redis. Connects with the first call; needs the packages `bullmq` and `ioredis`, which are loaded then.
 * @throws ConfigError for a namespace or a connection that cannot be one; every call rejects with StorageError, or with
 * ConfigError when a package is missing or that Redis may evict keys
 */
export function bullmqQueue(options: BullmqQueueOptions): Queue {
  return new BullmqQueue(options);
}

/** Among the fields of `held`. */
const LANE = /^\d+$/;
const NAMESPACE = /^[A-Za-z0-9._:-]{1,100}$/;
const KNOWN_CHUNK = 256;
const LISTED_CHUNK = 500;
const COUNTED_PER_LANE = 200;
const FILL_TTL_SECONDS = 86_400;
const NO_LIMIT: LaneLimit = { max: 1_000_000_000, durationMs: 1_000 };
/** What replay says of a job that is not that of its object. One that rotted keeps its job, and its lane waits. */
const BELIED: ReadonlySet<string> = new Set([
  'STORAGE_JOB_MISMATCH',
  'STORAGE_ROWS_MISMATCH',
  'STORAGE_NOT_FOUND',
]);

class BullmqQueue implements Queue {
  readonly #options: BullmqQueueOptions;
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly keyMarks: KeyMarks;
  readonly #limit: LaneLimit;
  readonly #lanes = new Map<number, Promise<Lane>>();
  #filledEra = 0;

  constructor(options: BullmqQueueOptions) {
    const { namespace = 'tierfall', connection, clock, warn = () => {} } = options;
    if (!NAMESPACE.test(namespace))
      throw new ConfigError(
        'queue.namespace',
        `found ${JSON.stringify(namespace)}`,
        'Use letters, digits, dots, colons, hyphens and underscores, 100 of them at most.',
      );
    checkConnection(connection);
    const { connectWithinMs = 3_000, commandTimeoutMs = 5_000, eviction = 'refuse' } = options;
    this.#options = options;
    this.#link = new RedisLink({ connection, clock, connectWithinMs, commandTimeoutMs, eviction, warn });
    this.#limit = options.laneLimit ?? NO_LIMIT;
    this.#prefix = `{${namespace}:${chainSegment(options.chain)}}`;
    this.keyMarks = new RedisKeyMarks(this.#link, (name) => this.#key(name));
  }

  async announce(job: Job): Promise<'added' | 'known'> {
    const [answer = 'known'] = await this.announceAll([job]);
    return answer;
  }

  /** All of them are added, lane by lane, before any gets its place. */
  async announceAll(jobs: readonly Job[]): Promise<readonly ('added' | 'known')[]> {
    if (jobs.length === 0) return [];
    const by = randomUUID();
    for (const [number, ofLane] of Map.groupBy(jobs, ({ lane }) => lane)) {
      const lane = await this.#lane(number);
      const payloads = ofLane.map((job) => ({ id: job.id, payload: encodePayload(job, by) }));
      await this.#link.translated(() => lane.add(payloads));
    }
    const places = jobs.flatMap(({ lane, id, order }) => [lane, id, order]);
    const answers = (await this.#run('placeJobs', [by, ...places])) as readonly number[];
    return answers.map((isNew) => (isNew === 1 ? 'added' : 'known'));
  }

  async knows(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const known = new Set<string>();
    for (let at = 0; at < ids.length; at += KNOWN_CHUNK) {
      const chunk = ids.slice(at, at + KNOWN_CHUNK);
      const places = (await this.#run('knownJobs', chunk)) as number[];
      for (const place of places) known.add(chunk[place] ?? '');
    }
    return known;
  }

  async refs(): Promise<readonly string[]> {
    const client = await this.#link.ready();
    const refs = new Set<string>();
    const fields = await this.#link.translated(() => client.hkeys(this.#key('held')));
    for (const lane of fields.filter((field) => LANE.test(field))) {
      for (let from = 0; ; from += LISTED_CHUNK) {
        const range = [lane, from, from + LISTED_CHUNK - 1];
        const [count, ...payloads] = (await this.#run('listPayloads', range)) as [number, ...string[]];
        for (const payload of payloads) {
          const ref = refOf(payload);
          if (ref !== undefined) refs.add(ref);
        }
        if (count < LISTED_CHUNK) break;
      }
    }
    return [...refs].sort();
  }

  async isWhole(): Promise<boolean> {
    const client = await this.#link.ready();
    return (await this.#link.translated(() => client.hexists(this.#key('held'), 'filled'))) === 1;
  }

  /** M4. */
  async doubt(): Promise<void> {
    await this.#link.run('doubt', [this.#key('held')], []);
  }

  /** M4. */
  async beginFill(): Promise<Fill> {
    await this.#link.ready();
    const { era } = this.#link;
    const keys = [this.#key(`filling:${randomUUID()}`), this.#key('held')];
    await this.#link.run('beginFill', keys, [this.#prefix, FILL_TTL_SECONDS, randomUUID()]);
    return {
      end: async () => {
        const isWhole = (await this.#link.run('endFill', keys, [this.#prefix])) === 1;
        if (isWhole) this.#filledEra = era;
        return isWhole && era === this.#link.era;
      },
    };
  }

  async claim(worker: string, leaseMs: number, lanes?: ReadonlySet<number>): Promise<ClaimedJob | undefined> {
    const passed = new Set<number>();
    for (;;) {
      const lane = await this.#nextLane(passed, lanes);
      if (lane === undefined) return undefined;
      const open = await this.#lane(lane);
      const taken = await this.#link.translated(() => open.take(worker, leaseMs));
      if (!taken) {
        // Somebody else was quicker, or BullMQ holds it back: each lane is tried once, and there may be another one.
        passed.add(lane);
        continue;
      }
      // It may have been flushed, and this job announced, after its lane was found.
      if (!(await this.#isFilled())) {
        await this.#run('putBackJob', [lane, taken.id, worker, 0]);
        throw new QueueForgotError();
      }
      const job = await this.#accept(taken, lane, worker);
      if (job) return job;
    }
  }

  async checkpoint(
    job: Job,
    worker: string,
    leaseMs: number,
    entriesDone: number,
    progress?: string,
  ): Promise<boolean> {
    const lane = await this.#lane(job.lane);
    return this.#link.translated(async () => {
      if (!(await lane.extend(job.id, worker, leaseMs))) return false;
      return lane.remember(job.id, { entriesDone, ...(progress === undefined ? {} : { progress }) });
    });
  }

  async complete(job: Job, worker: string): Promise<boolean> {
    return (await this.#run('completeJob', [job.lane, job.id, worker])) === 1;
  }

  async postpone(job: Job, worker: string, delayMs: number, reason: string): Promise<boolean> {
    if (BELIED.has(reason))
      return this.#throwOut(job.lane, job.id, worker, `is belied by the store (${reason})`);
    const restMs = Math.max(0, Math.ceil(delayMs));
    return (await this.#run('putBackJob', [job.lane, job.id, worker, restMs])) === 1;
  }

  async depth(): Promise<QueueDepth> {
    const counts = await this.#run('countJobs', [this.#limit.max, COUNTED_PER_LANE]);
    const [waiting, active, postponed, rows, oldest] = counts as [number, number, number, number, string];
    const depth = { waiting, active, postponed, rows };
    return oldest === '' ? depth : { ...depth, oldestMs: Number(oldest) };
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes.values()) await lane.then((open) => open.close()).catch(() => undefined);
    await this.#link.close();
  }

  /** @throws QueueForgotError M4 */
  async #nextLane(
    passed: ReadonlySet<number>,
    lanes: ReadonlySet<number> | undefined,
  ): Promise<number | undefined> {
    const wanted = lanes ? `,${[...lanes].join(',')},` : '*';
    for (;;) {
      await this.#link.ready();
      if (this.#filledEra !== this.#link.era) throw new QueueForgotError();
      const answer = await this.#run('nextLane', [this.#limit.max, wanted, ...passed]);
      const [state, next, ...stalled] = answer as string[];
      if (state === 'forgot') throw new QueueForgotError();
      for (const lane of stalled) await this.#recover(Number(lane));
      if (next !== '') return Number(next);
      if (stalled.length === 0) return undefined;
    }
  }

  async #isFilled(): Promise<boolean> {
    return (await this.isWhole()) && this.#filledEra === this.#link.era;
  }

  async #recover(lane: number): Promise<void> {
    const open = await this.#lane(lane);
    await this.#link.translated(() => open.recover());
  }

  /** M5. */
  async #accept(taken: TakenJob, lane: number, worker: string): Promise<ClaimedJob | undefined> {
    const job = decodePayload(taken.data, { id: taken.id, chain: this.#options.chain, lane });
    if (typeof job === 'string') {
      await this.#throwOut(lane, taken.id, worker, job);
      return undefined;
    }
    return { ...job, attempts: Math.max(0, taken.taken - 1), ...decodeProgress(taken.progress) };
  }

  async #throwOut(lane: number, id: string, worker: string, why: string): Promise<boolean> {
    const isOurs = (await this.#run('discardJob', [lane, id, worker])) === 1;
    if (isOurs) this.#options.warn?.('QUEUE_FORGED', `job ${id} of lane ${lane} ${why}; it was thrown out`);
    return isOurs;
  }

  #run(script: Exclude<ScriptName, 'doubt' | 'beginFill' | 'endFill'>, args: readonly (string | number)[]) {
    return this.#link.run(script, [this.#key('held')], [this.#prefix, ...args]);
  }

  async #lane(lane: number): Promise<Lane> {
    const client = await this.#link.ready();
    const open = this.#lanes.get(lane) ?? this.#openLane(lane, client);
    this.#lanes.set(lane, open);
    return open;
  }

  async #openLane(lane: number, client: Awaited<ReturnType<RedisLink['ready']>>): Promise<Lane> {
    try {
      return new Lane({ bullmq: await loadBullmq(), client, prefix: this.#prefix, lane, limit: this.#limit });
    } catch (error) {
      this.#lanes.delete(lane);
      throw error;
    }
  }

  #key(name: string): string {
    return `${this.#prefix}:${name}`;
  }
}
