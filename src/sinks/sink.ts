/**
 * The port every target of decoded records implements. An adapter is one file; a user's own passes the
 * same contract suite (`tierfall/testing`).
 *
 * S1 `write` resolves only when the rows it does not name are in the sink. S2 rows it names in a residue
 * are not in the sink, unless the reason is `ambiguous`. S3 a whole-request failure is a thrown
 * `SinkError`; failures of single rows are a residue. S4 writing the same keys again changes nothing when
 * `idempotent` is true. S5 `upgrade` looks at a row and replaces it in one step, and only while the row is exactly as
 * `degraded` says: whatever else lies under the key is newer than what is being healed. It inserts nothing.
 */
import type { Batch } from '../core/batch.ts';
import type { Columns } from '../core/columns.ts';
import type { Residue } from '../core/outcome.ts';
import type { RowSet } from '../core/row-set.ts';

/** A decoded record as an object without prototype. */
export type SinkRecord = Readonly<Record<string, unknown>>;

/** What a sink wants to be given. `columns` needs a schema; `records` uses one if there is one. */
export type SinkInput = 'bytes' | 'columns' | 'records';

export interface WriteRequest {
  readonly batch: Batch;
  /** Rows to write, as indices into `batch`. */
  readonly rows: RowSet;
  /** The rows as columns, in the order of `columns.rows`; present when the sink accepts `columns`. */
  readonly columns: Columns | undefined;
  /** The rows as objects, in the order of `rows`; present when the sink accepts `records`. */
  readonly records: readonly SinkRecord[] | undefined;
  /** One stable key per row, in the order of `rows`; the same for every attempt. Computed on first use. */
  readonly keys: readonly string[];
  /** Rotates per attempt; for tracing and for sinks that log requests, never for deduplication. */
  readonly attemptId: string;
  /** `upgrade` replaces a row of the same key with this fuller version. */
  readonly mode: 'insert' | 'upgrade';
  /** Aborted at the deadline or when the caller aborts. */
  readonly signal: AbortSignal;
}

/** Undefined means: every row is in. */
export interface WriteResult {
  readonly residue: readonly Residue[];
}

/** Fuller versions of rows that were delivered changed. */
export interface UpgradeRequest extends WriteRequest {
  readonly mode: 'upgrade';
  /** The same rows as they were delivered, in the same order. */
  readonly degraded: Pick<WriteRequest, 'columns' | 'records'>;
}

/** A row that is in none of these is held in its fuller version: since now, or since an earlier call. */
export interface UpgradeResult extends WriteResult {
  /** Rows whose key holds neither version. */
  readonly superseded: readonly number[];
  /** Rows whose key is not held. */
  readonly absent: readonly number[];
}

export interface Sink {
  /** Short, stable, for labels and messages: `sqlite:movies`. */
  readonly name: string;
  readonly accepts: SinkInput;
  /** Whether a key that is written twice is stored once. */
  readonly idempotent: boolean;
  /**
   * Promises that `write` settles soon after `request.signal` is aborted. The engine races the deadline for
   * sinks that do not, at the cost of one more promise per batch.
   * @default false
   */
  readonly settlesOnAbort?: boolean;
  /** How long the sink keeps what it was given, in milliseconds. @default not known, or for ever */
  readonly retentionMs?: number;
  write(request: WriteRequest): Promise<WriteResult | undefined>;
  /** Which of these record keys the sink holds; a capability that replay and the proof of completeness use. */
  lookup?(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Replaces rows that are still as they were degraded (S5); a capability that healing needs where records have keys. */
  upgrade?(request: UpgradeRequest): Promise<UpgradeResult>;
  /** Drops pooled connections, so that the next write starts fresh. */
  reset?(): Promise<void>;
  /** Releases resources; safe to call twice. */
  close?(): Promise<void>;
}
