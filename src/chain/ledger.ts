/**
 * The conservation ledger of one engine, in records: accepted = delivered + degraded + deferred + rejected
 * + in flight. What is missing on the right is `unaccounted`, a live gauge that must read 0.
 */
import type { Receipt } from '../core/outcome.ts';

export interface LedgerView {
  readonly accepted: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly deferred: number;
  readonly rejected: number;
  readonly inFlight: number;
  /** accepted minus everything else: 0, or the engine lost count. */
  readonly unaccounted: number;
}

export class Ledger {
  accepted = 0;
  delivered = 0;
  degraded = 0;
  deferred = 0;
  rejected = 0;
  inFlight = 0;

  accept(records: number): void {
    this.accepted += records;
    this.inFlight += records;
  }

  settle(receipt: Receipt): void {
    this.inFlight -= receipt.records;
    this.delivered += receipt.delivered;
    this.degraded += receipt.degraded;
    this.deferred += receipt.deferred;
    this.rejected += receipt.rejected;
  }

  get unaccounted(): number {
    return this.accepted - this.delivered - this.degraded - this.deferred - this.rejected - this.inFlight;
  }

  view(): LedgerView {
    const { accepted, delivered, degraded, deferred, rejected, inFlight, unaccounted } = this;
    return { accepted, delivered, degraded, deferred, rejected, inFlight, unaccounted };
  }
}
