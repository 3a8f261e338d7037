/**
 * The conservation ledger of one engine, in records: accepted = delivered + degraded + deferred + dropped
 * + rejected + in flight. What is missing on the right is `unaccounted`, a live gauge that must read 0.
 */
import type { Receipt } from '../core/outcome.ts';

export interface LedgerView {
  readonly accepted: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly deferred: number;
  /** Gone on purpose, by an edge to DROP. */
  readonly dropped: number;
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
  dropped = 0;
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
    this.dropped += receipt.dropped;
    this.rejected += receipt.rejected;
  }

  get unaccounted(): number {
    const settled = this.delivered + this.degraded + this.deferred + this.dropped + this.rejected;
    return this.accepted - settled - this.inFlight;
  }

  view(): LedgerView {
    const { accepted, delivered, degraded, deferred, dropped, rejected, inFlight, unaccounted } = this;
    return { accepted, delivered, degraded, deferred, dropped, rejected, inFlight, unaccounted };
  }
}
