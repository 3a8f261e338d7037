/**
 * One tier's run over some rows of one batch: what the tier sees as its `Work`, with the guards round each
 * outgoing call in this order: budget, breaker, deadline.
 *
 * G1 the budget lease is held from start to end of the run and returned exactly once. G2 every admitted call
 * hands its ticket back once: one made with `call` when it settles, one that was entered when it is left, at
 * the latest with the run's own outcome. G3 a run ends once; whatever the tier says later (it was late, or
 * the caller gave up) is ignored, and calls it still tries to make are refused.
 */
import type { Batch } from '../core/batch.ts';
import { SinkError } from '../core/errors.ts';
import type { Outcome, Passage, Receipt, Residue } from '../core/outcome.ts';
import { type EngineReason, isCircuitFault } from '../core/reason.ts';
import { type RowSet, rowIndices } from '../core/row-set.ts';
import { linkAbort } from '../core/signal.ts';
import type { Work } from '../tiers/tier.ts';
import type { Ticket } from './breaker.ts';
import { checkOutcome } from './check-outcome.ts';
import type { Deadlined } from './deadlines.ts';
import type { Station } from './station.ts';

/** The flight a run belongs to. */
export interface RunOwner {
  readonly trail: readonly Passage[];
  nextAttemptId(): string;
  /** @returns the promise of the next run, when one was begun and is still going */
  ended(run: TierRun, outcome: Outcome | undefined, nowMs: number): Promise<Landing> | undefined;
  /** Called when the tier's own promise settled, after `ended`: what that promise is worth to the caller. */
  landing(run: TierRun): Landing;
  /** The promise to give the caller: that of the run still going, if its tier can be relied on. */
  lend(running: Promise<Landing> | undefined): Promise<Receipt>;
}

/** What a first run turns to, which has no flight until it needs one. */
export interface Departures {
  /** Every row landed with the first call: no flight was needed. */
  landedAtOnce(run: TierRun, nowMs: number): Receipt;
  takeOff(run: TierRun): RunOwner;
}

/** The cause of an entry's run. */
export const NO_CAUSE: readonly Residue[] = Object.freeze([]);

/** The receipt, or the promise of it; nothing when somebody else hands it to the caller. */
export type Landing = Receipt | Promise<Receipt> | undefined;

export class TierRun implements Work, Deadlined {
  readonly batch: Batch;
  readonly station: Station;
  readonly rows: RowSet;
  readonly cause: readonly Residue[];
  readonly startedMs: number;
  attempts = 0;
  earlier: Deadlined | undefined = undefined;
  later: Deadlined | undefined = undefined;
  readonly #departures: Departures;
  #owner: RunOwner | undefined;
  #leasedBytes = 0;
  #ticket: Ticket | undefined = undefined;
  #isOpen = false;
  #isOver = false;
  /** Whether `tier.run` has returned: from then on time has passed since the start. */
  #hasReturned = false;
  /** Open calls made with `call`. */
  #calls = 0;
  #controller: AbortController | undefined = undefined;
  #gaveUp: SinkError | undefined = undefined;
  /** When the entered call was made, unless that was at the start. */
  #enteredMs: number | undefined = undefined;

  constructor(
    departures: Departures,
    batch: Batch,
    station: Station,
    startedMs: number,
    owner: RunOwner | undefined = undefined,
    rows: RowSet = 'all',
    cause: readonly Residue[] = NO_CAUSE,
  ) {
    this.batch = batch;
    this.station = station;
    this.rows = rows;
    this.cause = cause;
    this.startedMs = startedMs;
    this.#departures = departures;
    this.#owner = owner;
  }

  /** The flight of this batch, which begins here if it has not begun. */
  get owner(): RunOwner {
    this.#owner ??= this.#departures.takeOff(this);
    return this.#owner;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get trail(): readonly Passage[] {
    return this.owner.trail;
  }

