/**
 * Replays one entry of a stored object: the rows that are neither in quarantine nor in the sink go through the
 * chain again, under the keys they had the first time.
 *
 * R1 a row in quarantine is never sent. R2 a row that fails for a reason of its own goes to quarantine before
 * anything is counted. R3 a row that fails for a passing reason stays in the entry: nothing is decided about it.
 * R4 rows that keep crashing a tier are put aside in the end, so that they never block their lane for ever.
 */
import { Batch, type Framer } from '../core/batch.ts';
import { BackpressureError, SinkError, StorageError, TierfallError } from '../core/errors.ts';
import type { Receipt, Residue } from '../core/outcome.ts';
import { isPassing } from '../core/reason.ts';
import { type RowSet, rowIndices } from '../core/row-set.ts';
import { heldRows } from '../diff/missing.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Sink } from '../sinks/sink.ts';
import { findKeys, type KeysOf, lookupKeys } from './completeness.ts';
import type { Quarantine, RowToQuarantine } from './quarantine.ts';

/** A chain whose edges into storing tiers were replaced by REJECT, so that a receipt names what did not land. */
export interface ReplayEngine {
  submitBatch(batch: Batch, options?: { readonly signal?: AbortSignal }): Promise<Receipt>;
}

export interface EntryDeps {
  readonly chain: string;
  readonly engine: ReplayEngine;
  /** Asked before sending, where rows may be in it, and for the proof, when it can `lookup`. */
  readonly sink?: Pick<Sink, 'lookup'> & Partial<Pick<Sink, 'idempotent'>>;
  readonly quarantine: Pick<Quarantine, 'add' | 'asideOf'>;
  readonly framer: Framer;
  /** A body of the same format with just these rows, each byte for byte. */
  readonly extractRows: (batch: Batch, rows: RowSet) => Uint8Array;
  readonly keysOf: KeysOf;
}

/** Why an entry has to wait. */
export interface Obstacle {
  readonly reason: string;
  readonly detail: string | undefined;
  /** What the sink asked for, in milliseconds; 0 when nothing. */
  readonly retryAfterMs: number;
}

export interface EntryResult {
  readonly delivered: number;
  readonly degraded: number;
  readonly alreadyHeld: number;
  /** Rows newly in quarantine, by reason. */
  readonly quarantined: ReadonlyMap<string, number>;
  /** Set when rows of this entry still have to land. */
  readonly obstacle: Obstacle | undefined;
}

/** The batch an entry came from, with its original identity. */
export function rebuildBatch(entry: JournalEntry, deps: Pick<EntryDeps, 'chain' | 'framer'>): Batch {
  const batch = batchOf(entry, entry.body, entry.rows, deps);
  if (batch.rowCount === entry.rowCount) return batch;
  throw new StorageError(
    'STORAGE_ROWS_MISMATCH',
    `entry ${entry.seq} (${entry.key}) says ${entry.rowCount} rows, its body holds ${batch.rowCount}`,
    { hint: 'Nothing of it is delivered. Compare the object with its copy, or report the format of its body.' },
  );
}

function batchOf(
  entry: JournalEntry,
  body: Uint8Array,
  rows: readonly number[] | undefined,
  { chain, framer }: Pick<EntryDeps, 'chain' | 'framer'>,
): Batch {
  const { format, orderingKey, priority, attributes, receivedAtMs, key, reason } = entry;
  const input = { body, format, priority, attributes, ...(orderingKey === undefined ? {} : { orderingKey }) };
  const isRemainder = rows !== undefined && reason !== 'beyond-tolerance';
  return new Batch(input, chain, framer, receivedAtMs, { batchKey: key, rows, isRemainder });
}

export interface EntryContext {
  readonly ref: string;
  /** Times the job was claimed, this one counted. */
  readonly attempts: number;
  /** Rows of the entry that are in quarantine. */
  readonly aside: ReadonlySet<number>;
  readonly signal: AbortSignal;
  /** Makes sure that the lease still holds. @throws LeaseLostError */
  readonly confirm: () => Promise<void>;
}

