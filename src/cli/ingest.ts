/** From an input to the engine: reads batches, submits them, and keeps the checkpoint behind the acks. */
import type { Fallback } from '../assembly/fallback.ts';
import type { BatchInput } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { StorageError } from '../core/errors.ts';
import type { Receipt } from '../core/outcome.ts';
import type { FileBatch } from '../ingress/files.ts';
import type { Checkpoint, CheckpointFile } from './checkpoint.ts';

const SAVE_EVERY_MS = 500;

export interface IngestOptions {
  readonly batches: AsyncIterable<FileBatch>;
  readonly fallback: Pick<Fallback, 'run'>;
  readonly checkpoint: CheckpointFile;
  readonly from: Checkpoint;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Batches with the same key keep their order. */
  readonly orderingKey?: string | undefined;
  readonly onReceipt: (receipt: Receipt, checkpoint: Checkpoint) => void | Promise<void>;
  /** A checkpoint could not be saved: a resume would submit more batches again, and their keys recognise them. */
  readonly onUnsaved?: (error: StorageError) => void;
}

/** @returns the last checkpoint, which is also saved when something is thrown */
export async function ingest(options: IngestOptions): Promise<Checkpoint> {
  const { fallback, checkpoint, clock, signal, orderingKey } = options;
  const inFlight: FileBatch[] = [];
  async function* inputs(): AsyncGenerator<BatchInput> {
    for await (const batch of options.batches) {
      inFlight.push(batch);
      yield orderingKey === undefined ? batch.input : { ...batch.input, orderingKey };
    }
  }
  let reached = options.from;
  let savedMs = clock.now();
  try {
    // Receipts come in submit order, so the head of the queue is the batch they are about.
    for await (const receipt of fallback.run(inputs(), { signal })) {
      const batch = inFlight.shift();
      reached = { offset: batch?.endOffset ?? reached.offset, records: reached.records + receipt.records };
      await options.onReceipt(receipt, reached);
      if (clock.now() - savedMs < SAVE_EVERY_MS) continue;
      await save(reached);
      savedMs = clock.now();
    }
  } finally {
    await save(reached);
  }
  return reached;

  /** Never ends the run, nor takes the place of what did: the checkpoint only saves work. */
  async function save(behind: Checkpoint): Promise<void> {
    try {
      await checkpoint.write(behind);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      options.onUnsaved?.(error);
    }
  }
}
