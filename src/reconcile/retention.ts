/**
 * Deletes what was settled long ago, so that a store does not grow for ever.
 *
 * X1 only an object with a valid settlement that is older than the time to live goes, and only when none of its rows is
 * held in quarantine: nothing unsettled ever expires. That holds for originals of degraded rows too, which are settled
 * when none of them can be upgraded any more. X2 what goes is written down before it goes, so that the account
 * of the chain still adds up. X3 an object goes before its settlement: after a crash nothing looks forgotten, and the
 * next run ends what this one began. X4 one process expires a chain at a time: the writer.
 */

import type { Clock } from '../core/clock.ts';
import { ConfigError, StorageError } from '../core/errors.ts';
import { sha256 } from '../core/keys.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Store } from '../stores/store.ts';
import { listHealObjects } from './heal/heal-objects.ts';
import { chainPrefix, chainSegment, healPrefix, stemOf } from './job.ts';
import { readQuarantine } from './quarantine-object.ts';
import { readSettlement } from './settlement.ts';
import { listObjects } from './sweep.ts';

export interface RetentionOptions {
  readonly store: Pick<Store, 'list' | 'get' | 'put' | 'delete'>;
  readonly chain: string;
  readonly clock: Clock;
  /** How long an object is kept after its settlement, in milliseconds. */
  readonly settledTtlMs: number;
}

/** An object that is gone, and what became of its rows. */
export interface ExpiredObject {
  readonly ref: string;
  /** ISO 8601, UTC. */
  readonly settledAt: string;
  readonly rows: number;
  /** SHA-256 of the settlement that went with it; older records do not say. */
  readonly settlement?: string;
}

export interface ExpiredTotals {
  /** Of what was deferred. */
  readonly objects: number;
  readonly rows: number;
  /** Of originals of degraded rows. */
  readonly heals: { readonly objects: number; readonly rows: number };
  /** Of both. */
  readonly refs: ReadonlySet<string>;
}

/** Objects written down at once; a crash leaves at most these to be deleted by the next run. */
const RECORD_MAX = 1000;
const VERSION = 1;

export function expiredPrefix(chain: string): string {
  return `expired/chain=${chainSegment(chain)}/`;
}

/**
 * A time to live must not be shorter than the sink's own retention: until the sink has let go of a record, what proves it
 * is kept.
 * @throws ConfigError
 */
export function checkRetention(settledTtlMs: number, sink: Pick<Sink, 'name' | 'retentionMs'>): void {
  if (!(settledTtlMs > 0)) {
    throw new ConfigError(
      'retention.settledTtlMs',
      `found ${settledTtlMs}, expected milliseconds above 0`,
      'Correct the option.',
    );
  }
  const { name, retentionMs } = sink;
  if (retentionMs === undefined || settledTtlMs >= retentionMs) return;
  throw new ConfigError(
    'retention.settledTtlMs',
    `${settledTtlMs} ms is shorter than the ${retentionMs} ms for which ${name} keeps its records`,
    'Keep settled objects at least as long as the sink keeps what was written from them.',
  );
}

/**
 * Deletes the objects whose time is over. Safe to repeat.
 * @returns what was deleted now
 * @throws StorageError when the store cannot be read or written; what was written down by then is ended by the next run
 */
export async function expireSettled(
  options: RetentionOptions,
): Promise<{ readonly objects: number; readonly rows: number }> {
  const { store, chain } = options;
  const before = await readExpired(store, chain);
  await finishDeletes(store, before.refs, chain);
  const due = await findDue(options);
  const rows = due.reduce((sum, object) => sum + object.rows, 0);
  for (let from = 0; from < due.length; from += RECORD_MAX) {
    const some = due.slice(from, from + RECORD_MAX);
    await writeRecord(store, chain, some);
    for (const { ref } of some) await deleteObject(store, ref);
  }
  return { objects: due.length, rows };
}

/** Everything that ever expired. @throws StorageError when the store cannot be read, or a record is damaged */
export async function readExpired(store: Pick<Store, 'list' | 'get'>, chain: string): Promise<ExpiredTotals> {
  const refs = new Set<string>();
  const heals = healPrefix(chain);
  const replayed = { objects: 0, rows: 0 };
  const healed = { objects: 0, rows: 0 };
  for await (const { ref, rows } of readExpiredObjects(store, chain)) {
    if (refs.has(ref)) continue;
    refs.add(ref);
    const totals = ref.startsWith(heals) ? healed : replayed;
    totals.objects += 1;
    totals.rows += rows;
  }
  return { ...replayed, heals: healed, refs };
}

