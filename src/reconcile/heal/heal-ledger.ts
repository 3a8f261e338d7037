/**
 * The account of every row that was delivered degraded and whose original is kept, from the store alone:
 *
 *     rows = healed + superseded + gone + degraded
 *
 * A row that was degraded, deferred and degraded again when it was replayed may be in two objects, and counts in both.
 */
import { TierfallError } from '../../core/errors.ts';
import type { JournalEntry } from '../../journal/journal.ts';
import type { Store } from '../../stores/store.ts';
import { inspectObject } from '../replay.ts';
import { readSettlement } from '../settlement.ts';
import { type HealObject, listHealObjects } from './heal-objects.ts';
import { type HealCounts, readProgress } from './heal-progress.ts';

export interface HealLedger extends HealCounts {
  readonly objects: number;
  readonly settled: number;
  readonly rows: number;
  /** Still degraded. */
  readonly degraded: number;
  readonly unreadable: readonly string[];
}

export interface HealLedgerOptions {
  readonly store: Pick<Store, 'list' | 'get'>;
  readonly chain: string;
  /** Used only for objects that nobody has tried to heal yet. */
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
}

type Account = HealCounts & { readonly rows: number; readonly settled: number };

const NOTHING: Account = { rows: 0, settled: 0, healed: 0, superseded: 0, gone: 0 };

/** @throws StorageError when the store cannot be listed or read */
export async function healLedger(options: HealLedgerOptions): Promise<HealLedger> {
  let sum = NOTHING;
  let objects = 0;
  const unreadable: string[] = [];
  for await (const object of listHealObjects(options.store, options.chain)) {
    objects += 1;
    const account = await accountOf(object, options);
    if (account) sum = add(sum, account);
    else unreadable.push(object.ref);
  }
  const { rows, healed, superseded, gone } = sum;
  return { ...sum, objects, degraded: rows - healed - superseded - gone, unreadable };
}

/** @returns undefined when it cannot be read */
async function accountOf(
  { ref, settlement, progress: keys }: HealObject,
  { store, decode }: HealLedgerOptions,
): Promise<Account | undefined> {
  const found = settlement ? await readSettlement(store, ref) : undefined;
  if (found?.state === 'valid') {
    const { rows, delivered, alreadyHeld, degraded } = found.settlement;
    return { rows, settled: 1, healed: delivered, superseded: alreadyHeld, gone: degraded };
  }
  const progress = await readProgress(store, ref, keys);
  try {
    const rows = progress.rows ?? (await inspectObject(ref, { store, decode })).rows;
    return { ...NOTHING, ...progress.counts, rows };
  } catch (error) {
    if (!(error instanceof TierfallError)) throw error;
    return undefined;
  }
}

function add(a: Account, b: Account): Account {
  return {
    rows: a.rows + b.rows,
    settled: a.settled + b.settled,
    healed: a.healed + b.healed,
    superseded: a.superseded + b.superseded,
    gone: a.gone + b.gone,
  };
}
