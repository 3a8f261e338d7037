/**
 * The port of the quarantine: rows that replay cannot land, kept with their own bytes until somebody decides.
 *
 * K1 `add` resolves only when the rows are durable; a row added again is there once. K2 a row that was ever
 * added is known by `rowsOf` for good, also after it was released or discarded. K3 `release` makes the row
 * durable elsewhere before it is marked. K4 nothing is deleted.
 */
import type { Format, Priority } from '../core/batch.ts';

export type QuarantineState = 'held' | 'released' | 'discarded';

/** A row on its way into quarantine. */
export interface RowToQuarantine {
  /** The object it was replayed from. */
  readonly ref: string;
  /** Sequence number of its entry in that object. */
  readonly entry: number;
  /** Index in the body of that entry. */
  readonly row: number;
  readonly batchKey: string;
  /** Index in the batch as it was first submitted. */
  readonly originalRow: number;
  readonly orderingKey: string | undefined;
  readonly priority: Priority;
  readonly format: Format;
  readonly attributes: Readonly<Record<string, string>>;
  readonly receivedAtMs: number;
  /** Tiers passed, as JSON. */
  readonly trail: string;
  readonly reason: string;
  /** The sink's or the check's own words. */
  readonly detail: string | undefined;
  /** Times its job was claimed. */
  readonly attempts: number;
  /** The row alone, as a body of `format`. */
  readonly body: Uint8Array;
}

export interface QuarantinedRow extends RowToQuarantine {
  /** 32 hex digits: over object, entry and row. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly quarantinedAt: string;
  readonly state: QuarantineState;
}

/** Which rows are meant; without fields, all that are held. */
export interface QuarantineFilter {
  readonly reason?: string;
  /** Only rows of this object. */
  readonly ref?: string;
  /** Only rows of batches with this ordering key. */
  readonly orderingKey?: string;
  /** Only rows that were quarantined then or later. */
  readonly since?: Date;
}

/** Rows by id, or by what they have in common. Ids that are not held are passed over. */
export type QuarantineSelection = readonly string[] | QuarantineFilter;

export interface QuarantineAction {
  /** Says what would be done and does nothing. @default false */
  readonly dryRun?: boolean;
}

export interface QuarantineCount {
  readonly reason: string;
  readonly held: number;
  readonly released: number;
  readonly discarded: number;
}

/** By seq of the entry: indices in its body. Entries without such rows are left out. */
export type Aside = ReadonlyMap<number, ReadonlySet<number>>;

export interface Quarantine {
  /** @returns how many of the rows were new */
  add(rows: readonly RowToQuarantine[]): Promise<number>;
  /** Rows of an object that were ever added, in any state. */
  asideOf(ref: string): Promise<Aside>;
  /** Held rows in order of object, entry and row. @param options.limit @default 100 */
  list(filter?: QuarantineFilter & { readonly limit?: number }): Promise<readonly QuarantinedRow[]>;
  /** Held rows with their bytes, in order of object, entry and row; an object in memory at a time. */
  read(selection: QuarantineSelection): AsyncIterable<QuarantinedRow>;
  get(id: string): Promise<QuarantinedRow | undefined>;
  /** Sends held rows through replay again. @returns the ids */
  release(selection: QuarantineSelection, action?: QuarantineAction): Promise<readonly string[]>;
  /** Gives held rows up; their bytes stay in the store. @returns the ids */
  discard(selection: QuarantineSelection, action?: QuarantineAction): Promise<readonly string[]>;
  /** Rows by reason. */
  counts(): Promise<readonly QuarantineCount[]>;
}
