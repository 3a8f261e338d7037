/** Drives an engine from a stream: pulls no faster than batches land, waits out backpressure, keeps order. */
import type { BatchInput } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { BackpressureError } from '../core/errors.ts';
import type { Receipt } from '../core/outcome.ts';

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Batches in flight at once, 1 or more. @default 8 */
  readonly inFlightMax?: number;
}

interface Submitter {
  submit(input: BatchInput, options?: { readonly signal?: AbortSignal }): Promise<Receipt>;
}

const IN_FLIGHT_MAX = 8;

/**
 * Yields one receipt per batch, in submit order. When a batch fails the others in flight are waited for
 * first, then the error is thrown: receipts not yet yielded by then are those of landed batches.
 */
export async function* runBatches(
  engine: Submitter,
  clock: Clock,
  batches: AsyncIterable<BatchInput> | Iterable<BatchInput>,
  { signal, inFlightMax = IN_FLIGHT_MAX }: RunOptions,
): AsyncGenerator<Receipt, void> {
  const inFlight: Promise<Receipt>[] = [];
  try {
    for await (const batch of batches) {
      signal?.throwIfAborted();
      inFlight.push(submitPatiently(engine, clock, batch, signal));
      // A failure is reported when its turn comes; this only keeps it from being called unhandled until then.
      inFlight.at(-1)?.catch(() => {});
      while (inFlight.length >= Math.max(1, inFlightMax)) yield await (inFlight.shift() as Promise<Receipt>);
    }
    while (inFlight.length > 0) yield await (inFlight.shift() as Promise<Receipt>);
  } finally {
    await Promise.allSettled(inFlight);
  }
}

async function submitPatiently(
  engine: Submitter,
  clock: Clock,
  batch: BatchInput,
  signal: AbortSignal | undefined,
): Promise<Receipt> {
  for (;;) {
    try {
      return await engine.submit(batch, signal ? { signal } : {});
    } catch (error) {
      if (!(error instanceof BackpressureError)) throw error;
      await new Promise<void>((resolve) => clock.schedule(error.retryAfterMs, resolve, { keepAlive: true }));
      signal?.throwIfAborted();
    }
  }
}
