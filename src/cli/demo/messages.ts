/** What the writer tells the storyteller, one JSON line each on its standard output; and the one answer it waits for. */
import type { LossReport } from '../../core/loss.ts';
import type { Phase } from './plan.ts';

/** What the writer has to be told before it goes on: each phase, and draining at the end. */
export type Gate = Phase | 'drain';

export interface ReceiptMessage {
  readonly type: 'receipt';
  readonly phase: Phase;
  readonly feed: string;
  readonly chain: string;
  readonly batchKey: string;
  /** Which batch of the feed it is about. */
  readonly endOffset: number;
  readonly records: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly deferred: number;
  readonly rejected: number;
  /** Time in the engine, in milliseconds. */
  readonly latencyMs: number;
  /** Why rows left a tier, and how many. */
  readonly left: readonly { readonly tier: string; readonly reason: string; readonly rows: number }[];
}

export type WriterMessage =
  | {
      readonly type: 'ready';
      /** Records of batches that a checkpoint says are acknowledged; undefined at the first start. */
      readonly resumedAt: number | undefined;
    }
  | { readonly type: 'gate'; readonly gate: Gate }
  | ReceiptMessage
  | {
      readonly type: 'degraded';
      /** The live chain or its replay. */
      readonly chain: string;
      readonly batchKey: string;
      readonly loss: LossReport;
    }
  | {
      readonly type: 'circuit';
      readonly chain: string;
      readonly tier: string;
      readonly circuit: 'open' | 'closed';
    }
  | {
      readonly type: 'stored';
      readonly chain: string;
      readonly ref: string;
      readonly rows: number;
      readonly bytes: number;
    }
  | {
      readonly type: 'settled';
      readonly chain: string;
      readonly delivered: number;
      readonly degraded: number;
      readonly alreadyHeld: number;
      readonly quarantined: number;
    }
  | {
      readonly type: 'drained';
      readonly chain: string;
      readonly drained: boolean;
      readonly obstacle: string | undefined;
    }
  | { readonly type: 'done' };

export interface GoMessage {
  readonly type: 'go';
  readonly gate: Gate;
}
