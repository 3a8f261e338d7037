/**
 * The account of everything a chain stored for replay, from the store alone: what was deferred, and what became
 * of it.
 *
 *     rows = delivered + degraded + alreadyHeld + quarantined + discarded + pending
 *
 * `rows` counts every deferred row once. A row that was released from quarantine lies in a second object since
 * then; it is counted there, and no longer in its first object, neither in `rows` nor in `quarantined`. Between
 * the second object and the mark of the release (a crash) it counts in both, on both sides. `quarantined` is
 * counted from the quarantine itself, not from settlements: rows that vanished from it break the balance.
 */
import { TierfallError } from '../core/errors.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Store } from '../stores/store.ts';
import { type IncompleteReport, incompleteRef } from './completeness.ts';
import { type Deferral, deferralOf } from './deferral.ts';
import { type HealLedger, healLedger } from './heal/heal-ledger.ts';
import { chainPrefix } from './job.ts';
import { OUTAGE_GAP_MS } from './manifests/outage.ts';
import { type OutageAccount, outageAccounts } from './manifests/outage-accounts.ts';
import type { QuarantineState } from './quarantine.ts';
import { type QuarantineContents, readQuarantine } from './quarantine-object.ts';
import { inspectObject } from './replay.ts';
import { type ExpiredTotals, readExpired } from './retention.ts';
import { readSettlement, type Settlement } from './settlement.ts';
import { listObjects } from './sweep.ts';

export interface ReconcileReportOptions {
  readonly store: Store;
  readonly chain: string;
  /** Reads the entries of an object; used only for objects that are not settled. */
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
  /** Counts what was delivered degraded too. @default false */
  readonly heals?: boolean;
  /** Longest pause between deferrals of one outage, in milliseconds. @default 600_000 */
  readonly outageGapMs?: number;
}

/** Rows of one object, or of all. */
export interface ReconcileCounts {
  readonly rows: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly alreadyHeld: number;
  /** Held in quarantine now. */
  readonly quarantined: number;
  readonly discarded: number;
  readonly pending: number;
  /** Went back into replay; in none of the other numbers of this object. */
  readonly released: number;
  /** Keys the sink lacked when it was last asked, of objects that are not settled. */
  readonly missing: number;
}

export interface ObjectAccount extends ReconcileCounts {
  readonly ref: string;
  readonly state: 'settled' | 'pending' | 'unreadable';
  /** What is wrong: a settlement or an object that cannot be read, rows that are not accounted for. */
  readonly fault: string | undefined;
  readonly settlement: Settlement | undefined;
  /** When and why its rows were deferred, as far as it is known. */
  readonly deferral: Partial<Deferral>;
  /** The keys that `missing` counts. */
  readonly missingKeys: readonly string[];
}

export interface ReconcileReport extends ReconcileCounts {
  readonly objects: number;
  readonly settled: number;
  /** The equation holds for every object, and everything could be read. */
  readonly balanced: boolean;
  readonly perObject: readonly ObjectAccount[];
  /** Keys in quarantine that cannot be read. */
  readonly damaged: readonly string[];
  /** Settled objects that were deleted when their time was over; in none of the other numbers. */
  readonly expired: ExpiredTotals;
  /** Rows that were delivered degraded; in none of the other numbers. Only when asked for. */
  readonly heals?: HealLedger;
  /** The episodes in which rows were deferred, by start; also those of which objects have expired. */
  readonly outages: readonly OutageAccount[];
}

/** @throws StorageError when the store cannot be listed or read; damage of single objects is in the report */
export async function reconcileReport(options: ReconcileReportOptions): Promise<ReconcileReport> {
  const contents = await readQuarantine(options.store, options.chain);
  const asideByRef = countByRef(contents);
  const expired = await readExpired(options.store, options.chain);
  const missingByRef = await findMissing(options.store, options.chain);
  const perObject: ObjectAccount[] = [];
  for await (const { ref } of listObjects(options.store, options.chain)) {
    // Written down as expired, and not deleted yet.
    if (expired.refs.has(ref)) continue;
    const aside = asideByRef.get(ref) ?? NONE_ASIDE;
    perObject.push(await accountOf(ref, aside, missingByRef.get(ref) ?? NONE_MISSING, options));
  }
  const balanced = contents.damaged.length === 0 && perObject.every(isBalanced);
  const settled = perObject.filter(({ state }) => state === 'settled').length;
  const { store, chain, outageGapMs = OUTAGE_GAP_MS } = options;
  const outages = await outageAccounts(perObject, { store, chain, gapMs: outageGapMs, expired: expired.refs });
  return {
    objects: perObject.length,
    settled,
    ...sum(perObject),
    balanced,
    perObject,
    damaged: contents.damaged,
    expired,
    ...(options.heals ? { heals: await healLedger(options) } : {}),
    outages,
  };
}

