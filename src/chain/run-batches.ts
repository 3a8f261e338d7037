/**
 * Drives an engine from a stream: pulls no faster than batches land.
 *
 * W1 receipts come in submit order, each as soon as it and all before it are there. W2 at most `inFlightMax`
 * batches are in flight, and nothing is pulled while there is no place for it. W3 a batch that finds no room
 * waits, and those behind it wait with it. W4 however it ends, what is in flight has settled and the source was
 * given back.
 */
import type { BatchInput } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { BackpressureError } from '../core/errors.ts';
import type { Receipt } from '../core/outcome.ts';
import { linkAbort } from '../core/signal.ts';

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Batches in flight at once, 1 or more. @default 8 */
  readonly inFlightMax?: number;
}

interface Submitter {
  /** Whether a batch of so many bytes would not be refused for want of room. */
  hasRoom(bytes: number): boolean;
  submit(input: BatchInput, options?: { readonly signal?: AbortSignal }): Promise<Receipt>;
}

type Source = AsyncIterable<BatchInput> | Iterable<BatchInput>;

const IN_FLIGHT_MAX = 8;
const ROOM_RECHECK_MS = 50;

/**
 * Yields one receipt per batch. When a batch fails the others in flight are waited for first, then the error
 * is thrown: receipts not yet yielded by then are those of landed batches. What the source throws is thrown
 * after the last receipt.
 */
export async function* runBatches(
  engine: Submitter,
  clock: Clock,
  batches: Source,
  options: RunOptions,
): AsyncGenerator<Receipt, void> {
  const pump = new Pump(engine, clock, batches, options);
  try {
    for (let receipt = await pump.next(); receipt; receipt = await pump.next()) yield receipt;
  } finally {
    await pump.close();
  }
}

/** A batch in flight and, in the end, what became of it. */
interface Slot {
  settled: Promise<void> | undefined;
  receipt: Receipt | undefined;
  failure: { readonly error: unknown } | undefined;
}

class Pump {
  readonly #engine: Submitter;
  readonly #clock: Clock;
  readonly #source: AsyncIterator<BatchInput> | Iterator<BatchInput>;
  readonly #signal: AbortSignal | undefined;
  readonly #inFlightMax: number;
  readonly #unlink: () => void;
  readonly #slots: Slot[] = [];
  /** Pulled, and waiting for room. */
  #held: BatchInput | undefined;
  #isPulling = false;
  #isDrained = false;
  #isRoomTimerSet = false;
  #sourceFailure: { readonly error: unknown } | undefined;
  /** One waker, renewed for each wait: a race with a long-lived promise would collect a reaction per batch. */
  #wake: () => void = () => {};

  constructor(engine: Submitter, clock: Clock, batches: Source, { signal, inFlightMax }: RunOptions) {
    this.#engine = engine;
    this.#clock = clock;
    this.#source =
      Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
    this.#signal = signal;
    this.#inFlightMax = Math.max(1, inFlightMax ?? IN_FLIGHT_MAX);
    this.#unlink = signal ? linkAbort(signal, () => this.#wake()) : () => {};
  }

  /** The next receipt, or undefined after the last. */
  async next(): Promise<Receipt | undefined> {
    for (;;) {
      this.#advance();
      const [head] = this.#slots;
      if (head?.failure) throw head.failure.error;
      if (head?.receipt) {
        this.#slots.shift();
        return head.receipt;
      }
      if (!head) {
        this.#signal?.throwIfAborted();
        if (this.#sourceFailure) throw this.#sourceFailure.error;
        if (this.#isDrained && !this.#held) return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#unlink();
    await Promise.all(this.#slots.map(({ settled }) => settled));
    if (this.#isDrained) return;
    // The source's trouble with being given back must not hide why it is; and a silent one would answer never.
    const returned = Promise.resolve(this.#source.return?.()).catch(() => {});
    if (!this.#isPulling) await returned;
  }

  #advance(): void {
    if (this.#signal?.aborted) return;
    if (this.#held && this.#engine.hasRoom(bytesOf(this.#held))) {
      this.#slots.push(this.#submit(this.#held));
      this.#held = undefined;
    }
    if (this.#held) this.#awaitRoom();
    else if (!this.#isPulling && !this.#isDrained && this.#slots.length < this.#inFlightMax) void this.#pull();
  }

  async #pull(): Promise<void> {
    this.#isPulling = true;
    try {
      const pulled = await this.#source.next();
      if (pulled.done) this.#isDrained = true;
      else this.#held = pulled.value;
    } catch (error) {
      this.#isDrained = true;
      this.#sourceFailure = { error };
    }
    this.#isPulling = false;
    this.#wake();
  }

  #awaitRoom(): void {
    if (this.#isRoomTimerSet) return;
    this.#isRoomTimerSet = true;
    const recheck = (): void => {
      this.#isRoomTimerSet = false;
      this.#wake();
    };
    this.#clock.schedule(ROOM_RECHECK_MS, recheck, { keepAlive: true });
  }

  #submit(batch: BatchInput): Slot {
    const slot: Slot = { settled: undefined, receipt: undefined, failure: undefined };
    slot.settled = this.#submitPatiently(batch)
      .then(
        (receipt) => {
          slot.receipt = receipt;
        },
        (error: unknown) => {
          slot.failure = { error };
        },
      )
      .then(() => this.#wake());
    return slot;
  }

  async #submitPatiently(batch: BatchInput): Promise<Receipt> {
    const signal = this.#signal;
    for (;;) {
      try {
        return await this.#engine.submit(batch, signal ? { signal } : {});
      } catch (error) {
        if (!(error instanceof BackpressureError)) throw error;
        const { retryAfterMs } = error;
        await new Promise<void>((resolve) => this.#clock.schedule(retryAfterMs, resolve, { keepAlive: true }));
      }
    }
  }
}

function bytesOf({ body }: BatchInput): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
}
