/**
 * The pipeline of the demo, in a process of its own that may be killed at any moment.
 *
 * W1 a batch is submitted only after every batch before its item was acknowledged or is in flight. W2 the checkpoint
 * is written behind the acknowledgements and after they were told, so a restart repeats batches but skips none.
 * W3 nothing of a phase is submitted before its gate was opened; a restart inside a phase does not ask again.
 */
import { createFallback, type Fallback } from '../../assembly/fallback.ts';
import { sqliteSink } from '../../assembly/local-sinks.ts';
import type { Clock } from '../../core/clock.ts';
import { makeDirectory, readState, writeState } from '../../core/durable-file.ts';
import { EventBus } from '../../core/events.ts';
import type { Receipt } from '../../core/outcome.ts';
import { type FileBatch, readBatches } from '../../ingress/files.ts';
import { nodeFileSystem } from '../../platform/node-file-system.ts';
import { compileSchema } from '../../schema/compile-schema.ts';
import { fromJsonSchema } from '../../schema/declare/from-json-schema.ts';
import { ingest } from '../ingest.ts';
import type { Gate, WriterMessage } from './messages.ts';
import type { ChainPlan, Feed, Item, Plan } from './plan.ts';

export interface WriterOptions {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  tell(message: WriterMessage): void;
  /** Resolves when the storyteller says go. */
  pass(gate: Gate): Promise<void>;
}

/** Patience that fits a story of seconds: three failures open a circuit, and it is probed every second. */
const BREAKER = { failuresInRow: 3, pauseMs: 500, pauseMaxMs: 1_000 };
const LIMITS = { breaker: BREAKER };
const RETRY = { attemptsMax: 2, patienceMs: 300, firstMs: 40, maxMs: 120 };
const BUSY_TIMEOUT_MS = 50;
const DRAIN_PATIENCE_MS = 15_000;
const IN_FLIGHT_MAX = 2;
const CHECKPOINT = 'checkpoint.json';

/** Where a restart goes on: in an item, behind the last acknowledged batch. */
interface Position {
  readonly item: number;
  readonly offset: number;
  /** Records that were acknowledged before. */
  readonly records: number;
}

/** Follows the plan from its checkpoint to the end. @throws what the pipeline throws, after closing it */
export async function runWriter(options: WriterOptions): Promise<void> {
  const writer = new Writer(options);
  try {
    await writer.open();
    await writer.followPlan();
    await writer.drain();
  } finally {
    await writer.close();
  }
  options.tell({ type: 'done' });
}