const NONE_MISSING: readonly string[] = [];

/** Rows of one object in quarantine, by state. */
type Aside = Readonly<Record<QuarantineState, number>>;

const NONE_ASIDE: Aside = { held: 0, released: 0, discarded: 0 };

function countByRef({ objects, stateById }: QuarantineContents): ReadonlyMap<string, Aside> {
  const byRef = new Map<string, Record<QuarantineState, number>>();
  for (const { id, ref } of objects.flatMap(({ rows }) => rows)) {
    const counts = byRef.get(ref) ?? { ...NONE_ASIDE };
    counts[stateById.get(id) ?? 'held'] += 1;
    byRef.set(ref, counts);
  }
  return byRef;
}

const NO_ROWS: ReconcileCounts = {
  rows: 0,
  delivered: 0,
  degraded: 0,
  alreadyHeld: 0,
  quarantined: 0,
  discarded: 0,
  pending: 0,
  released: 0,
  missing: 0,
};

async function accountOf(
  ref: string,
  aside: Aside,
  missingKeys: readonly string[],
  options: ReconcileReportOptions,
): Promise<ObjectAccount> {
  const found = await readSettlement(options.store, ref);
  if (found.state === 'valid') return settledAccount(found.settlement, aside);
  const fault = found.state === 'invalid' ? `${found.key}: ${found.detail}` : undefined;
  const open = { ...NO_ROWS, ref, missing: missingKeys.length, missingKeys, settlement: undefined };
  try {
    // What such an object has in quarantine is still pending: its replay has not ended.
    const { rows, entries } = await inspectObject(ref, options);
    const counts = { ...open, rows, pending: rows };
    return { ...counts, state: 'pending', fault, deferral: deferralOf(entries) };
  } catch (error) {
    if (!(error instanceof TierfallError)) throw error;
    return { ...open, state: 'unreadable', fault: error.message, deferral: {} };
  }
}

function settledAccount(settlement: Settlement, aside: Aside): ObjectAccount {
  const { ref, rows, delivered, degraded, alreadyHeld, quarantined } = settlement;
  // A worker that had lost its lease may have put a row aside that the other one landed: one row, landed.
  const discarded = Math.min(aside.discarded, quarantined);
  const released = Math.min(aside.released, quarantined - discarded);
  const held = Math.min(aside.held, quarantined - discarded - released);
  const counts = {
    rows: rows - released,
    delivered,
    degraded,
    alreadyHeld,
    quarantined: held,
    discarded,
    pending: 0,
    released,
    missing: 0,
  };
  const unaccounted = counts.rows - accounted(counts);
  const fault = unaccounted === 0 ? undefined : `${unaccounted} rows that were quarantined are not there`;
  const told = { deferral: settlement, missingKeys: settlement.proof.missing };
  return { ...counts, ref, state: 'settled', fault, settlement, ...told };
}

function accounted(counts: ReconcileCounts): number {
  const { delivered, degraded, alreadyHeld, quarantined, discarded, pending } = counts;
  return delivered + degraded + alreadyHeld + quarantined + discarded + pending;
}

function isBalanced(account: ObjectAccount): boolean {
  return account.state !== 'unreadable' && account.rows === accounted(account);
}

function sum(accounts: readonly ReconcileCounts[]): ReconcileCounts {
  return accounts.reduce<ReconcileCounts>(
    (total, account) => ({
      rows: total.rows + account.rows,
      delivered: total.delivered + account.delivered,
      degraded: total.degraded + account.degraded,
      alreadyHeld: total.alreadyHeld + account.alreadyHeld,
      quarantined: total.quarantined + account.quarantined,
      discarded: total.discarded + account.discarded,
      pending: total.pending + account.pending,
      released: total.released + account.released,
      missing: total.missing + account.missing,
    }),
    NO_ROWS,
  );
}

/** Keys listed as missing, by object: of all reports about an object, each key once. */
async function findMissing(store: Store, chain: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const keysByRef = new Map<string, Set<string>>();
  for await (const { key } of store.list(chainPrefix(chain))) {
    const ref = incompleteRef(key);
    if (ref === undefined) continue;
    const keys = keysByRef.get(ref) ?? new Set<string>();
    for (const missing of parseMissing(await store.get(key))) keys.add(missing);
    keysByRef.set(ref, keys);
  }
  return new Map([...keysByRef].map(([ref, keys]) => [ref, [...keys].sort()]));
}

function parseMissing(bytes: Uint8Array): readonly string[] {
  try {
    const report = JSON.parse(Buffer.from(bytes).toString()) as Partial<IncompleteReport>;
    return Array.isArray(report.proof?.missing) ? report.proof.missing : [];
  } catch {
    // The list is for people; the object is pending with or without it.
    return [];
  }
}
