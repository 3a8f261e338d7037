/** The account of one batch while it is written, and the receipt once it is done. */
import type { Batch } from '../core/batch.ts';
import { type LossReport, mergeLoss } from '../core/loss.ts';
import type { Passage, Receipt, Residue } from '../core/outcome.ts';

const NONE: readonly never[] = Object.freeze([]);

export class BatchReceipt implements Receipt {
  readonly records: number;
  delivered = 0;
  degraded = 0;
  deferred = 0;
  dropped = 0;
  rejected = 0;
  loss: LossReport | undefined = undefined;
  refs: readonly string[] = NONE;
  rejections: readonly Residue[] = NONE;
  /** The batch, or only its key once nothing else of it is needed. */
  #identity: Batch | string;
  #trail: readonly Passage[] = NONE;
  /** The only passage of a batch that landed whole at once, kept flat until somebody reads the trail. */
  #soleTier: string | undefined = undefined;
  #soleLatencyMs = 0;

  constructor(batch: Batch) {
    this.#identity = batch;
    this.records = batch.rowCount;
  }

  /** Everything landed in the first tier with its first call. */
  landedWhole(tier: string, latencyMs: number): void {
    this.delivered = this.records;
    this.#soleTier = tier;
    this.#soleLatencyMs = latencyMs;
  }

  passed(passage: Passage): void {
    this.#trail = this.#trail.length === 0 ? [passage] : [...this.#trail, passage];
  }

  addLoss(loss: LossReport): void {
    this.loss = this.loss ? mergeLoss(this.loss, loss) : loss;
  }

  get trail(): readonly Passage[] {
    if (this.#soleTier === undefined) return this.#trail;
    const { records } = this;
    const latencyMs = this.#soleLatencyMs;
    return [{ tier: this.#soleTier, rowsIn: records, rowsLanded: records, attempts: 1, latencyMs, left: NONE }];
  }

  /**
   * Hashed when first read: a batch whose sink needs no key never pays for one. Until then the receipt keeps the
   * batch, and with it the body, in memory.
   */
  get batchKey(): string {
    if (typeof this.#identity !== 'string') this.#identity = this.#identity.key;
    return this.#identity;
  }

  /** Lets go of the batch if its key is known: whoever collects receipts must not collect bodies. */
  close(): void {
    if (typeof this.#identity !== 'string') this.#identity = this.#identity.knownKey ?? this.#identity;
  }

  toJSON(): Receipt {
    const { batchKey, records, delivered, degraded, deferred, dropped, rejected } = this;
    const { trail, loss, refs, rejections } = this;
    return {
      batchKey,
      records,
      delivered,
      degraded,
      deferred,
      dropped,
      rejected,
      trail,
      loss,
      refs,
      rejections,
    };
  }
}
