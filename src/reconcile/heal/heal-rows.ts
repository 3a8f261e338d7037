/**
 * Upgrades some rows of one entry in the sink.
 *
 * R1 a row is replaced only where nothing newer can be lost: by a sink that compares and replaces in one step, or, in a
 * sink that cannot, only under a key that no other record ever has. R2 a row that the sink does not hold is not
 * written: it may be waiting in replay, or the sink has let go of it. R3 every row is in exactly one part of the answer.
 */
import { randomUUID } from 'node:crypto';
import type { Batch } from '../../core/batch.ts';
import { SinkError } from '../../core/errors.ts';
import type { Residue } from '../../core/outcome.ts';
import { isPassing } from '../../core/reason.ts';
import { rowIndices } from '../../core/row-set.ts';
import type { JournalEntry } from '../../journal/journal.ts';
import type { Sink, UpgradeRequest, WriteRequest } from '../../sinks/sink.ts';
import { lookupKeys } from '../completeness.ts';

/** Rows of a batch as they were delivered and as they are read now, in one order. */
export interface RowVersions {
  readonly rows: readonly number[];
  /** That the degraded versions have in the sink. */
  readonly keys: readonly string[];
  readonly full: Pick<WriteRequest, 'columns' | 'records'>;
  readonly degraded: Pick<WriteRequest, 'columns' | 'records'>;
  /** Whether other records may come under the same keys. */
  readonly isKeyed: boolean;
  /** Rows that stay degraded under this schema. */
  readonly left: readonly Residue[];
}

/** Reads both versions of some rows. Never rejects for data. */
export type ReadVersions = (entry: JournalEntry, batch: Batch, rows: readonly number[]) => Promise<RowVersions>;

export interface HealedRows {
  readonly healed: readonly number[];
  readonly superseded: readonly number[];
  readonly absent: readonly number[];
  /** Rows that stay as they are for now, and why. */
  readonly left: readonly Residue[];
  /** Why it is no use to go on now; its rows are in `left`. */
  readonly obstacle: string | undefined;
}

export interface RowsToHeal {
  readonly entry: JournalEntry;
  readonly batch: Batch;
  readonly rows: readonly number[];
}

export interface HealRowsDeps {
  readonly sink: Sink;
  readonly readVersions: ReadVersions;
}

/** Never throws for what a sink does. @throws the signal's reason */
export async function healRows(
  { entry, batch, rows }: RowsToHeal,
  { sink, readVersions }: HealRowsDeps,
  signal: AbortSignal,
): Promise<HealedRows> {
  const versions = await readVersions(entry, batch, rows);
  signal.throwIfAborted();
  const { left } = versions;
  if (versions.rows.length === 0) return { ...NOTHING, left };
  try {
    const sent = sink.upgrade
      ? await compareAndReplace(sink.upgrade.bind(sink), batch, versions, signal)
      : await replaceHeld(sink, { entry, batch, rows }, versions, readVersions, signal);
    return { ...sent, left: [...left, ...sent.left], obstacle: obstacleIn(sent.left) };
  } catch (error) {
    if (signal.aborted) throw error;
    const failure = failureOf(error);
    if (failure.reason === 'too-large' && versions.rows.length > 1) {
      const half = Math.ceil(versions.rows.length / 2);
      const parts = [versions.rows.slice(0, half), versions.rows.slice(half)];
      const halves: HealedRows[] = [];
      for (const part of parts) {
        halves.push(await healRows({ entry, batch, rows: part }, { sink, readVersions }, signal));
      }
      return halves.reduce(join, { ...NOTHING, left });
    }
    const unsent = { ...failure, rows: versions.rows };
    return { ...NOTHING, left: [...left, unsent], obstacle: obstacleIn([unsent]) };
  }
}

const NOTHING: HealedRows = { healed: [], superseded: [], absent: [], left: [], obstacle: undefined };

function join(a: HealedRows, b: HealedRows): HealedRows {
  return {
    healed: [...a.healed, ...b.healed],
    superseded: [...a.superseded, ...b.superseded],
    absent: [...a.absent, ...b.absent],
    left: [...a.left, ...b.left],
    obstacle: a.obstacle ?? b.obstacle,
  };
}

type Sent = Omit<HealedRows, 'obstacle'>;

async function compareAndReplace(
  upgrade: NonNullable<Sink['upgrade']>,
  batch: Batch,
  versions: RowVersions,
  signal: AbortSignal,
): Promise<Sent> {
  const { residue, superseded, absent } = await upgrade(requestOf(batch, versions, signal));
  const others = new Set([...superseded, ...absent, ...rowsOf(residue, batch)]);
  return { healed: versions.rows.filter((row) => !others.has(row)), superseded, absent, left: residue };
}

/** For sinks that only write: R1 by the keys, R2 by a lookup where there is one. */
async function replaceHeld(
  sink: Sink,
  { entry, batch }: RowsToHeal,
  versions: RowVersions,
  readVersions: ReadVersions,
  signal: AbortSignal,
): Promise<Sent> {
  const { rows, keys, isKeyed } = versions;
  if (isKeyed) {
    const detail = `${sink.name} cannot tell whether a newer version lies under the same key`;
    return { ...NOTHING, left: [{ rows, reason: 'not-comparable', detail }] };
  }
  const held = sink.lookup ? await lookupKeys(sink.lookup.bind(sink), keys) : new Set(keys);
  const absent = rows.filter((_, at) => !held.has(keys[at] ?? ''));
  const there = rows.filter((_, at) => held.has(keys[at] ?? ''));
  if (there.length === 0) return { ...NOTHING, absent };
  const found = absent.length === 0 ? versions : await readVersions(entry, batch, there);
  const left = (await sink.write(requestOf(batch, found, signal)))?.residue ?? [];
  const failed = new Set(rowsOf(left, batch));
  return { healed: found.rows.filter((row) => !failed.has(row)), superseded: [], absent, left };
}

function requestOf(batch: Batch, versions: RowVersions, signal: AbortSignal): UpgradeRequest {
  const { rows, keys, full, degraded } = versions;
  const { columns, records } = full;
  return {
    batch,
    rows,
    columns,
    records,
    keys,
    attemptId: randomUUID(),
    mode: 'upgrade',
    signal,
    degraded,
  };
}

function rowsOf(residue: readonly Residue[], batch: Batch): readonly number[] {
  return residue.flatMap(({ rows }) => rowIndices(rows, batch.rowCount));
}

function failureOf(error: unknown): Omit<Residue, 'rows'> {
  const detail = error instanceof Error ? error.message : String(error);
  return { reason: error instanceof SinkError ? error.reason : 'crashed', detail };
}

function obstacleIn(left: readonly Residue[]): string | undefined {
  const passing = left.find(({ reason }) => isPassing(reason));
  return passing && (passing.detail ? `${passing.reason}: ${passing.detail}` : passing.reason);
}
