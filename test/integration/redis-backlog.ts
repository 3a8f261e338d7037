/** A pipeline with a queue in Redis that has much to bring back, and a slow sink that remembers what landed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { createFallback, type Fallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { EventBus } from '../../src/core/events.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';

const ROWS = 5;
const KEYS = 6;
const WRITE_MS = 4;

export class RedisBacklog implements AsyncDisposable {
  /** What failed on the way, as operation and code. */
  readonly failed: string[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), 'tierfall-backlog-'));
  readonly #queue: FallbackOptions['queue'];
  readonly #held = memorySink();
  readonly #sink = flakySink(slowly(this.#held));
  readonly #bus = new EventBus();
  #fallback: Fallback | undefined;
  #batches = 0;

  constructor(queue: NonNullable<FallbackOptions['queue']>) {
    this.#queue = queue;
    this.#bus.on('storageFailed', ({ operation, code }) => this.failed.push(`${operation} ${code}`));
  }

  /** Defers so many batches, each an object of its own. */
  async defer(batches: number): Promise<void> {
    this.#sink.down('unavailable');
    const fallback = await this.#open();
    for (const end = this.#batches + batches; this.#batches < end; this.#batches += 1) {
      const first = this.#batches * ROWS;
      const body = Array.from({ length: ROWS }, (_, row) => `{"n":${first + row}}`).join('\n');
      const orderingKey = `k${this.#batches % KEYS}`;
      const receipt = await fallback.submit({ body, format: 'ndjson', orderingKey });
      expect(receipt.deferred).toBe(ROWS);
      await fallback.flush();
    }
  }

  /** Lets rows land; @returns when so many have */
  async landing(rows: number): Promise<void> {
    this.#sink.up();
    await this.landed(rows);
  }

  async landed(rows: number): Promise<void> {
    const isThere = (): boolean => this.#held.order.length >= rows;
    await expect.poll(isThere, { timeout: 60_000, interval: 2 }).toBe(true);
  }

  /** Brings back the rest: every row landed once, and those of each key in order. */
  async expectAllOnceInOrder(): Promise<void> {
    const fallback = await this.#open();
    await this.landed(this.#batches * ROWS);
    await expect
      .poll(() => fallback.reconcile({ patienceMs: 10_000 }).catch(() => undefined), { timeout: 60_000 })
      .toMatchObject({ drained: true });
    const landed = this.#held.order.map((key) => (this.#held.rows.get(key) as { n: number }).n);
    expect(landed.toSorted((a, b) => a - b)).toEqual(Array.from({ length: this.#batches * ROWS }, (_, n) => n));
    for (let key = 0; key < KEYS; key += 1) {
      const own = landed.filter((n) => Math.floor(n / ROWS) % KEYS === key);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
    expect(await fallback.report()).toMatchObject({ balanced: true, pending: 0, rows: this.#batches * ROWS });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fallback?.close();
    rmSync(this.#dir, { recursive: true });
  }

  async #open(): Promise<Fallback> {
    this.#fallback ??= await createFallback({
      dir: this.#dir,
      sink: this.#sink,
      bus: this.#bus,
      retry: { attemptsMax: 1 },
      limits: { primary: { breaker: false }, 'schema-retry': { breaker: false } },
      worker: { leaseMs: 1_500, idleMs: 20 },
      // Waits after a failure are a share of their limit, by chance: short ones here.
      random: () => 0.02,
      ...(this.#queue === undefined ? {} : { queue: this.#queue }),
    });
    return this.#fallback;
  }
}

function slowly(sink: Sink): Sink {
  return {
    ...sink,
    write: async (request) => {
      await sleep(WRITE_MS);
      return sink.write(request);
    },
  };
}
