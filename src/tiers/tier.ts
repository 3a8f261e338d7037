/**
 * The port of a tier: one way to land records. A tier is a plain description until an engine runs it.
 *
 * T1 `run` lands every row it was given or names it in a residue. T2 it makes an outgoing call only
 * between `work.enter()` and `work.leave()`; a call still open when `run` settles is closed by the engine
 * with the tier's own outcome. T3 what it throws becomes a residue: a `SinkError` with its reason,
 * anything else `crashed`.
 */
import type { Batch } from '../core/batch.ts';
import type { Clock, Random } from '../core/clock.ts';
import type { Emit } from '../core/events.ts';
import type { Outcome, Passage, Residue } from '../core/outcome.ts';
import type { EngineReason } from '../core/reason.ts';
import type { RowSet } from '../core/row-set.ts';
import type { WriteRequest } from '../sinks/sink.ts';

/**
 * What a tier is given for one batch. It is itself the request to write these rows untouched, so that a
 * sink of bytes can be handed it as it is.
 */
export interface Work extends WriteRequest {
  readonly batch: Batch;
  readonly rows: RowSet;
  /** Why these rows come here; empty at the entry tier. Together they cover `rows`. */
  readonly cause: readonly Residue[];
  /** Tiers that ran before, for the record. */
  readonly trail: readonly Passage[];
  /** Aborted at the tier's deadline or by the caller. Created when first read. */
  readonly signal: AbortSignal;
  /**
   * Asks breaker, byte budget and deadline for one outgoing call.
   * @returns the refusal, or undefined when the call may start
   */
  enter(): EngineReason | undefined;
  /** Reports how the call ended: no reason means that the sink answered well. */
  leave(reason?: string): void;
  /**
   * One whole call: enters, sends, races the deadline, leaves. For tiers that call more than once.
   * @throws SinkError with the refusal, or `ambiguous` when the deadline passed; else what `send` threw
   */
  call<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** An id that is different each time it is read. */
  readonly attemptId: string;
  /** Waits; rejects with the signal's reason when that is aborted first. */
  wait(delayMs: number): Promise<void>;
}

/** What a tier may use while it runs; given once, before the first batch. */
export interface TierContext {
  /** Name of the chain. */
  readonly chain: string;
  readonly tier: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

export interface Tier<R extends string = string> {
  /** `primary`, `schema-retry` … for messages; the name in the chain may differ. */
  readonly kind: string;
  /** Reasons this tier can fail with, beside the engine's own. */
  readonly reasons: readonly R[];
  /** What becomes of rows that land here. */
  readonly lands: 'delivered' | 'deferred';
  /** Bytes of memory held per byte of body while it runs, for the budget. @default 1 */
  readonly amplification?: number;
  /** Promises that `run` settles soon after `work.signal` is aborted. @default false */
  readonly settlesOnAbort?: boolean;
  open?(context: TierContext): Promise<void>;
  run(work: Work): Promise<Outcome | undefined> | Outcome | undefined;
  /** Flushes what the tier holds; safe to call twice. */
  close?(): Promise<void>;
}
