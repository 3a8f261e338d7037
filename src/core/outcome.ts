/**
 * Accounts: an outcome is the account of one tier, a receipt the account of one batch.
 *
 * Outcomes are data. A tier that landed every row returns nothing at all, which is why the happy path
 * allocates nothing for it.
 */
import type { LossReport } from './loss.ts';
import type { RowSet } from './row-set.ts';

/** Rows that a tier did not land, and why. */
export interface Residue {
  readonly rows: RowSet;
  readonly reason: string;
  /** The sink's or the check's own words, for people. */
  readonly detail?: string;
  /** How long the sink asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /**
   * The request failed as one: some of these rows are to blame, and which is not known. Absent when each
   * row was judged by itself.
   */
  readonly whole?: boolean;
}

/** Account of one tier. Rows in no residue have landed. */
export interface Outcome {
  readonly residue?: readonly Residue[];
  /** Landed rows that differ from the original; what changed is in `loss`. */
  readonly degraded?: { readonly rows: RowSet; readonly loss: LossReport };
  /** Addresses of rows that were stored raw. */
  readonly refs?: readonly string[];
  /** Outgoing calls made. @default 1 */
  readonly attempts?: number;
}

export const DISPOSITIONS = ['delivered', 'degraded', 'deferred', 'dropped', 'rejected'] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

/** One tier's part in a batch's way. */
export interface Passage {
  readonly tier: string;
  readonly rowsIn: number;
  readonly rowsLanded: number;
  readonly attempts: number;
  readonly latencyMs: number;
  /** Reasons with the number of rows that left with each; empty when all landed. */
  readonly left: readonly { readonly reason: string; readonly rows: number; readonly detail?: string }[];
}

/**
 * Account of one batch: `records = delivered + degraded + deferred + dropped + rejected`, always.
 * A resolved `submit()` has `rejected` 0 unless the chain routes a reason to `REJECT` on purpose.
 */
export interface Receipt {
  /**
   * 128-bit idempotency key of the batch, 32 hex digits. If no tier needed it, it is hashed when first read, and the
   * receipt keeps the body in memory until then.
   */
  readonly batchKey: string;
  readonly records: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly deferred: number;
  /** Rows that are gone on purpose: an edge of the chain leads them to `DROP`. */
  readonly dropped: number;
  readonly rejected: number;
  /** Tiers in the order they ran. */
  readonly trail: readonly Passage[];
  readonly loss: LossReport | undefined;
  /** Where deferred rows rest. */
  readonly refs: readonly string[];
  /** Rows nobody took, by reason; the caller still owns exactly these. */
  readonly rejections: readonly Residue[];
}
