/**
 * One batch on its way through the chain: a short loop over the tiers in topological order.
 *
 * C1 conservation: for every tier, rows in = rows landed + rows left; for the batch, records = delivered +
 * degraded + deferred + dropped + rejected. C2 each tier runs at most once: residues that lead to one tier are
 * gathered, and it runs when every tier before it is done. C3 a tier that throws, or lies about its rows
 * (see check-outcome), leaves all of them with `crashed`; nothing is lost, and keys keep a second write harmless.
 */
import type { Batch } from '../core/batch.ts';
import { BackpressureError, ChainExhaustedError, SinkError, SubmitAbortedError } from '../core/errors.ts';
import type { EventBus } from '../core/events.ts';
import type { Outcome, Passage, Receipt, Residue } from '../core/outcome.ts';
import { countRows, gatherRows, type RowSet } from '../core/row-set.ts';
import { REJECT, TO_DROP } from './chain.ts';
import { BatchReceipt } from './receipt.ts';
import type { Exit, Station } from './station.ts';
import { type Departures, type Landing, NO_CAUSE, type RunOwner, TierRun } from './tier-run.ts';

/** What a flight needs of its engine. */
export interface Tower extends Departures {
  readonly chainName: string;
  readonly stations: readonly Station[];
  readonly bus: EventBus;
  countLoss(field: string, kind: string, cells: number): void;
  landed(batch: Batch, receipt: BatchReceipt): void;
}

type Departure = Passage['left'][number];

const NOTHING_MORE: Outcome = Object.freeze({});
const NO_LEFT: Passage['left'] = Object.freeze([]);

export class Flight implements RunOwner {
  readonly batch: Batch;
  readonly receipt: BatchReceipt;
  readonly #tower: Tower;
  /** Set when the caller's promise is settled by hand. */
  #resolve: ((receipt: Receipt) => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  /** Set at the end when nothing is settled by hand yet. */
  #isDone = false;
  #failure: unknown = undefined;
  /** Residues by the station they wait for; made on the first one. */
  #waiting: Residue[][] | undefined = undefined;
  #run: TierRun | undefined;
  /** The run whose promise the caller was given. */
  #lender: TierRun | undefined;
  #attempts = 0;
  #isExhausted = false;
  /** How long to wait before rows come again that a storing tier has no room for; undefined = it never said so. */
  #roomAfterMs: number | undefined = undefined;
  #hasLanded = false;
  #aborted: { readonly reason: unknown } | undefined = undefined;

  /** @param run the entry's, when that began before the flight was needed */
  constructor(tower: Tower, batch: Batch, run?: TierRun) {
    this.#tower = tower;
    this.batch = batch;
    this.#run = run;
    this.#lender = run;
    this.receipt = new BatchReceipt(batch);
  }

  get trail(): readonly Passage[] {
    return this.receipt.trail;
  }

  nextAttemptId(): string {
    this.#attempts += 1;
    return `${this.batch.key}.${this.#attempts}`;
  }