class Writer {
  readonly #options: WriterOptions;
  readonly #chains = new Map<string, Fallback>();
  #records = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { plan, tell } = this.#options;
    await makeDirectory(nodeFileSystem, plan.writerDir);
    for (const chain of plan.chains) this.#chains.set(chain.name, await openChain(chain, plan.warehouse, tell));
  }

  async followPlan(): Promise<void> {
    const { plan, tell } = this.#options;
    const saved = await readState(nodeFileSystem, plan.writerDir, CHECKPOINT);
    const from = saved as Position | undefined;
    this.#records = from?.records ?? 0;
    tell({ type: 'ready', resumedAt: from?.records });
    for (const [index, item] of plan.items.entries()) {
      if (index < (from?.item ?? 0)) continue;
      const offset = index === from?.item ? from.offset : item.offset;
      const opensPhase = plan.items[index - 1]?.phase !== item.phase && offset === item.offset;
      if (opensPhase) await this.#pass(item.phase);
      await this.#send(index, item, offset);
    }
  }

  async drain(): Promise<void> {
    await this.#pass('drain');
    for (const [chain, fallback] of this.#chains) {
      const { signal } = this.#options;
      const { drained, lastObstacle } = await fallback.reconcile({ patienceMs: DRAIN_PATIENCE_MS, signal });
      this.#options.tell({ type: 'drained', chain, drained, obstacle: lastObstacle });
    }
  }

  async close(): Promise<void> {
    for (const fallback of this.#chains.values()) await fallback.close();
  }

  async #pass(gate: Gate): Promise<void> {
    for (const fallback of this.#chains.values()) await fallback.flush();
    this.#options.tell({ type: 'gate', gate });
    await this.#options.pass(gate);
    if (gate === 'back') for (const { worker } of this.#chains.values()) worker.start();
  }

  async #send(index: number, item: Item, offset: number): Promise<void> {
    const { plan, clock, signal } = this.#options;
    const feed = plan.feeds.find(({ id }) => id === item.feed);
    const fallback = feed && this.#chains.get(feed.chain);
    if (!feed || !fallback || offset >= item.endOffset) return;
    const before = this.#records;
    await ingest({
      batches: this.#read(feed, item, offset),
      fallback: { run: (batches) => fallback.run(batches, { signal, inFlightMax: IN_FLIGHT_MAX }) },
      checkpoint: {
        read: () => Promise.resolve({ offset, records: before }),
        write: (reached) => writeState(nodeFileSystem, plan.writerDir, CHECKPOINT, { item: index, ...reached }),
      },
      from: { offset, records: before },
      clock,
      signal,
      orderingKey: feed.id,
      onReceipt: (receipt, reached) => {
        this.#records = reached.records;
        this.#options.tell(receiptMessage(receipt, item, feed, reached.offset));
      },
    });
  }

  async *#read(feed: Feed, item: Item, offset: number): AsyncGenerator<FileBatch> {
    const { plan, clock } = this.#options;
    const { file: input, format, batchRows } = feed;
    for await (const batch of readBatches({ input, format, batchRows, from: { offset } })) {
      await new Promise<void>((resolve) => clock.schedule(plan.paceMs, resolve, { keepAlive: true }));
      yield batch;
      if (batch.endOffset >= item.endOffset) return;
    }
  }
}

async function openChain(
  { name, dir, table, schema: document, tolerance }: ChainPlan,
  file: string,
  tell: WriterOptions['tell'],
): Promise<Fallback> {
  const bus = new EventBus();
  bus.on('batchDegraded', ({ chain, batchId, loss }) =>
    tell({ type: 'degraded', chain, batchKey: batchId, loss }),
  );
  bus.on('circuitOpened', ({ chain, tier }) => tell({ type: 'circuit', chain, tier, circuit: 'open' }));
  bus.on('circuitClosed', ({ chain, tier }) => tell({ type: 'circuit', chain, tier, circuit: 'closed' }));
  bus.on('objectStored', ({ chain, ref, rows, bytes }) => tell({ type: 'stored', chain, ref, rows, bytes }));
  bus.on('jobSettled', ({ chain, delivered, degraded, alreadyHeld, quarantined }) =>
    tell({ type: 'settled', chain, delivered, degraded, alreadyHeld, quarantined }),
  );
  return createFallback({
    name,
    dir,
    bus,
    sink: sqliteSink({ file, table, busyTimeoutMs: BUSY_TIMEOUT_MS }),
    schema: compileSchema(fromJsonSchema(document), { tolerance }),
    worker: false,
    retry: RETRY,
    limits: { primary: LIMITS, 'schema-retry': LIMITS, 'schema-coerce': LIMITS },
  });
}

function receiptMessage(receipt: Receipt, { phase }: Item, feed: Feed, endOffset: number): WriterMessage {
  const { batchKey, records, delivered, degraded, deferred, rejected, trail } = receipt;
  return {
    type: 'receipt',
    phase,
    feed: feed.id,
    chain: feed.chain,
    batchKey,
    endOffset,
    records,
    delivered,
    degraded,
    deferred,
    rejected,
    latencyMs: trail.reduce((sum, passage) => sum + passage.latencyMs, 0),
    left: trail.flatMap(({ tier, left }) => left.map(({ reason, rows }) => ({ tier, reason, rows }))),
  };
}
