/** Everything an engine or a worker tells its listeners, in the past tense. Nothing is built when nobody listens. */
import type { LossReport } from './loss.ts';

export interface Events {
  /** Rows left a tier for another (`to` is a tier, `REJECT` or `DROP`). */
  tierTransitioned: {
    readonly chain: string;
    readonly batchId: string;
    readonly from: string;
    readonly to: string;
    readonly reason: string;
    readonly rows: number;
    readonly attempts: number;
    readonly detail: string | undefined;
  };
  batchDegraded: {
    readonly chain: string;
    readonly batchId: string;
    readonly tier: string;
    readonly rows: number;
    readonly loss: LossReport;
  };
  batchDeferred: {
    readonly chain: string;
    readonly batchId: string;
    readonly tier: string;
    readonly rows: number;
    readonly refs: readonly string[];
  };
  batchRejected: {
    readonly chain: string;
    readonly batchId: string;
    readonly rows: number;
    readonly reasons: readonly string[];
  };
  circuitOpened: {
    readonly chain: string;
    readonly tier: string;
    readonly reason: string;
    readonly retryInMs: number;
  };
  circuitHalfOpened: { readonly chain: string; readonly tier: string };
  circuitClosed: { readonly chain: string; readonly tier: string };
  callRetried: {
    readonly chain: string;
    readonly batchId: string;
    readonly tier: string;
    readonly attempts: number;
    readonly reason: string;
    readonly delayMs: number;
  };
  objectStored: { readonly chain: string; readonly ref: string; readonly rows: number; readonly bytes: number };
  /** Settled objects were deleted because their time was over. */
  objectsExpired: { readonly chain: string; readonly objects: number; readonly rows: number };
  storageFailed: {
    readonly chain: string;
    readonly operation: string;
    readonly code: string;
    readonly message: string;
  };
  journalDamaged: {
    readonly chain: string;
    readonly file: string;
    readonly offset: number;
    readonly bytes: number;
  };
  /** The journal passed a mark of its watermark, in either direction; `fill` is 1 at the watermark. */
  journalPressed: {
    readonly chain: string;
    readonly level: 'calm' | 'hurried' | 'no-low' | 'no-normal' | 'full';
    readonly fill: number;
  };
  jobAnnounced: { readonly chain: string; readonly job: string; readonly ref: string; readonly rows: number };
  jobSettled: {
    readonly chain: string;
    readonly job: string;
    readonly ref: string;
    readonly delivered: number;
    readonly degraded: number;
    readonly quarantined: number;
    readonly alreadyHeld: number;
  };
  jobPostponed: {
    readonly chain: string;
    readonly job: string;
    readonly ref: string;
    readonly reason: string;
    readonly delayMs: number;
    readonly attempts: number;
  };
  /** The sink is away: replay sends nothing, and asks for it in `delayMs`. */
  replayPaused: { readonly chain: string; readonly reason: string; readonly delayMs: number };
  /** The sink answered: replay goes on, with a part of the keys first. */
  replayResumed: { readonly chain: string; readonly pausedMs: number };
  rowsQuarantined: {
    readonly chain: string;
    readonly ref: string;
    readonly reason: string;
    readonly rows: number;
  };
  /** Degraded rows of an object were looked at under another schema; `pending` ones stay degraded for now. */
  rowsHealed: {
    readonly chain: string;
    readonly ref: string;
    readonly healed: number;
    readonly superseded: number;
    readonly gone: number;
    readonly pending: number;
    readonly settled: boolean;
  };
}

export type EventName = keyof Events;
export type Emit = <N extends EventName>(name: N, event: Events[N]) => void;
export type Listener<N extends EventName> = (event: Events[N]) => void;

/** A typed emitter. A listener that throws never disturbs the engine: its error goes to `onListenerError`. */
export class EventBus {
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void = () => {}) {
    this.#onListenerError = onListenerError;
  }

  /** @returns a function that stops listening; calling it twice is safe */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** Whether building an event for `name` is worth it. */
  has(name: EventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  readonly emit: Emit = (name, event) => {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as (event: unknown) => void)(event);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  };
}