  /**
   * A tier that settles on abort lends the caller its own promise; for any other the promise is settled by
   * hand, so that a deadline never waits for a tier that hangs.
   */
  lend(running: Promise<Landing> | undefined): Promise<Receipt> {
    if (!running || !this.#run?.station.tier.settlesOnAbort) return this.settledByHand();
    this.#lender = this.#run;
    return running as Promise<Receipt>;
  }

  /** Starts at the entry, for a caller who has the promise already; does nothing after an abort. */
  begin(nowMs: number): void {
    if (!this.#aborted) this.#begin(this.#tower.stations[0] as Station, 'all', NO_CAUSE, nowMs);
  }

  /** Leaves the entry without having been there, behind deferred batches of the same ordering key. */
  beginFenced(nowMs: number): void {
    if (this.#aborted) return;
    const entry = this.#tower.stations[0] as Station;
    this.#run = new TierRun(this.#tower, this.batch, entry, nowMs, this);
    this.#run.refuse('fenced');
  }

  landing(run: TierRun): Landing {
    if (this.#resolve || run !== this.#lender) return undefined;
    if (!this.#isDone) return this.settledByHand();
    if (this.#failure) throw this.#failure;
    return this.receipt;
  }

  /** The caller gave up: the running tier is left behind and the rest is the caller's. */
  abort(reason: unknown): void {
    if (this.#aborted || this.#hasLanded) return;
    this.#aborted = { reason };
    const wasCalling = this.#run?.isCallOpen ?? false;
    const error = new SinkError(wasCalling ? 'ambiguous' : 'unavailable', 'aborted by the caller');
    if (this.#run) this.#run.giveUp(error);
    else this.#rejectUnstarted(error);
  }

  ended(run: TierRun, outcome: Outcome | undefined, nowMs: number): Promise<Landing> | undefined {
    if (outcome === undefined) return this.#landedWhole(run, nowMs);
    const residue = outcome.residue ?? NO_CAUSE;
    if (residue.length === 1 && residue[0]?.rows === run.rows && this.#isAlone()) {
      const exit = run.station.exit(residue[0].reason);
      if (exit.route.to >= 0) return this.#forward(run, exit, residue, nowMs);
    }
    const left = residue.length === 0 ? NO_LEFT : sumByReason(residue, this.batch.rowCount);
    const rowsLeft = left.reduce((sum, { rows }) => sum + rows, 0);
    const rowsLanded = countRows(run.rows, this.batch.rowCount) - rowsLeft;
    this.#passed(run, rowsLanded, left, nowMs);
    this.#land(run.station, rowsLanded, outcome);
    // A listener may abort in between; what was announced must then still be what happens.
    const isAborted = this.#aborted !== undefined;
    for (const departure of left) this.#announce(run, departure, isAborted);
    this.#route(run.station, residue, isAborted);
    return this.#next(nowMs);
  }

  /** Every row landed: by far the most common end. */
  #landedWhole(run: TierRun, nowMs: number): Promise<Landing> | undefined {
    const { station } = run;
    const { receipt } = this;
    if (run.cause === NO_CAUSE && run.attempts === 1 && station.tier.lands === 'delivered') {
      receipt.landedWhole(station.name, nowMs - run.startedMs);
      station.delivered.add(receipt.records);
      return this.#finish();
    }
    const rows = countRows(run.rows, receipt.records);
    this.#passed(run, rows, NO_LEFT, nowMs);
    this.#land(station, rows, NOTHING_MORE);
    return this.#next(nowMs);
  }

  /** Whether no rows wait elsewhere, nobody aborted, and nobody listens who might do so now. */
  #isAlone(): boolean {
    return (
      this.#waiting === undefined && this.#aborted === undefined && !this.#tower.bus.has('tierTransitioned')
    );
  }

  /** All rows to one tier: in an outage every batch goes this way, so it must cost next to nothing. */
  #forward(run: TierRun, exit: Exit, residue: readonly Residue[], nowMs: number): Promise<Landing> | undefined {
    const { reason, detail } = residue[0] as Residue;
    const rows = countRows(run.rows, this.receipt.records);
    this.#passed(run, 0, [detail === undefined ? { reason, rows } : { reason, rows, detail }], nowMs);
    exit.taken.add(1);
    return this.#begin(this.#tower.stations[exit.route.to] as Station, run.rows, residue, nowMs);
  }

  #begin(
    station: Station,
    rows: RowSet,
    cause: readonly Residue[],
    nowMs: number,
  ): Promise<Landing> | undefined {
    this.#run = new TierRun(this.#tower, this.batch, station, nowMs, this, rows, cause);
    return this.#run.start();
  }

  /** A promise runs its executor at once, so one shared executor hands the settlers out without a closure. */
  settledByHand(): Promise<Receipt> {
    const settled = new Promise<Receipt>(keepSettlers);
    this.#resolve = settlers.resolve;
    this.#reject = settlers.reject;
    if (this.#isDone) this.#settle(this.#failure);
    return settled;
  }

  #settle(failure: unknown): undefined {
    if (!this.#resolve) {
      this.#isDone = true;
      this.#failure = failure;
    } else if (failure === undefined) this.#resolve(this.receipt);
    else this.#reject?.(failure);
  }

  #passed(run: TierRun, rowsLanded: number, left: Passage['left'], nowMs: number): void {
    this.receipt.passed({
      tier: run.station.name,
      rowsIn: countRows(run.rows, this.receipt.records),
      rowsLanded,
      attempts: run.attempts,
      latencyMs: nowMs - run.startedMs,
      left,
    });
  }

  #land(station: Station, rows: number, { degraded, refs }: Outcome = {}): void {
    if (rows <= 0) return;
    const { receipt, batch } = this;
    const { bus, chainName } = this.#tower;
    const where = { chain: chainName, tier: station.name };
    if (station.tier.lands === 'deferred') {
      receipt.deferred += rows;
      station.deferred.add(rows);
      if (refs) receipt.refs = [...receipt.refs, ...refs];
      if (bus.has('batchDeferred'))
        bus.emit('batchDeferred', { ...where, batchId: batch.key, rows, refs: refs ?? [] });
      return;
    }
    const rowsDegraded = degraded === undefined ? 0 : countRows(degraded.rows, batch.rowCount);
    receipt.delivered += rows - rowsDegraded;
    station.delivered.add(rows - rowsDegraded);
    if (degraded === undefined || rowsDegraded === 0) return;
    receipt.degraded += rowsDegraded;
    receipt.addLoss(degraded.loss);
    station.degraded.add(rowsDegraded);
    for (const { field, kind, count } of degraded.loss.entries) this.#tower.countLoss(field, kind, count);
    if (bus.has('batchDegraded')) {
      bus.emit('batchDegraded', { ...where, batchId: batch.key, rows: rowsDegraded, loss: degraded.loss });
    }
  }

  /** One transition per reason, however many residues a tier made of it. */
  #announce({ station, attempts }: TierRun, { reason, rows, detail }: Departure, isAborted: boolean): void {
    const exit = station.exit(reason);
    const isDropped = exit.route.to === TO_DROP && !isAborted;
    const isRejected = !isDropped && (exit.route.to < 0 || isAborted);
    const to = isRejected ? REJECT : exit.to;
    (to === exit.to ? exit.taken : station.transitions(to, reason)).add(1);
    if (isRejected) {
      if (!exit.route.named) this.#isExhausted = true;
      station.countRejected(rows, reason);
      this.receipt.rejected += rows;
    }
    if (isDropped) {
      station.countDropped(rows, reason);
      this.receipt.dropped += rows;
    }
    const { bus, chainName } = this.#tower;
    if (!bus.has('tierTransitioned')) return;
    const batchId = this.batch.key;
    const from = station.name;
    bus.emit('tierTransitioned', { chain: chainName, batchId, from, to, reason, rows, attempts, detail });
  }

  #route(station: Station, residue: readonly Residue[], isAborted: boolean): void {
    const rejected: Residue[] = [];
    for (const left of residue) {
      const { to } = station.route(left.reason);
      if (isAborted) rejected.push(left);
      else if (to === TO_DROP) continue;
      else if (to < 0) rejected.push(left);
      else {
        this.#waiting ??= this.#tower.stations.map(() => []);
        this.#waiting[to]?.push(left);
      }
    }
    if (rejected.length === 0) return;
    this.receipt.rejections = [...this.receipt.rejections, ...rejected];
    if (station.tier.lands !== 'deferred') return;
    for (const { reason, retryAfterMs } of rejected) {
      if (reason !== 'throttled' || retryAfterMs === undefined) continue;
      this.#roomAfterMs = Math.max(this.#roomAfterMs ?? 0, retryAfterMs);
    }
  }