/**
 * @throws StorageError; TierfallError when the receipt does not account for every row; the signal's reason
 */
export async function replayEntry(
  entry: JournalEntry,
  deps: EntryDeps,
  context: EntryContext,
): Promise<EntryResult> {
  const batch = rebuildBatch(entry, deps);
  const all = rowIndices('all', batch.rowCount);
  const open = context.aside.size === 0 ? all : all.filter((row) => !context.aside.has(row));
  const held = mayBeHeld(entry, deps, context) ? await findHeld(batch, open, deps) : NONE_HELD;
  if ('obstacle' in held) return unsent(held.obstacle);
  const rows = held.rows.size === 0 ? open : open.filter((row) => !held.rows.has(row));
  context.signal.throwIfAborted();
  if (rows.length === 0) return { ...unsent(undefined), alreadyHeld: open.length };
  const answer = await send(entry, batch, rows, deps, context.signal);
  if ('obstacle' in answer) return { ...unsent(answer.obstacle), alreadyHeld: held.rows.size };
  const { receipt, rejections } = answer;
  context.signal.throwIfAborted();
  const refused = rejections.filter((residue) => !canPass(residue, context));
  if (refused.length > 0) {
    // A process that was stopped for a while must not put rows aside that the next owner may have landed.
    await context.confirm();
    await deps.quarantine.add(
      refused.flatMap((residue) => rowsToQuarantine(entry, batch, residue, deps, context)),
    );
  }
  return {
    delivered: receipt.delivered,
    degraded: receipt.degraded,
    alreadyHeld: held.rows.size,
    quarantined: countByReason(refused),
    obstacle: findObstacle(rejections.filter((residue) => canPass(residue, context))),
  };
}

/** A crash may be the tier's bad day or the rows' doing; after this many claims of the job it is the rows. */
const CRASHES_MAX = 8;

function canPass({ reason }: Residue, { attempts }: EntryContext): boolean {
  return isPassing(reason) && !(reason === 'crashed' && attempts >= CRASHES_MAX);
}

interface EntryResidue extends Residue {
  /** Rows of the entry. */
  readonly rows: readonly number[];
}

interface Stopped {
  readonly obstacle: Obstacle;
}

/** Reasons with which rows may have been written all the same. */
const UNKNOWN_OUTCOMES: ReadonlySet<string> = new Set(['ambiguous', 'crashed']);
const NONE_HELD = { rows: new Set<number>() };

/**
 * Rows that were never sent are not asked for: whoever has them all the same has them under the same keys, and an
 * idempotent sink keeps them as they are.
 */
function mayBeHeld(entry: JournalEntry, { sink }: EntryDeps, { attempts }: EntryContext): boolean {
  return sink?.idempotent !== true || attempts > 1 || UNKNOWN_OUTCOMES.has(entry.reason);
}

async function findHeld(
  batch: Batch,
  rows: readonly number[],
  { sink, keysOf }: EntryDeps,
): Promise<{ readonly rows: ReadonlySet<number> } | Stopped> {
  const lookup = sink?.lookup?.bind(sink);
  const keys = lookup && rows.length > 0 ? await findKeys(keysOf, { batch, rows }) : undefined;
  if (!lookup || !keys) return { rows: new Set() };
  try {
    const found = await lookupKeys(lookup, keys);
    return { rows: new Set(heldRows(rows, keys, found)) };
  } catch (error) {
    return { obstacle: obstacleOf(error) };
  }
}

async function send(
  entry: JournalEntry,
  batch: Batch,
  rows: readonly number[],
  deps: EntryDeps,
  signal: AbortSignal,
): Promise<{ readonly receipt: Receipt; readonly rejections: readonly EntryResidue[] } | Stopped> {
  const part = rows.length === batch.rowCount ? batch : partOf(entry, batch, rows, deps);
  let receipt: Receipt;
  try {
    receipt = await deps.engine.submitBatch(part, { signal });
  } catch (error) {
    const found = receiptOf(error);
    if (!found) return { obstacle: obstacleOf(error) };
    receipt = found;
  }
  const rejections = receipt.rejections.map((residue) => ({
    ...residue,
    rows: rowIndices(residue.rows, part.rowCount).map((row) => rows[row] ?? -1),
  }));
  checkReceipt(receipt, rejections, rows.length);
  return { receipt, rejections };
}

