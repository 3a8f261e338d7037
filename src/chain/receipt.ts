/** The account of one batch while it is written, and the receipt once it is done. */
import type { Batch } from '../core/batch.ts';
import type { LossReport } from '../core/loss.ts';
import type { Passage, Receipt, Residue } from '../core/outcome.ts';

const NONE: readonly never[] = Object.freeze([]);

export class BatchReceipt implements Receipt {
  readonly records: number;
  delivered = 0;
  degraded = 0;
  deferred = 0;
  rejected = 0;
  trail: Passage[] = [];
  loss: LossReport | undefined = undefined;
  refs: readonly string[] = NONE;
  rejections: readonly Residue[] = NONE;
  readonly #batch: Batch;

  constructor(batch: Batch) {
    this.#batch = batch;
    this.records = batch.rowCount;
  }

  /** Hashed when first read: a batch whose sink needs no key never pays for one. */
  get batchKey(): string {
    return this.#batch.key;
  }

  toJSON(): Receipt {
    const { batchKey, records, delivered, degraded, deferred, rejected, trail, loss, refs, rejections } = this;
    return { batchKey, records, delivered, degraded, deferred, rejected, trail, loss, refs, rejections };
  }
}