  #next(nowMs: number): Promise<Landing> | undefined {
    const waiting = this.#waiting;
    if (!waiting) return this.#finish();
    if (this.#aborted) return this.#rejectWaiting();
    const index = waiting.findIndex((residues) => residues.length > 0);
    const cause = waiting[index];
    if (!cause) return this.#finish();
    waiting[index] = [];
    const rows = gatherRows(cause, this.batch.rowCount);
    return this.#begin(this.#tower.stations[index] as Station, rows, cause, nowMs);
  }

  /** The caller gave up while the batch waited for its turn: no tier ever saw it. */
  #rejectUnstarted({ reason, message }: SinkError): void {
    const { receipt } = this;
    receipt.rejected = receipt.records;
    receipt.rejections = [{ rows: 'all', reason, detail: message, whole: true }];
    this.#tower.stations[0]?.countRejected(receipt.records, reason);
    this.#finish();
  }

  #rejectWaiting(): undefined {
    const { receipt, batch } = this;
    for (const [index, residues] of this.#waiting?.entries() ?? []) {
      for (const { reason, rows } of sumByReason(residues, batch.rowCount)) {
        receipt.rejected += rows;
        this.#tower.stations[index]?.countRejected(rows, reason);
      }
      receipt.rejections = [...receipt.rejections, ...residues];
    }
    this.#waiting = undefined;
    return this.#finish();
  }

  #finish(): undefined {
    this.#run = undefined;
    this.#hasLanded = true;
    const { receipt } = this;
    this.#tower.landed(this.batch, receipt);
    if (receipt.rejected === 0) return this.#settle(undefined);
    const { bus, chainName } = this.#tower;
    if (bus.has('batchRejected')) {
      const reasons = [...new Set(receipt.rejections.map(({ reason }) => reason))];
      bus.emit('batchRejected', { chain: chainName, batchId: this.batch.key, rows: receipt.rejected, reasons });
    }
    if (this.#aborted) return this.#settle(new SubmitAbortedError(receipt, this.#aborted.reason));
    this.#settle(this.#isExhausted ? this.#exhaustion() : undefined);
  }

  /** Rows that nobody took; where all of them only lack room for now, the caller is told when to come again. */
  #exhaustion(): BackpressureError | ChainExhaustedError {
    const { receipt } = this;
    const lacksOnlyRoom =
      receipt.rejected === receipt.records && receipt.rejections.every(({ reason }) => reason === 'throttled');
    const exhausted = new ChainExhaustedError(receipt);
    if (this.#roomAfterMs === undefined || !lacksOnlyRoom) return exhausted;
    const words = receipt.rejections[0]?.detail ?? 'there is no room to store the batch';
    return new BackpressureError(words, this.#roomAfterMs, exhausted);
  }
}

const settlers = {
  resolve: (_: Receipt): void => {},
  reject: (_: unknown): void => {},
};

function keepSettlers(resolve: (receipt: Receipt) => void, reject: (error: unknown) => void): void {
  settlers.resolve = resolve;
  settlers.reject = reject;
}

/** How many rows left with each reason, in the words of the first. */
function sumByReason(residue: readonly Residue[], rowCount: number): readonly Departure[] {
  const sums = new Map<string, { reason: string; rows: number; detail?: string }>();
  for (const { reason, rows, detail } of residue) {
    const sum = sums.get(reason);
    if (sum) sum.rows += countRows(rows, rowCount);
    else
      sums.set(reason, {
        reason,
        rows: countRows(rows, rowCount),
        ...(detail === undefined ? {} : { detail }),
      });
  }
  return [...sums.values()];
}
