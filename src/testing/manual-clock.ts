/**
 * A clock that moves only when told, for tests that must not sleep.
 *
 * M1 time moves only in `advance`. M2 due timers run in order of due time, then of scheduling, each at its
 * own due time. M3 promises settled by one timer are served before the next timer runs.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Cancel, Clock } from '../core/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

export interface ManualClockStart {
  /** @default 0 */
  readonly nowMs?: number;
  /** Milliseconds since 1970. @default 1_700_000_000_000 */
  readonly wallMs?: number;
}

export class ManualClock implements Clock {
  // Insertion order is scheduling order, which breaks ties of due time.
  readonly #timers = new Set<Timer>();
  #nowMs: number;
  #wallMs: number;

  constructor(start: ManualClockStart = {}) {
    this.#nowMs = start.nowMs ?? 0;
    this.#wallMs = start.wallMs ?? 1_700_000_000_000;
  }

  now(): number {
    return this.#nowMs;
  }

  wallNow(): number {
    return this.#wallMs;
  }

  schedule(delayMs: number, run: () => void): Cancel {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs || 0), run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Timers that are scheduled and have not run. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer is due; undefined when none is scheduled. */
  get nextDueMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.dueMs - this.#nowMs;
  }

  /**
   * Moves time forward by `ms`, running every timer that falls due, also those scheduled on the way.
   * Pending promises are served before, between and after. Rejects with what a timer throws.
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await nextTurn();
    for (let timer = this.#next(); timer !== undefined && timer.dueMs <= untilMs; timer = this.#next()) {
      this.#timers.delete(timer);
      this.#moveTo(timer.dueMs);
      timer.run();
      await nextTurn();
    }
    this.#moveTo(untilMs);
  }

  /** Steps the wall clock alone, as an operator or NTP would; negative steps back. */
  stepWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    return next;
  }

  #moveTo(nowMs: number): void {
    // Another advance() may have moved time past this point meanwhile: time never goes back.
    const byMs = Math.max(0, nowMs - this.#nowMs);
    this.#nowMs += byMs;
    this.#wallMs += byMs;
  }
}
