/**
 * The circuit breaker of one tier: cockatiel's state machine, consulted by state and fed directly.
 *
 * Owns cockatiel: nobody else imports it. What cockatiel leaves open is closed here:
 * K1 time is the injected clock's; cockatiel itself never waits and is only asked once the pause is over.
 * K2 half-open admits `probes` calls and refuses the rest at once; nobody is ever parked behind a probe.
 * K3 a probe holds a lease; one that never settles counts as failed when the lease ends.
 * K4 a result carries the epoch it started in and is ignored in any other.
 * K5 after closing, concurrency ramps up: twice as many after each success, then no limit.
 * K6 state is plain JSON; isolation survives it and can be released.
 */
import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConstantBackoff,
  circuitBreaker,
  handleAll,
  type IBreaker,
} from 'cockatiel';
import type { Clock, Random } from '../core/clock.ts';
import { FailureWindow, type FailureWindowOptions } from './failure-window.ts';

export interface BreakerOptions extends FailureWindowOptions {
  /** Calls admitted while half-open; all must settle before the circuit closes. @default 1 */
  readonly probes?: number;
  /** Share of probes that may fail, 0 to below 1. @default 0 */
  readonly probeFailureRatio?: number;
  /** First pause after opening, in milliseconds; doubles with each failed probe. @default 1_000 */
  readonly pauseMs?: number;
  /** Longest pause, in milliseconds. @default 30_000 */
  readonly pauseMaxMs?: number;
  /** Longest a probe may take before it counts as failed, in milliseconds. @default 1.5 times the tier's timeout, 15_000 at least */
  readonly probeLeaseMs?: number;
}

export type CircuitName = 'closed' | 'open' | 'half-open' | 'isolated';

/** What survives a restart. */
export interface BreakerState {
  readonly circuit: CircuitName;
  /** Failed rounds so far; decides the next pause. */
  readonly rounds: number;
}

export interface BreakerListener {
  opened(retryInMs: number): void;
  halfOpened(): void;
  closed(): void;
}

/** Leave to make one call. Hand it back with `settle`. */
export interface Ticket {
  readonly epoch: number;
  readonly probe: ((succeeded: boolean) => void) | undefined;
  readonly leaseEndsMs: number;
}

const RAMP_LIMIT = 64;
const PROBE_FAILED = Object.freeze(new Error('probe failed'));
const never: Promise<void> = Promise.resolve();

export class Breaker {
  readonly #window: FailureWindow;
  readonly #policy: CircuitBreakerPolicy;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #listener: BreakerListener;
  readonly #probes: number;
  readonly #pauseMs: number;
  readonly #pauseMaxMs: number;
  readonly #probeLeaseMs: number;
  /** Shared by all calls of a closed era, so admitting one allocates nothing. */
  #ticket: Ticket = { epoch: 0, probe: undefined, leaseEndsMs: 0 };
  #tripping = false;
  /** Closed, not about to open, and no longer ramping: nearly always, so it is asked first. */
  #isFree = true;
  #rounds = 0;
  #reopensAtMs = 0;
  #pending: Ticket[] = [];
  #probesIssued = 0;
  #rampLimit = Number.POSITIVE_INFINITY;
  #rampInFlight = 0;
  #isolation: { dispose(): void } | undefined;