function partOf(entry: JournalEntry, batch: Batch, rows: readonly number[], deps: EntryDeps): Batch {
  const body = deps.extractRows(batch, rows);
  const original = rows.map((row) => batch.originalRow(row));
  const part = batchOf(entry, body, original, deps);
  if (part.rowCount === rows.length) return part;
  throw new TierfallError(
    'REPLAY_UNACCOUNTED',
    `${rows.length} rows of ${entry.key} were cut to ${part.rowCount}`,
    {
      hint: 'The format of this body cannot be cut into rows; report it. Nothing was delivered.',
    },
  );
}

/** Conservation at the border: rows in = delivered + degraded + rejected, and each rejected row is named once. */
function checkReceipt(receipt: Receipt, rejections: readonly EntryResidue[], rows: number): void {
  const { delivered, degraded, deferred, rejected } = receipt;
  const named = new Set(rejections.flatMap((residue) => residue.rows));
  const sum = rejections.reduce((count, residue) => count + residue.rows.length, 0);
  if (deferred > 0) {
    throw new TierfallError('REPLAY_CHAIN_STORES', `the replay chain deferred ${deferred} rows again`, {
      hint: 'Replay needs a chain whose edges into storing tiers lead to REJECT.',
    });
  }
  if (delivered + degraded + rejected === rows && named.size === rejected && sum === rejected) return;
  throw new TierfallError('REPLAY_UNACCOUNTED', `${rows} rows were sent, the receipt accounts for others`, {
    hint: 'A tier of the chain miscounts; the rows stay stored and are replayed again.',
  });
}

function rowsToQuarantine(
  entry: JournalEntry,
  batch: Batch,
  residue: EntryResidue,
  deps: EntryDeps,
  { ref, attempts }: EntryContext,
): RowToQuarantine[] {
  const { key: batchKey, orderingKey, priority, format, attributes, receivedAtMs, trail } = entry;
  const shared = { batchKey, orderingKey, priority, format, attributes, receivedAtMs, trail, ref, attempts };
  return residue.rows.map((row) => ({
    ...shared,
    entry: entry.seq,
    row,
    originalRow: batch.originalRow(row),
    reason: residue.reason,
    detail: residue.detail,
    body: deps.extractRows(batch, [row]),
  }));
}

function countByReason(residues: readonly EntryResidue[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { reason, rows } of residues) counts.set(reason, (counts.get(reason) ?? 0) + rows.length);
  return counts;
}

function findObstacle(passing: readonly EntryResidue[]): Obstacle | undefined {
  const [first] = passing;
  if (!first) return undefined;
  const retryAfterMs = Math.max(0, ...passing.map((residue) => residue.retryAfterMs ?? 0));
  return { reason: first.reason, detail: first.detail, retryAfterMs };
}

function unsent(obstacle: Obstacle | undefined): EntryResult {
  return { delivered: 0, degraded: 0, alreadyHeld: 0, quarantined: new Map(), obstacle };
}

function receiptOf(error: unknown): Receipt | undefined {
  if (!(error instanceof Error) || !('receipt' in error)) return undefined;
  return error.receipt as Receipt;
}

/** What an error of engine or sink says about when to try again. @throws the error when it says nothing */
export function obstacleOf(error: unknown): Obstacle {
  if (error instanceof BackpressureError) {
    return { reason: 'over-budget', detail: error.message, retryAfterMs: error.retryAfterMs };
  }
  // Also a lasting reason: a whole-request failure says nothing about which rows are bad.
  if (error instanceof SinkError) {
    return { reason: error.reason, detail: error.message, retryAfterMs: error.retryAfterMs ?? 0 };
  }
  throw error;
}
