/** The proof that nothing of an object is missing: the keys that should be in the sink against those that are. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch } from '../core/batch.ts';
import { sha256 } from '../core/keys.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Store } from '../stores/store.ts';
import { stemOf } from './job.ts';
import { digestSorted, sortKeys } from './key-digest.ts';
import type { Proof } from './settlement.ts';

/** Record keys of some rows of a batch, one per row, as the sink is given them. */
export type KeysOf = (batch: Batch, rows: readonly number[]) => readonly string[] | Promise<readonly string[]>;

/** Rows of one batch that should be in the sink. */
export interface Expected {
  readonly batch: Batch;
  readonly rows: readonly number[];
}

const LOOKUP_CHUNK = 1000;
/** Keys that are gone through in a few milliseconds. */
const KEYS_AT_ONCE = 16_384;
const MISSING_MAX = 1000;

/** The keys of some rows; undefined when they cannot be computed, which only keeps them out of lookups. */
export async function findKeys(
  keysOf: KeysOf,
  { batch, rows }: Expected,
): Promise<readonly string[] | undefined> {
  try {
    const keys = await keysOf(batch, rows);
    return keys.length === rows.length ? keys : undefined;
  } catch {
    // Rows that do not decode have no declared key; whether the sink takes them is for the chain to find out.
    return undefined;
  }
}

/** Which of the keys the sink holds, asked in pieces of 1000. @throws what `lookup` throws */
export async function lookupKeys(
  lookup: NonNullable<Sink['lookup']>,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  if (keys.length <= LOOKUP_CHUNK) return lookup(keys);
  const held = new Set<string>();
  for (let at = 0; at < keys.length; at += LOOKUP_CHUNK) {
    for (const key of await lookup(keys.slice(at, at + LOOKUP_CHUNK))) held.add(key);
  }
  return held;
}

/**
 * Reads back every key that should be there. Without `lookup`, or when some rows have no computable key, the
 * proof says `receipt` and rests on the sink's answers to the writes.
 * @throws what `lookup` throws
 */
export async function proveComplete(
  expected: Iterable<Expected> | AsyncIterable<Expected>,
  keysOf: KeysOf,
  lookup: Sink['lookup'] | undefined,
): Promise<Proof> {
  const source: string[] = [];
  const missing = new Set<string>();
  let checkable = lookup !== undefined;
  let asked = 0;
  const ask = async (): Promise<void> => {
    for (; lookup && checkable && asked < source.length; asked += LOOKUP_CHUNK) {
      if (asked > 0) await nextTurn();
      const chunk = source.slice(asked, asked + LOOKUP_CHUNK);
      // A sink may answer with keys it was not asked for; only those asked for are evidence.
      const found = await lookup(chunk);
      for (const key of chunk) if (!found.has(key)) missing.add(key);
    }
    asked = Math.min(asked, source.length);
  };
  for await (const part of expected) {
    const keys = await findKeys(keysOf, part);
    if (!keys) checkable = false;
    await inTurns(keys ?? part.rows.map((row) => part.batch.rowKey(row)), (key) => source.push(key));
    if (source.length - asked >= LOOKUP_CHUNK) await ask();
  }
  await ask();
  const all = await sortKeys(source);
  const sourceDigest = await digestSorted(all);
  const keys = all.length;
  if (!checkable) return { sourceDigest, sinkDigest: null, missing: [], checked: 'receipt', keys };
  if (missing.size === 0)
    return { sourceDigest, sinkDigest: sourceDigest, missing: [], checked: 'lookup', keys };
  // What was found is what was asked for but for what is missing.
  const held: string[] = [];
  await inTurns(all, (key) => {
    if (!missing.has(key)) held.push(key);
  });
  return {
    sourceDigest,
    sinkDigest: await digestSorted(held),
    missing: (await sortKeys([...missing])).slice(0, MISSING_MAX),
    checked: 'lookup',
    keys,
  };
}

/** Calls `step` for each; others are let in every few milliseconds, because a lease has to be renewed meanwhile. */
async function inTurns(keys: Iterable<string>, step: (key: string) => unknown): Promise<void> {
  let steps = 0;
  for (const key of keys) {
    step(key);
    steps += 1;
    if (steps % KEYS_AT_ONCE === 0) await nextTurn();
  }
}

/** What is stored next to an object whose rows were written and are not all there. */
export interface IncompleteReport {
  readonly version: 1;
  readonly ref: string;
  readonly foundAt: string;
  readonly proof: Proof;
}

const INCOMPLETE_NAME = /^(.*)\.incomplete-[0-9a-f]{16}\.json$/;

/** The object an incomplete report's key belongs to; undefined when the key is none's. */
export function incompleteRef(key: string): string | undefined {
  const stem = INCOMPLETE_NAME.exec(key)?.[1];
  return stem === undefined ? undefined : `${stem}.parquet`;
}

/** Stores the list of what is missing next to the object; the same list is stored once. */
export async function writeIncomplete(store: Pick<Store, 'put'>, report: IncompleteReport): Promise<void> {
  const digest = sha256(Buffer.from(JSON.stringify(report.proof.missing))).slice(0, 16);
  const bytes = Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`);
  await store.put(`${stemOf(report.ref)}.incomplete-${digest}.json`, [bytes]);
}