  get calledMs(): number {
    return this.#enteredMs ?? this.startedMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#gaveUp) this.#controller.abort(this.#gaveUp);
    }
    return this.#controller.signal;
  }

  /** @returns what the owner makes of the end, for a run that is still going when this returns */
  start(): Promise<Landing> | undefined {
    const { station } = this;
    // Looking before the tier runs spares the decoding too; no Error is built for a closed door.
    if (station.breaker?.refuses(this.startedMs)) return this.refuse('circuit-open');
    const bytes = this.batch.bytes * station.amplification;
    if (station.reservedBytes + bytes > station.budgetBytes) return this.refuse('over-budget');
    station.reservedBytes += bytes;
    this.#leasedBytes = bytes;
    let result: Promise<Outcome | undefined> | Outcome | undefined;
    try {
      result = station.tier.run(this);
    } catch (error) {
      return this.#fail(error);
    }
    this.#hasReturned = true;
    if (!(result instanceof Promise)) return this.#succeed(result);
    return result.then(
      (outcome) => {
        if (outcome === undefined && this.#owner === undefined && this.#isFirstCall())
          return this.#landAtOnce();
        this.#succeed(outcome);
        return this.owner.landing(this);
      },
      (error: unknown) => {
        this.#fail(error);
        return this.owner.landing(this);
      },
    );
  }

  /** Ends a run that has not started: the tier never sees its rows. */
  refuse(reason: EngineReason): Promise<Landing> | undefined {
    return this.#end({ residue: [{ rows: this.rows, reason }] }, this.startedMs);
  }

  enter(): EngineReason | undefined {
    if (this.#isOver) return 'crashed';
    if (this.#isOpen) this.leave();
    if (this.#hasReturned || this.attempts > 0) this.#enteredMs = this.station.clock.now();
    const { breaker } = this.station;
    if (breaker) {
      this.#ticket = breaker.admit(this.calledMs);
      if (this.#ticket === undefined) return 'circuit-open';
    }
    this.attempts += 1;
    this.#isOpen = true;
    this.station.deadlines.add(this);
    return undefined;
  }

  leave(reason?: string): void {
    if (this.#isOpen) this.#closeCall(reason, this.station.clock.now());
  }

  async call<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { station } = this;
    if (this.#isOver) throw this.#refused('crashed');
    const calledMs = station.clock.now();
    const ticket = station.breaker?.admit(calledMs);
    if (station.breaker && ticket === undefined) throw this.#refused('circuit-open');
    this.attempts += 1;
    this.#calls += 1;
    const attempt = new AbortController();
    const unlink = linkAbort(this.signal, (reason) => attempt.abort(reason));
    let fault: string | undefined;
    try {
      return await this.#race(send(attempt.signal), attempt, calledMs);
    } catch (error) {
      fault = error instanceof SinkError ? error.reason : 'crashed';
      throw error;
    } finally {
      unlink();
      this.#calls -= 1;
      station.settle(ticket, fault, station.clock.now());
    }
  }

  get attemptId(): string {
    return this.owner.nextAttemptId();
  }

  get keys(): readonly string[] {
    const { batch } = this;
    return rowIndices(this.rows, batch.rowCount).map((row) => batch.rowKey(row));
  }

  get columns(): undefined {
    return undefined;
  }

  get records(): undefined {
    return undefined;
  }

  get mode(): 'insert' {
    return 'insert';
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.station.clock.schedule(
        delayMs,
        () => {
          unlink();
          resolve();
        },
        { keepAlive: true },
      );
      const unlink = linkAbort(this.signal, (reason) => {
        cancel();
        reject(reason);
      });
    });
  }

  /** The deadline of a call that the tier does not race itself: the engine goes on without the tier. */
  expire(): void {
    this.giveUp(
      new SinkError('ambiguous', `${this.station.name}: no answer within ${this.station.timeoutMs} ms`),
    );
  }

  /** Ends the run now, with `error` as its outcome, and aborts what the tier is doing. */
  giveUp(error: SinkError): void {
    if (this.#isOver) return;
    this.#gaveUp = error;
    // Not the tier's own words, so a reason it never declared is no fault of it.
    this.#fail(this.station.knows(error.reason) ? error : new SinkError('crashed', error.message));
    this.#controller?.abort(error);
  }

  get isCallOpen(): boolean {
    return this.#isOpen || this.#calls > 0;
  }

  #refused(reason: EngineReason): SinkError {
    return new SinkError(reason, `${this.station.name}: the call was not made (${reason})`);
  }

  /** The race is the call's own: a late call fails this attempt, not the whole run. */
  #race<T>(answer: Promise<T>, attempt: AbortController, calledMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const { station } = this;
      const late = {
        calledMs,
        earlier: undefined,
        later: undefined,
        expire: (): void => {
          const error = new SinkError('ambiguous', `${station.name}: no answer within ${station.timeoutMs} ms`);
          reject(error);
          attempt.abort(error);
        },
      };
      station.deadlines.add(late);
      answer.then(resolve, reject).finally(() => station.deadlines.remove(late));
    });
  }

  #succeed(outcome: Outcome | undefined): Promise<Landing> | undefined {
    if (this.#isOver) return undefined;
    const { station, rows } = this;
    const believed =
      outcome === undefined ? undefined : checkOutcome(outcome, station, rows, this.batch.rowCount);
    return this.#end(believed, station.clock.now());
  }

  #fail(error: unknown): Promise<Landing> | undefined {
    if (this.#isOver) return undefined;
    const detail = error instanceof Error ? error.message : String(error);
    const reason = error instanceof SinkError ? error.reason : 'crashed';
    const retryAfterMs = error instanceof SinkError ? error.retryAfterMs : undefined;
    const residue = {
      rows: this.rows,
      reason,
      detail,
      whole: true,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    const outcome = checkOutcome({ residue: [residue] }, this.station, this.rows, this.batch.rowCount);
    return this.#end(outcome, this.station.clock.now());
  }

  #isFirstCall(): boolean {
    return this.attempts === 1 && !this.#isOver && this.station.tier.lands === 'delivered';
  }

  /** By far the most common end, so it builds nothing but the receipt. */
  #landAtOnce(): Receipt {
    const nowMs = this.station.clock.now();
    this.#release(NO_CAUSE, nowMs);
    return this.#departures.landedAtOnce(this, nowMs);
  }

  #end(outcome: Outcome | undefined, nowMs: number): Promise<Landing> | undefined {
    this.#release(outcome?.residue ?? NO_CAUSE, nowMs);
    return this.owner.ended(this, outcome, nowMs);
  }

  /** Ends the run: hands back ticket and lease, and records how long it took. */
  #release(residue: readonly Residue[], nowMs: number): void {
    this.#isOver = true;
    const { station } = this;
    if (this.#isOpen) this.#closeCall(residue.length === 0 ? undefined : faultOf(residue), nowMs);
    station.reservedBytes -= this.#leasedBytes;
    this.#leasedBytes = 0;
    const latency = residue.length === 0 ? station.landedLatency : station.leftLatency;
    latency.record(nowMs - this.startedMs);
  }

  #closeCall(reason: string | undefined, nowMs: number): void {
    this.#isOpen = false;
    this.station.deadlines.remove(this);
    this.station.settle(this.#ticket, reason, nowMs);
    this.#ticket = undefined;
  }
}

/** The reason that counts against the circuit, if there is one. */
function faultOf(residue: readonly Residue[]): string | undefined {
  return residue.find(({ reason }) => isCircuitFault(reason))?.reason;
}