  constructor(
    options: BreakerOptions,
    clock: Clock,
    random: Random,
    listener: BreakerListener,
    saved?: BreakerState,
  ) {
    this.#window = new FailureWindow(options);
    this.#clock = clock;
    this.#random = random;
    this.#listener = listener;
    this.#probes = options.probes ?? 1;
    this.#pauseMs = options.pauseMs ?? 1_000;
    this.#pauseMaxMs = options.pauseMaxMs ?? 30_000;
    this.#probeLeaseMs = options.probeLeaseMs ?? Math.max(15_000, 1.5 * (options.callMaxMs ?? 0));
    this.#policy = circuitBreaker(handleAll, {
      breaker: this.#asCockatielBreaker(),
      // Below any difference: cockatiel compares with the machine's wall clock, which may be set back.
      halfOpenAfter: new ConstantBackoff(Number.NEGATIVE_INFINITY),
      halfOpenSampling: { calls: this.#probes, threshold: options.probeFailureRatio ?? 0 },
    });
    this.#policy.onBreak((reason) => this.#onBreak('isolated' in reason));
    this.#policy.onReset(() => this.#onReset());
    this.#policy.onHalfOpen(() => this.#listener.halfOpened());
    if (saved) this.#restore(saved);
  }

  get circuit(): CircuitName {
    if (this.#isolation) return 'isolated';
    if (this.#tripping) return 'open';
    switch (this.#policy.state) {
      case CircuitState.Closed:
        return 'closed';
      case CircuitState.HalfOpen:
        return 'half-open';
      default:
        return 'open';
    }
  }

  /** Whether a call now would be refused; takes nothing. */
  refuses(nowMs: number): boolean {
    if (this.#isFree) return false;
    if (this.#policy.state === CircuitState.Closed && !this.#tripping)
      return this.#rampInFlight >= this.#rampLimit;
    if (this.#tripping || this.#isolation) return true;
    if (this.#policy.state === CircuitState.Open) return nowMs < this.#reopensAtMs;
    this.#expireLeases(nowMs);
    return this.#probesIssued >= this.#probes;
  }

  /** @returns leave to make one call, or undefined when the circuit refuses */
  admit(nowMs: number): Ticket | undefined {
    if (this.#isFree) return this.#ticket;
    if (this.#policy.state === CircuitState.Closed && !this.#tripping) {
      if (this.#rampLimit !== Number.POSITIVE_INFINITY) {
        if (this.#rampInFlight >= this.#rampLimit) return undefined;
        this.#rampInFlight += 1;
      }
      return this.#ticket;
    }
    return this.refuses(nowMs) ? undefined : this.#probe(nowMs);
  }

  /** Tells how an admitted call ended. */
  settle(ticket: Ticket, succeeded: boolean, nowMs: number): void {
    if (ticket.epoch !== this.#ticket.epoch) return;
    if (ticket.probe) {
      this.#pending = this.#pending.filter((other) => other !== ticket);
      ticket.probe(succeeded);
      return;
    }
    if (this.#rampLimit !== Number.POSITIVE_INFINITY) this.#ramp(succeeded);
    if (succeeded) this.#window.succeed(nowMs);
    else if (this.#window.fail(nowMs)) this.#trip();
  }

  /** Holds the circuit open until `release()`; calling it twice is the same as once. */
  isolate(): void {
    this.#isolation ??= this.#policy.isolate();
  }

  release(): void {
    this.#isolation?.dispose();
    this.#isolation = undefined;
  }

  toJSON(): BreakerState {
    return { circuit: this.circuit, rounds: this.#rounds };
  }

  #restore(saved: BreakerState): void {
    this.#rounds = saved.rounds;
    if (saved.circuit === 'isolated') this.isolate();
    if (saved.circuit === 'isolated' || saved.circuit === 'closed') return;
    // Tripping counts a round, and a restart is none: a process that restarts often must still probe.
    this.#rounds = Math.max(0, (saved.rounds || 1) - 1);
    this.#trip();
  }

  /** cockatiel asks this object; the counting was done before it is asked. */
  #asCockatielBreaker(): IBreaker {
    return { state: undefined, success: () => {}, failure: () => true };
  }

  /** cockatiel opens a few microtasks later; `#tripping` refuses calls until then. */
  #trip(): void {
    if (this.#tripping || this.#policy.state !== CircuitState.Closed) return;
    this.#tripping = true;
    this.#isFree = false;
    this.#scheduleReopening();
    this.#policy.execute(() => Promise.reject(PROBE_FAILED)).catch(() => never);
  }

  #scheduleReopening(): void {
    const pause = Math.min(this.#pauseMaxMs, this.#pauseMs * 2 ** this.#rounds);
    // Half the pause is fixed and half is chance, so that many processes do not probe together.
    this.#reopensAtMs = this.#clock.now() + pause / 2 + (pause / 2) * this.#random();
    this.#rounds += 1;
  }

  #probe(nowMs: number): Ticket {
    if (this.#policy.state === CircuitState.Open) this.#newEpoch();
    let probe: (succeeded: boolean) => void = () => {};
    const outcome = new Promise<void>((resolve, reject) => {
      probe = (succeeded) => (succeeded ? resolve() : reject(PROBE_FAILED));
    });
    const ticket: Ticket = { epoch: this.#ticket.epoch, probe, leaseEndsMs: nowMs + this.#probeLeaseMs };
    this.#pending.push(ticket);
    this.#probesIssued += 1;
    this.#policy.execute(() => outcome).catch(() => never);
    return ticket;
  }

  #expireLeases(nowMs: number): void {
    for (const ticket of this.#pending) {
      if (nowMs >= ticket.leaseEndsMs) this.settle(ticket, false, nowMs);
    }
  }

  #newEpoch(): void {
    this.#ticket = { epoch: this.#ticket.epoch + 1, probe: undefined, leaseEndsMs: 0 };
    this.#pending = [];
    this.#probesIssued = 0;
    this.#rampInFlight = 0;
  }

  #ramp(succeeded: boolean): void {
    this.#rampInFlight -= 1;
    if (!succeeded) return;
    this.#rampLimit *= 2;
    if (this.#rampLimit <= RAMP_LIMIT) return;
    this.#rampLimit = Number.POSITIVE_INFINITY;
    this.#isFree = true;
  }

  #onBreak(isolated: boolean): void {
    if (!isolated && !this.#tripping) this.#scheduleReopening();
    this.#tripping = false;
    this.#isFree = false;
    this.#newEpoch();
    this.#listener.opened(
      isolated ? Number.POSITIVE_INFINITY : Math.max(0, this.#reopensAtMs - this.#clock.now()),
    );
  }

  #onReset(): void {
    this.#rounds = 0;
    this.#window.clear();
    this.#newEpoch();
    this.#rampLimit = Math.max(1, this.#probes);
    this.#listener.closed();
  }
}
