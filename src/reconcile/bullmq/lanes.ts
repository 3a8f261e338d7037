/**
 * The lanes of a chain as queues of BullMQ, one each: the only file that knows it. Nothing here runs jobs by itself: a
 * job is taken, held, put back and ended when the queue says so, on one connection for all lanes.
 */
import type * as BullMQ from 'bullmq';
import { missingPackage } from './redis-fault.ts';
import type { RedisClient } from './redis-link.ts';

/** The last priority of BullMQ; the score that follows from it says "not placed yet". */
const UNPLACED = 2_097_151;
/** Jobs are run again however often their worker died: the store decides when one is done. */
const STALLED_MAX = 2_147_483_647;
/** Nobody reads the events; they are for looking at. */
const EVENTS_MAX = 1_000;
/** A job that is gone, or held by another token. */
const NOT_HELD: ReadonlySet<unknown> = new Set([-1, -2, -3, -6]);

/** In place of a job's id: the one that the token holds. */
export const WHATEVER_IT_HOLDS = '*';

export interface LaneLimit {
  readonly max: number;
  readonly durationMs: number;
}

export interface TakenJob {
  readonly id: string;
  readonly data: string | undefined;
  readonly progress: string | undefined;
  /** Times it was taken, this one counted. */
  readonly taken: number;
}

/** @throws ConfigError when the package is missing */
export async function loadBullmq(): Promise<typeof BullMQ> {
  try {
    return await import('bullmq');
  } catch (cause) {
    throw missingPackage('bullmq', cause);
  }
}

export interface LaneOptions {
  readonly bullmq: typeof BullMQ;
  readonly client: RedisClient;
  /** With the hash tag of the chain. */
  readonly prefix: string;
  readonly lane: number;
  readonly limit: LaneLimit;
}

export class Lane {
  readonly #queue: BullMQ.Queue;
  readonly #settings: { lockDuration: number };

  constructor({ bullmq, client, prefix, lane, limit }: LaneOptions) {
    const options = {
      connection: client as unknown as BullMQ.ConnectionOptions,
      prefix,
      streams: { events: { maxLen: EVENTS_MAX } },
      // What a Worker of BullMQ would be given, because its commands are used without one.
      limiter: { max: limit.max, duration: limit.durationMs },
      maxStalledCount: STALLED_MAX,
      stalledInterval: 1,
      lockDuration: 0,
    };
    this.#queue = new bullmq.Queue(`lane-${lane}`, options);
    this.#queue.on('error', () => undefined);
    this.#settings = this.#queue.opts as unknown as { lockDuration: number };
  }

  /** In one round trip. */
  async add(jobs: readonly { readonly id: string; readonly payload: object }[]): Promise<void> {
    const options = { priority: UNPLACED, removeOnComplete: true, removeOnFail: true };
    await this.#queue.addBulk(
      jobs.map(({ id, payload }) => ({ name: 'replay', data: payload, opts: { jobId: id, ...options } })),
    );
  }

  /** Takes the head under `token`, if the lane is free. */
  async take(token: string, leaseMs: number): Promise<TakenJob | undefined> {
    this.#settings.lockDuration = Math.max(1, Math.ceil(leaseMs));
    const [json, id] = await this.#moveToActive(token);
    if (!id) return undefined;
    const { data, progress, attemptsStarted } = (json ?? {}) as Readonly<Record<string, unknown>>;
    return {
      id: String(id),
      data: textOf(data),
      progress: textOf(progress),
      taken: Number(attemptsStarted ?? 1),
    };
  }

  /** A job whose options do not decode is taken all the same, and then known by its token alone. */
  async #moveToActive(token: string): Promise<readonly unknown[]> {
    try {
      return await this.#queue.backend.moveToActive(token);
    } catch (error) {
      if (error instanceof SyntaxError) return [{}, WHATEVER_IT_HOLDS];
      throw error;
    }
  }

  /** @returns false when the token does not hold it */
  async extend(id: string, token: string, leaseMs: number): Promise<boolean> {
    const extended = this.#queue.backend.extendLock(id, token, Math.max(1, Math.ceil(leaseMs)));
    return whetherHeld(extended.then((answer) => answer === 1));
  }

  async remember(id: string, progress: object): Promise<boolean> {
    return whetherHeld(this.#queue.backend.updateProgress(id, progress).then(() => true));
  }

  /** Puts back what was marked as stalled and has no lock. */
  async recover(): Promise<void> {
    await this.#queue.backend.moveStalledJobsToWait();
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}

async function whetherHeld(call: Promise<boolean>): Promise<boolean> {
  try {
    return await call;
  } catch (error) {
    if (NOT_HELD.has((error as { code?: unknown } | null)?.code)) return false;
    throw error;
  }
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === null || typeof value === 'string'
    ? (value ?? undefined)
    : JSON.stringify(value);
}