/** What was written down of everything that expired; an object may come twice. @throws as `readExpired` */
export async function* readExpiredObjects(
  store: Pick<Store, 'list' | 'get'>,
  chain: string,
): AsyncGenerator<ExpiredObject> {
  for await (const { key } of store.list(expiredPrefix(chain))) yield* parseRecord(key, await store.get(key));
}

async function findDue({ store, chain, clock, settledTtlMs }: RetentionOptions): Promise<ExpiredObject[]> {
  const dueMs = clock.wallNow() - settledTtlMs;
  const held = await findHeld(store, chain);
  const due: ExpiredObject[] = [];
  for await (const { ref, settlement } of listBoth(store, chain)) {
    if (!settlement || held.has(ref)) continue;
    const found = await readSettlement(store, ref);
    if (found.state !== 'valid') continue;
    const { settledAt, rows } = found.settlement;
    if (Date.parse(settledAt) <= dueMs) due.push({ ref, settledAt, rows, settlement: found.sha256 });
  }
  return due;
}

/** What was stored for replay, and originals of degraded rows. */
async function* listBoth(
  store: RetentionOptions['store'],
  chain: string,
): AsyncGenerator<{ readonly ref: string; readonly settlement: boolean }> {
  yield* listObjects(store, chain);
  yield* listHealObjects(store, chain);
}

/** Objects of which some row is in quarantine and nobody has decided on it. */
async function findHeld(store: RetentionOptions['store'], chain: string): Promise<ReadonlySet<string>> {
  const { objects, stateById, damaged } = await readQuarantine(store, chain);
  if (damaged.length > 0) {
    throw new StorageError('STORAGE_CORRUPT', `${damaged[0]} cannot be read, so nothing is known of its rows`, {
      hint: 'Restore it; until then nothing expires.',
    });
  }
  const held = objects.flatMap(({ rows }) => rows).filter(({ id }) => (stateById.get(id) ?? 'held') === 'held');
  return new Set(held.map(({ ref }) => ref));
}

async function writeRecord(
  store: RetentionOptions['store'],
  chain: string,
  objects: readonly ExpiredObject[],
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify({ version: VERSION, objects }, undefined, 2)}\n`);
  await store.put(`${expiredPrefix(chain)}${sha256(bytes).slice(0, 32)}.json`, [bytes]);
}

function parseRecord(key: string, bytes: Uint8Array): readonly ExpiredObject[] {
  try {
    const { version, objects } = JSON.parse(Buffer.from(bytes).toString()) as {
      version?: unknown;
      objects?: unknown;
    };
    if (version === VERSION && Array.isArray(objects)) return objects as readonly ExpiredObject[];
  } catch {
    // Told below, together with a version that is not known.
  }
  throw new StorageError('STORAGE_CORRUPT', `${key} is no record of what expired`, {
    hint: 'Restore it from a copy; it says which objects were deleted on purpose.',
  });
}

/** What a former run wrote down and did not come to delete. */
async function finishDeletes(
  store: RetentionOptions['store'],
  refs: ReadonlySet<string>,
  chain: string,
): Promise<void> {
  if (refs.size === 0) return;
  const left = new Set<string>();
  for (const prefix of [chainPrefix(chain), healPrefix(chain)]) {
    for await (const { key } of store.list(prefix)) {
      const at = key.lastIndexOf('/') + 1;
      const ref = `${key.slice(0, at)}${key.slice(at).split('.')[0]}.parquet`;
      if (refs.has(ref)) left.add(ref);
    }
  }
  for (const ref of left) await deleteObject(store, ref);
}

/** The object first, then all that lies beside it. */
async function deleteObject(store: RetentionOptions['store'], ref: string): Promise<void> {
  await store.delete(ref);
  const beside: string[] = [];
  for await (const { key } of store.list(`${stemOf(ref)}.`)) beside.push(key);
  for (const key of beside) await store.delete(key);
}
