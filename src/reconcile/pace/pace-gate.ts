/**
 * Where replay waits for its turn: asks the pacer when an entry comes, when one was answered, and when time has come.
 *
 * G1 who came first is asked first, but nobody waits for a key that is not let in yet. G2 a wait ends with its signal,
 * with `letGo`, with a turn, or because the sink is away; it leaves no timer behind. G3 a turn is handed back once.
 */
import type { Cancel, Clock } from '../../core/clock.ts';
import { linkAbort } from '../../core/signal.ts';
import type { Pacer, Turn } from './pacer.ts';
import type { Answer } from './verdict.ts';

export type Entry =
  | { readonly state: 'go'; readonly leave: (answer: Answer | undefined) => void }
  | { readonly state: 'away'; readonly reason: string; readonly retryAfterMs: number }
  /** The caller stops working. */
  | { readonly state: 'stopped' };

interface Waiter {
  readonly key: string;
  readonly rows: number;
  readonly settle: (entry: Entry) => void;
}

export class PaceGate {
  readonly #pacer: Pacer;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #cancel: Cancel | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(pacer: Pacer, clock: Clock) {
    this.#pacer = pacer;
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Waits for leave to send `rows` rows under `key`. @throws the signal's reason */
  async enter(key: string, rows: number, signal: AbortSignal): Promise<Entry> {
    signal.throwIfAborted();
    // G1: whoever waits goes first.
    const offer = this.#waiters.size === 0 ? this.#pacer.offer(key, rows, this.#clock.now()) : undefined;
    if (offer?.state === 'go') return { state: 'go', leave: this.#leaveOf(offer.turn) };
    return new Promise<Entry>((resolve, reject) => {
      const waiter: Waiter = {
        key,
        rows,
        settle: (entry) => {
          this.#waiters.delete(waiter);
          unlink();
          resolve(entry);
        },
      };
      const unlink = linkAbort(signal, (reason) => {
        this.#waiters.delete(waiter);
        this.#rest();
        reject(reason);
      });
      this.#waiters.add(waiter);
      this.#ask();
    });
  }

  /** Ends every wait; who comes later waits again. */
  letGo(): void {
    for (const waiter of [...this.#waiters]) waiter.settle({ state: 'stopped' });
    this.#rest();
  }

  /** Something changed that may let somebody in, or send them away. */
  ask(): void {
    if (this.#waiters.size > 0) this.#ask();
  }

  #ask(): void {
    const nowMs = this.#clock.now();
    let dueMs = Number.POSITIVE_INFINITY;
    for (const waiter of [...this.#waiters]) {
      const offer = this.#pacer.offer(waiter.key, waiter.rows, nowMs);
      if (offer.state === 'wait') dueMs = Math.min(dueMs, offer.untilMs);
      else if (offer.state === 'away') waiter.settle(offer);
      else waiter.settle({ state: 'go', leave: this.#leaveOf(offer.turn) });
      // Nobody gets in before an answer, and then all are asked again.
      if (offer.state === 'wait' && this.#pacer.isFull) break;
    }
    this.#schedule(dueMs, nowMs);
  }

  #leaveOf(turn: Turn): (answer: Answer | undefined) => void {
    let isOut = true;
    return (answer) => {
      if (!isOut) return;
      isOut = false;
      this.#pacer.answered(turn, answer, this.#clock.now());
      this.ask();
    };
  }

  #schedule(dueMs: number, nowMs: number): void {
    if (dueMs === this.#dueMs) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#dueMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const run = (): void => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#ask();
    };
    this.#cancel = this.#clock.schedule(dueMs - nowMs, run, { keepAlive: true });
  }

  /** G2. */
  #rest(): void {
    if (this.#waiters.size === 0) this.#schedule(Number.POSITIVE_INFINITY, 0);
  }
}
