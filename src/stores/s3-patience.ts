/**
 * Deadlines, backoff and retries of requests to S3: one for all requests of a store, so that they slow down together.
 *
 * I1 each attempt ends by its deadline, whatever the server and the SDK do. I2 a call ends by its patience and one
 * deadline. I3 retries are paid from a budget that successes refill, so that over time at most one request in six is
 * a retry. I4 after "slow down" no request of the store starts before the pause has passed.
 */
import type { Clock, Random } from '../core/clock.ts';
import { linkAbort } from '../core/signal.ts';
import { S3Fault, type S3FaultKind } from './s3-fault.ts';
import { S3Slots } from './s3-slots.ts';

const DELAY_MIN_MS = 100;
const DELAY_MAX_MS = 20_000;
const RETRIES_SAVED_MAX = 20;
const RETRIES_PER_SUCCESS = 0.2;
/** Kinds that are tried again, and how often at most. */
const ATTEMPTS_MAX: Partial<Record<S3FaultKind, number>> = {
  conflict: 10,
  throttled: Number.POSITIVE_INFINITY,
  unavailable: Number.POSITIVE_INFINITY,
  unknown: Number.POSITIVE_INFINITY,
  corrupt: 3,
  credentials: 2,
};

export interface S3PatienceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly patienceMs: number;
  /** Requests at the same time. */
  readonly socketsMax: number;
}

export interface S3CallOptions {
  /** Of one attempt. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called before an attempt that follows a fault. */
  readonly beforeRetry?: (fault: S3Fault) => void;
}

export class S3Patience {
  readonly #options: S3PatienceOptions;
  readonly #slots: S3Slots;
  #savedRetries = RETRIES_SAVED_MAX;
  #throttlesInRow = 0;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: S3PatienceOptions) {
    this.#options = options;
    this.#slots = new S3Slots(options.socketsMax);
  }

  /**
   * Runs `attempt` until it succeeds, fails for good, or patience ends.
   * @throws S3Fault of the last attempt; the reason of `signal`
   */
  async call<T>(attempt: (signal: AbortSignal) => Promise<T>, options: S3CallOptions): Promise<T> {
    const { clock, patienceMs } = this.#options;
    const endMs = clock.now() + patienceMs;
    for (let attempts = 1; ; attempts += 1) {
      if (this.#quietUntilMs > endMs) throw new S3Fault('throttled', 'the server asked for a longer pause');
      await this.#waitUntil(this.#quietUntilMs, options.signal);
      try {
        const result = await this.#slots.with(options.signal, () => this.#once(attempt, options));
        this.#succeed();
        return result;
      } catch (error) {
        if (!(error instanceof S3Fault)) throw error;
        if (ANSWERS.has(error.kind)) this.#succeed();
        const untilMs = this.#retryAt(error, attempts);
        if (untilMs === undefined || untilMs > endMs || !this.#spend()) throw error;
        await this.#waitUntil(untilMs, options.signal);
        options.beforeRetry?.(error);
      }
    }
  }

  /** I1: the deadline also ends what does not listen to its signal. */
  async #once<T>(attempt: (signal: AbortSignal) => Promise<T>, options: S3CallOptions): Promise<T> {
    const { timeoutMs, signal } = options;
    const controller = new AbortController();
    const ended = Promise.withResolvers<never>();
    const end = (reason: unknown): void => {
      ended.reject(reason);
      controller.abort(reason);
    };
    const unlink = signal ? linkAbort(signal, end) : () => {};
    const cancel = this.#options.clock.schedule(timeoutMs, () =>
      end(new S3Fault('unknown', `no answer within ${timeoutMs} ms`)),
    );
    try {
      return await Promise.race([ended.promise, attempt(controller.signal)]);
    } finally {
      cancel();
      unlink();
    }
  }

  #succeed(): void {
    this.#throttlesInRow = 0;
    this.#savedRetries = Math.min(RETRIES_SAVED_MAX, this.#savedRetries + RETRIES_PER_SUCCESS);
  }

  #spend(): boolean {
    if (this.#savedRetries < 1) return false;
    this.#savedRetries -= 1;
    return true;
  }

  /** @returns when the next attempt may start; undefined when there is none */
  #retryAt(fault: S3Fault, attempts: number): number | undefined {
    const nowMs = this.#options.clock.now();
    if (fault.kind === 'throttled') this.#pause(fault, nowMs);
    if (attempts >= (ATTEMPTS_MAX[fault.kind] ?? 1)) return undefined;
    if (fault.kind === 'throttled') return this.#quietUntilMs;
    return nowMs + Math.max(fault.retryAfterMs ?? 0, this.#backoffMs(attempts));
  }

  /** Requests that were under way together are throttled together: they lengthen one pause, not one each. */
  #pause(fault: S3Fault, nowMs: number): void {
    if (nowMs < this.#quietUntilMs) return;
    this.#throttlesInRow += 1;
    this.#quietUntilMs = nowMs + Math.max(fault.retryAfterMs ?? 0, this.#backoffMs(this.#throttlesInRow));
  }

  /** Full jitter, but never nothing. */
  #backoffMs(attempts: number): number {
    const limitMs = Math.min(DELAY_MAX_MS, DELAY_MIN_MS * 2 ** Math.min(attempts, 20));
    return DELAY_MIN_MS / 2 + this.#options.random() * (limitMs - DELAY_MIN_MS / 2);
  }

  async #waitUntil(timeMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const delayMs = timeMs - this.#options.clock.now();
    if (!(delayMs > 0)) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.schedule(delayMs, resolve, { keepAlive: true });
    const unlink = signal ? linkAbort(signal, reject) : () => {};
    await promise.finally(() => {
      cancel();
      unlink();
    });
  }
}

/** Faults by which a healthy server answers a question. */
const ANSWERS: ReadonlySet<S3FaultKind> = new Set(['exists', 'absent', 'no-upload', 'no-range']);
