/**
 * The deadlines of one tier's open calls. All last equally long, so start order is deadline order: one
 * linked list and one timer serve them all, where a timer per call costs twenty times more.
 *
 * L1 `expire` is called at most once per call, and never after `remove`.
 */
import type { Cancel, Clock } from '../core/clock.ts';

/** A call that can run late; the list threads through the calls themselves. */
export interface Deadlined {
  /** When the call was made; read, never written, by the list. */
  readonly calledMs: number;
  earlier: Deadlined | undefined;
  later: Deadlined | undefined;
  expire(): void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #first: Deadlined | undefined;
  #last: Deadlined | undefined;
  #cancelTimer: Cancel | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  add(call: Deadlined): void {
    call.earlier = this.#last;
    if (this.#last) this.#last.later = call;
    else this.#first = call;
    this.#last = call;
    if (this.#cancelTimer === undefined) this.#arm(this.#timeoutMs);
  }

  remove(call: Deadlined): void {
    if (call.earlier) call.earlier.later = call.later;
    else if (this.#first === call) this.#first = call.later;
    if (call.later) call.later.earlier = call.earlier;
    else if (this.#last === call) this.#last = call.earlier;
    call.earlier = undefined;
    call.later = undefined;
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** The timer stays armed when calls come and go; it looks at the list only when it fires. */
  #arm(delayMs: number): void {
    this.#cancelTimer = this.#clock.schedule(delayMs, () => this.#fire(), { keepAlive: false });
  }

  #fire(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.now();
    while (this.#first && this.#first.calledMs + this.#timeoutMs <= nowMs) {
      const late = this.#first;
      this.remove(late);
      late.expire();
    }
    if (this.#first && this.#cancelTimer === undefined) {
      this.#arm(Math.max(1, this.#first.calledMs + this.#timeoutMs - nowMs));
    }
  }
}
