/**
 * The running thing: takes batches, flies them through the chain, keeps the ledger, owns the tiers.
 *
 * E1 `submit` resolves only when every record is in the sink, durable, or rejected on purpose. E2 it refuses
 * before any work is done (closed, bad batch, no room), so a refused batch was never half taken.
 * E3 `close` waits for what is in flight; nothing is accepted after it was called. E4 batches of one
 * ordering key go through the chain one at a time, in submit order; with a fence also behind what was deferred of the key.
 */
import { Batch, type BatchInput, checkBatchInput, type Framer } from '../core/batch.ts';
import type { Clock, Random } from '../core/clock.ts';
import { BackpressureError, EngineClosedError, SubmitAbortedError } from '../core/errors.ts';
import { EventBus, type EventName, type Listener } from '../core/events.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Receipt } from '../core/outcome.ts';
import { linkAbort } from '../core/signal.ts';
import type { Breaker, BreakerState } from './breaker.ts';
import type { Chain } from './chain.ts';
import type { Fence } from './fence.ts';
import { Flight, type Tower } from './flight.ts';
import { KeyLanes } from './key-lanes.ts';
import { Ledger, type LedgerView } from './ledger.ts';
import { BatchReceipt } from './receipt.ts';
import { type RunOptions, runBatches } from './run-batches.ts';
import { Station } from './station.ts';
import { type RunOwner, TierRun } from './tier-run.ts';

export interface EngineOptions {
  readonly chain: Chain;
  readonly framer: Framer;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly bus?: EventBus;
  /** Keeps batches of an ordering key behind what was deferred of it. @default they may overtake that */
  readonly fence?: Fence | undefined;
  /** Bytes of all batches in flight; above it `submit` rejects with BackpressureError. @default 268_435_456 */
  readonly inFlightBytesMax?: number;
  /** Largest single batch in bytes. @default 134_217_728 */
  readonly batchBytesMax?: number;
  /** Breaker states of an earlier run, by tier. */
  readonly breakers?: Readonly<Record<string, BreakerState>>;
}

export interface SubmitOptions {
  readonly signal?: AbortSignal;
}

const IN_FLIGHT_BYTES = 268_435_456;
const BATCH_BYTES = 134_217_728;
const WALL_CLOCK_REREAD_MS = 250;
const RETRY_AFTER_MS = 50;

export class Engine implements Tower {
  readonly chain: Chain;
  readonly chainName: string;
  readonly bus: EventBus;
  readonly stations: readonly Station[];
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #framer: Framer;
  readonly #ledger = new Ledger();
  readonly #lanes = new KeyLanes();
  readonly #inFlightBytesMax: number;
  readonly #batchBytesMax: number;
  #inFlightBytes = 0;
  #flights = 0;
  #wallOffsetMs = 0;
  #wallReadMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(options: EngineOptions) {
    const { chain, clock, random, metrics, breakers } = options;
    this.#options = options;
    this.#clock = clock;
    this.#framer = options.framer;
    this.chain = chain;
    this.chainName = chain.name;
    this.bus = options.bus ?? new EventBus();
    this.#inFlightBytesMax = options.inFlightBytesMax ?? IN_FLIGHT_BYTES;
    this.#batchBytesMax = options.batchBytesMax ?? BATCH_BYTES;
    const context = { chain, clock, random, bus: this.bus, metrics };
    this.stations = chain.nodes.map((node) => new Station(node, context, breakers?.[node.name]));
    metrics.gauge('fallback_unaccounted_records', { chain: chain.name }, () => this.#ledger.unaccounted);
  }

  /** Opens the tiers, entry first; on failure closes those that were opened. */
  async open(): Promise<this> {
    const { clock, random } = this.#options;
    const opened: Station[] = [];
    try {
      for (const station of this.stations) {
        const { name, tier } = station;
        await tier.open?.({ chain: this.chainName, tier: name, clock, random, emit: this.bus.emit });
        opened.push(station);
      }
      return this;
    } catch (error) {
      this.#closing = closeStations(opened).catch(() => {});
      await this.#closing;
      throw error;
    }
  }

