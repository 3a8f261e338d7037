/** Settled objects without the work: what lies in a store when their replay is over. */
import { sha256 } from '../../../src/core/keys.ts';
import { isoOf } from '../../../src/reconcile/deferral.ts';
import { type Settlement, settlementKey, writeSettlement } from '../../../src/reconcile/settlement.ts';
import type { Store } from '../../../src/stores/store.ts';

export const CHAIN = 'orders';
export const START_MS = Date.parse('2026-11-20T10:00:00.000Z');
export const MINUTE_MS = 60_000;

/** The key of an object whose first rows came at this time. */
export function refAt(firstMs: number, seq: number, lane = 0): string {
  const time = isoOf(firstMs);
  const name = `${String(seq).padStart(16, '0')}-${sha256(Buffer.from(`${seq}`)).slice(0, 32)}`;
  return `chain=${CHAIN}/date=${time.slice(0, 10)}/hour=${time.slice(11, 13)}/part=${lane}/${name}.parquet`;
}

export function settlementAt(
  firstMs: number,
  seq: number,
  changes: Partial<Settlement> & { readonly lastMs?: number } = {},
): Settlement {
  const { lastMs = firstMs, ...rest } = changes;
  const ref = rest.ref ?? refAt(firstMs, seq);
  const digest = sha256(Buffer.from(ref));
  return {
    version: 1,
    ref,
    sha256: sha256(Buffer.from(`${seq}`)),
    settledAt: isoOf(lastMs + MINUTE_MS),
    rows: 3,
    delivered: 2,
    degraded: 0,
    alreadyHeld: 1,
    quarantined: 0,
    firstReceivedAt: isoOf(firstMs),
    lastReceivedAt: isoOf(lastMs),
    reasons: { unavailable: 3 },
    proof: { sourceDigest: digest, sinkDigest: digest, missing: [], checked: 'lookup', keys: 3 },
    attempts: 1,
    ...rest,
  };
}

/** Puts an object, and its settlement unless told not to. @returns key of the settlement */
export async function putSettled(store: Store, settlement: Settlement, isSettled = true): Promise<string> {
  await store.put(settlement.ref, [Buffer.from(settlement.ref)]);
  if (isSettled) await writeSettlement(store, settlement);
  return settlementKey(settlement.ref);
}
