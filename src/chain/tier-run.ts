/**
 * One tier's run over some rows of one batch: what the tier sees as its `Work`, with the guards round each
 * outgoing call in this order: budget, breaker, deadline.
 *
 * G1 the budget lease is held from start to end of the run and returned exactly once. G2 a call that is
 * open when the run ends is closed with the run's own outcome. G3 a run ends once; whatever the tier
 * says later (it was late, or the caller gave up) is ignored.
 */
import type { Batch } from '../core/batch.ts';
import { SinkError } from '../core/errors.ts';
import type { Outcome, Passage, Receipt, Residue } from '../core/outcome.ts';
import { type EngineReason, isCircuitFault } from '../core/reason.ts';
import { type RowSet, rowIndices } from '../core/row-set.ts';
import { linkAbort } from '../core/signal.ts';
import type { Work } from '../tiers/tier.ts';
import type { Ticket } from './breaker.ts';
import type { Deadlined } from './deadlines.ts';
import type { Station } from './station.ts';

/** Whoever started the run and wants to know how it ended. */
export interface RunOwner {
  readonly batch: Batch;
  readonly trail: readonly Passage[];
  nextAttemptId(): string;
  ended(run: TierRun, outcome: Outcome | undefined, nowMs: number): void;
  /** Called when the tier's own promise settled, after `ended`. */
  landing(): Landing;
}

/** The receipt, or the promise of it; nothing when somebody else hands it to the caller. */
export type Landing = Receipt | Promise<Receipt> | undefined;

export class TierRun implements Work, Deadlined {
  readonly station: Station;
  readonly rows: RowSet;
  readonly cause: readonly Residue[];
  readonly startedMs: number;
  attempts = 0;
  earlier: Deadlined | undefined = undefined;
  later: Deadlined | undefined = undefined;
  readonly #owner: RunOwner;
  #leasedBytes = 0;
  #ticket: Ticket | undefined = undefined;
  #isOpen = false;
  #isOver = false;
  #controller: AbortController | undefined = undefined;
  /** When a second or later call was made. */
  #recalledMs: number | undefined = undefined;

  constructor(owner: RunOwner, station: Station, rows: RowSet, cause: readonly Residue[], startedMs: number) {
    this.#owner = owner;
    this.station = station;
    this.rows = rows;
    this.cause = cause;
    this.startedMs = startedMs;
  }

  get batch(): Batch {
    return this.#owner.batch;
  }

  get trail(): readonly Passage[] {
    return this.#owner.trail;
  }

  get calledMs(): number {
    return this.#recalledMs ?? this.startedMs;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  /** @returns what the owner makes of the end, for a run that is still going when this returns */
  start(): Promise<Landing> | undefined {
    const { station } = this;
    // Looking before the tier runs spares the decoding too; no Error is built for a closed door.
    if (station.breaker?.refuses(this.startedMs))
      return this.#end(this.#refusal('circuit-open'), this.startedMs);
    const bytes = this.#owner.batch.bytes * station.amplification;
    if (station.reservedBytes + bytes > station.budgetBytes) {
      return this.#end(this.#refusal('over-budget'), this.startedMs);
    }
    station.reservedBytes += bytes;
    this.#leasedBytes = bytes;
    let result: Promise<Outcome | undefined> | Outcome | undefined;
    try {
      result = station.tier.run(this);
    } catch (error) {
      return this.#fail(error);
    }
    if (!(result instanceof Promise)) return this.#succeed(result);
    return result.then(
      (outcome) => {
        this.#succeed(outcome);
        return this.#owner.landing();
      },
      (error: unknown) => {
        this.#fail(error);
        return this.#owner.landing();
      },
    );
  }

  enter(): EngineReason | undefined {
    if (this.attempts > 0) this.#recalledMs = this.station.clock.now();
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
    const refusal = this.#isOver ? 'crashed' : this.enter();
    if (refusal) throw new SinkError(refusal, `${this.station.name}: the call was not made (${refusal})`);
    // The race is the call's own: a late call fails this attempt, not the whole run.
    this.station.deadlines.remove(this);
    const attempt = new AbortController();
    const unlink = linkAbort(this.signal, (reason) => attempt.abort(reason));
    try {
      const answer = await this.#race(send(attempt.signal), attempt);
      this.leave();
      return answer;
    } catch (error) {
      this.leave(error instanceof SinkError ? error.reason : 'crashed');
      throw error;
    } finally {
      unlink();
    }
  }

  get attemptId(): string {
    return this.#owner.nextAttemptId();
  }

  get keys(): readonly string[] {
    const { batch } = this.#owner;
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
    this.#fail(error);
    this.#controller?.abort(error);
  }

  get isCallOpen(): boolean {
    return this.#isOpen;
  }

  #race<T>(answer: Promise<T>, attempt: AbortController): Promise<T> {
    return new Promise((resolve, reject) => {
      const { station } = this;
      const late = {
        calledMs: this.calledMs,
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

  #refusal(reason: EngineReason): Outcome {
    return { residue: [{ rows: this.rows, reason }] };
  }

  #succeed(outcome: Outcome | undefined): undefined {
    if (!this.#isOver) this.#end(outcome, this.station.clock.now());
  }

  #fail(error: unknown): undefined {
    if (this.#isOver) return;
    const detail = error instanceof Error ? error.message : String(error);
    const reason = error instanceof SinkError ? error.reason : 'crashed';
    const retryAfterMs = error instanceof SinkError ? error.retryAfterMs : undefined;
    const residue = {
      rows: this.rows,
      reason,
      detail,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    this.#end({ residue: [residue] }, this.station.clock.now());
  }

  #end(outcome: Outcome | undefined, nowMs: number): undefined {
    this.#isOver = true;
    const { station } = this;
    const residue = outcome?.residue;
    if (this.#isOpen) this.#closeCall(residue?.find(({ reason }) => isCircuitFault(reason))?.reason, nowMs);
    station.reservedBytes -= this.#leasedBytes;
    this.#leasedBytes = 0;
    const latency = residue === undefined || residue.length === 0 ? station.landedLatency : station.leftLatency;
    latency.record(nowMs - this.startedMs);
    this.#owner.ended(this, outcome, nowMs);
  }

  #closeCall(reason: string | undefined, nowMs: number): void {
    this.#isOpen = false;
    this.station.deadlines.remove(this);
    if (!this.#ticket) return;
    const isFault = reason !== undefined && isCircuitFault(reason);
    if (isFault) this.station.noteFault(reason);
    this.station.breaker?.settle(this.#ticket, !isFault, nowMs);
    this.#ticket = undefined;
  }
}