  /**
   * Lands one batch.
   * @throws BatchError, BackpressureError or EngineClosedError before any work; SubmitAbortedError; ChainExhaustedError
   */
  submit(input: BatchInput, options?: SubmitOptions): Promise<Receipt> {
    try {
      checkBatchInput(input, this.#batchBytesMax);
      const nowMs = this.#clock.now();
      return this.#take(
        new Batch(input, this.chainName, this.#framer, this.#wallMs(nowMs)),
        nowMs,
        options?.signal,
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Lands a batch that exists already, with its own identity: replay uses this. */
  submitBatch(batch: Batch, options?: SubmitOptions): Promise<Receipt> {
    try {
      return this.#take(batch, this.#clock.now(), options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether a batch of so many bytes would find room now; an idle engine takes any. */
  hasRoom(bytes: number): boolean {
    return this.#flights === 0 || this.#inFlightBytes + bytes <= this.#inFlightBytesMax;
  }

  /** Submits a stream with a window of batches in flight and yields receipts in submit order. */
  run(
    batches: AsyncIterable<BatchInput> | Iterable<BatchInput>,
    options: RunOptions = {},
  ): AsyncGenerator<Receipt, void> {
    return runBatches(this, this.#clock, batches, options);
  }

  /** Listens to one kind of event. @returns stops listening */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    return this.bus.on(name, listener);
  }

  get ledger(): LedgerView {
    return this.#ledger.view();
  }

  /** The breaker of a tier, to isolate or release it; undefined when it has none. */
  breaker(tier: string): Breaker | undefined {
    return this.stations.find(({ name }) => name === tier)?.breaker;
  }

  /** Breaker states, for the next run's `breakers`. */
  breakerStates(): Readonly<Record<string, BreakerState>> {
    const kept = this.stations.flatMap(({ name, breaker }) =>
      breaker ? [[name, breaker.toJSON()] as const] : [],
    );
    return Object.fromEntries(kept);
  }

  /** Waits for what is in flight, then closes the tiers, entry first. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  countLoss(field: string, kind: string, cells: number): void {
    const labels = { chain: this.chainName, field, kind };
    this.#options.metrics.counter('fallback_loss_cells_total', labels).add(cells);
  }

  landedAtOnce({ batch, station, startedMs }: TierRun, nowMs: number): Receipt {
    const receipt = new BatchReceipt(batch);
    receipt.landedWhole(station.name, nowMs - startedMs);
    station.delivered.add(receipt.records);
    this.landed(batch, receipt);
    return receipt;
  }

  takeOff(run: TierRun): RunOwner {
    return new Flight(this, run.batch, run);
  }

  landed(batch: Batch, receipt: BatchReceipt): void {
    receipt.close();
    this.#ledger.settle(receipt);
    this.#inFlightBytes -= batch.bytes;
    this.#flights -= 1;
    if (this.#flights === 0) this.#drained?.();
  }

  #take(batch: Batch, nowMs: number, signal: AbortSignal | undefined): Promise<Receipt> {
    if (this.#closing) throw new EngineClosedError();
    if (signal?.aborted) throw abortedBefore(batch, signal.reason);
    const { bytes } = batch;
    if (!this.hasRoom(bytes)) {
      throw new BackpressureError(`${this.#inFlightBytes} bytes are in flight`, RETRY_AFTER_MS);
    }
    this.#ledger.accept(batch.rowCount);
    this.#inFlightBytes += bytes;
    this.#flights += 1;
    if (batch.orderingKey === undefined && !signal) return this.#depart(batch, nowMs);
    const flight = new Flight(this, batch);
    const landing = flight.settledByHand();
    const unlink = signal && linkAbort(signal, (reason) => flight.abort(reason));
    if (batch.orderingKey === undefined) flight.begin(nowMs);
    else {
      const { orderingKey } = batch;
      this.#lanes.enter(orderingKey, () => this.#pass(orderingKey, flight), landing);
    }
    return unlink ? landing.finally(unlink) : landing;
  }

  /** E4: behind what was deferred of the key, too. */
  #pass(orderingKey: string, flight: Flight): void {
    const held = this.#options.fence?.enter(orderingKey);
    if (held === undefined) flight.begin(this.#clock.now());
    else
      void held.then((answer) => {
        if (answer === 'open') flight.begin(this.#clock.now());
        else flight.beginFenced(this.#clock.now());
      });
  }

  /** The plain way: a flight is made only when the entry does not land everything at once. */
  #depart(batch: Batch, nowMs: number): Promise<Receipt> {
    const entry = this.stations[0] as Station;
    const run = new TierRun(this, batch, entry, nowMs);
    const running = run.start();
    if (running && entry.tier.settlesOnAbort && !run.isOver) return running as Promise<Receipt>;
    return run.owner.lend(running);
  }

  /** Wall clock from the monotonic one: reading both for every batch would cost a fifth of its budget. */
  #wallMs(nowMs: number): number {
    if (nowMs - this.#wallReadMs > WALL_CLOCK_REREAD_MS) {
      this.#wallReadMs = nowMs;
      this.#wallOffsetMs = this.#clock.wallNow() - nowMs;
    }
    return Math.round(this.#wallOffsetMs + nowMs);
  }

  async #close(): Promise<void> {
    // `#closing` is set when this first yields, so a submit in the same turn is refused too.
    await Promise.resolve();
    if (this.#flights > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await closeStations(this.stations);
  }
}

/** Closes all of them, then throws the first failure. */
async function closeStations(stations: readonly Station[]): Promise<void> {
  const failures: unknown[] = [];
  for (const { tier, deadlines } of stations) {
    deadlines.close();
    try {
      await tier.close?.();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Nothing was done, so the caller owns all rows and no ledger knows of them. */
function abortedBefore(batch: Batch, reason: unknown): SubmitAbortedError {
  const receipt = new BatchReceipt(batch);
  receipt.rejected = receipt.records;
  receipt.rejections = [{ rows: 'all', reason: 'unavailable', detail: 'aborted by the caller' }];
  return new SubmitAbortedError(receipt, reason);
}

/** Opens an engine. @throws what a tier's `open` throws, after closing the others */
export function openEngine(options: EngineOptions): Promise<Engine> {
  return new Engine(options).open();
}
