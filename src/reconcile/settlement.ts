/**
 * A settlement says that nothing of an object is left to do, and what became of its rows. It lies next to the
 * object, so that the store alone tells what is open.
 *
 * X1 it is written before the job is completed. X2 the first valid one stands; nothing here deletes or replaces.
 * X3 `rows = delivered + degraded + alreadyHeld + quarantined`, or it is not valid. X4 one that cannot be read
 * counts as absent, and the next is written under the next name.
 */
import { StorageError } from '../core/errors.ts';
import { sha256 } from '../core/keys.ts';
import type { Store } from '../stores/store.ts';
import { type Deferral, findDeferralFault } from './deferral.ts';
import { stemOf } from './job.ts';

/** How completeness was checked when the object was settled. */
export interface Proof {
  /** SHA-256 over the sorted keys of all rows that should be in the sink. */
  readonly sourceDigest: string;
  /** The same over those the sink says it holds; null when it could not be asked. */
  readonly sinkDigest: string | null;
  /** Keys the sink does not hold, at most 1000. */
  readonly missing: readonly string[];
  /** `lookup`: the sink was asked for every key; `receipt`: its answers to the writes are all there is. */
  readonly checked: 'lookup' | 'receipt';
  /** How many different keys `sourceDigest` is over; older settlements do not say. */
  readonly keys?: number;
}

/** When and why its rows were deferred is told too; older settlements do not say. */
export interface Settlement extends Partial<Deferral> {
  readonly version: 1;
  readonly ref: string;
  /** Of the object, 64 hex digits. */
  readonly sha256: string;
  /** ISO 8601, UTC. */
  readonly settledAt: string;
  readonly rows: number;
  readonly delivered: number;
  readonly degraded: number;
  readonly quarantined: number;
  /** Rows the sink held already when replay came to them. */
  readonly alreadyHeld: number;
  readonly proof: Proof;
  /** Times the job was claimed. */
  readonly attempts: number;
}

export type SettlementState =
  | { readonly state: 'absent' }
  /** With the key and SHA-256 it is stored under and as. */
  | {
      readonly state: 'valid';
      readonly settlement: Settlement;
      readonly key: string;
      readonly sha256: string;
    }
  | { readonly state: 'invalid'; readonly key: string; readonly detail: string };

const GENERATIONS_MAX = 9;
const SETTLEMENT_NAME = /^(.*)\.settled(?:-\d)?\.json$/;

/** @param generation 1, or more when earlier ones cannot be read */
export function settlementKey(ref: string, generation = 1): string {
  return `${stemOf(ref)}.settled${generation === 1 ? '' : `-${generation}`}.json`;
}

/** The object a settlement's key belongs to; undefined when the key is no settlement's. */
export function settledRef(key: string): string | undefined {
  const stem = SETTLEMENT_NAME.exec(key)?.[1];
  return stem === undefined ? undefined : `${stem}.parquet`;
}

/** @throws StorageError when the store cannot be read; an unreadable settlement is a state, not an error */
export async function readSettlement(store: Pick<Store, 'get'>, ref: string): Promise<SettlementState> {
  return (await findSettlement(store, ref)).found;
}

/** Whether a valid settlement of the object exists. */
export async function isSettled(store: Pick<Store, 'get'>, ref: string): Promise<boolean> {
  return (await readSettlement(store, ref)).state === 'valid';
}

/**
 * Writes a settlement; safe to repeat.
 * @returns the one that stands: an earlier valid one wins
 * @throws StorageError `STORAGE_CORRUPT` when it does not balance or nine unreadable ones are in the way
 */
export async function writeSettlement(
  store: Pick<Store, 'get' | 'put'>,
  settlement: Settlement,
): Promise<Settlement> {
  const fault = findFault(settlement, settlement.ref);
  if (fault !== undefined) throw unusable(settlement.ref, fault);
  const bytes = Buffer.from(`${JSON.stringify(settlement, undefined, 2)}\n`);
  for (;;) {
    const { found, next } = await findSettlement(store, settlement.ref);
    if (found.state === 'valid') return found.settlement;
    if (next > GENERATIONS_MAX)
      throw unusable(settlement.ref, 'no readable settlement and no name left for one');
    // `exists` means that somebody was quicker: look again, theirs may stand.
    if ((await store.put(settlementKey(settlement.ref, next), [bytes])) === 'created') return settlement;
  }
}

async function findSettlement(
  store: Pick<Store, 'get'>,
  ref: string,
): Promise<{ found: SettlementState; next: number }> {
  let found: SettlementState = { state: 'absent' };
  for (let generation = 1; generation <= GENERATIONS_MAX; generation += 1) {
    const key = settlementKey(ref, generation);
    const bytes = await getIfThere(store, key);
    if (!bytes) return { found, next: generation };
    found = parseSettlement(bytes, key, ref);
    if (found.state === 'valid') return { found, next: generation };
  }
  return { found, next: GENERATIONS_MAX + 1 };
}

/** The object's bytes, or undefined when it does not exist. */
export async function getIfThere(store: Pick<Store, 'get'>, key: string): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return undefined;
    throw error;
  }
}

function parseSettlement(bytes: Uint8Array, key: string, ref: string): SettlementState {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const fault = findFault(value, ref);
    if (fault !== undefined) return { state: 'invalid', key, detail: fault };
    return { state: 'valid', settlement: value as Settlement, key, sha256: sha256(bytes) };
  } catch (error) {
    return { state: 'invalid', key, detail: error instanceof Error ? error.message : String(error) };
  }
}

const COUNTS = ['rows', 'delivered', 'degraded', 'quarantined', 'alreadyHeld', 'attempts'] as const;

/** What is wrong with a settlement, or undefined. */
function findFault(value: unknown, ref: string): string | undefined {
  if (typeof value !== 'object' || value === null) return 'is not an object';
  const found = value as Partial<Record<keyof Settlement, unknown>>;
  if (found.version !== 1) return `version is ${JSON.stringify(found.version)}, expected 1`;
  if (found.ref !== ref) return `is about ${JSON.stringify(found.ref)}`;
  if (typeof found.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(found.sha256))
    return 'sha256 is not 64 hex digits';
  if (typeof found.settledAt !== 'string') return 'settledAt is missing';
  const odd = COUNTS.find((name) => !Number.isSafeInteger(found[name]) || Number(found[name]) < 0);
  if (odd !== undefined) return `${odd} is not a count`;
  const { rows, delivered, degraded, quarantined, alreadyHeld } = value as Settlement;
  const sum = delivered + degraded + quarantined + alreadyHeld;
  if (sum !== rows) return `does not balance: ${sum} of ${rows} rows are accounted for`;
  return findDeferralFault(found) ?? findProofFault(found.proof);
}

function findProofFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'proof is missing';
  const proof = value as Partial<Record<keyof Proof, unknown>>;
  if (proof.checked !== 'lookup' && proof.checked !== 'receipt') return 'proof.checked is not known';
  if (typeof proof.sourceDigest !== 'string') return 'proof.sourceDigest is missing';
  if (proof.sinkDigest !== null && typeof proof.sinkDigest !== 'string') return 'proof.sinkDigest is missing';
  return Array.isArray(proof.missing) ? undefined : 'proof.missing is not a list';
}

function unusable(ref: string, detail: string): StorageError {
  return new StorageError('STORAGE_CORRUPT', `settlement of ${ref}: ${detail}`, {
    hint: 'Look at the .settled*.json files next to the object; its rows are still there and stay pending.',
  });
}
