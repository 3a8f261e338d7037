/** Outages as the account of a chain tells them now: also of what is pending, and of what has been decided since. */
import type { Store } from '../../stores/store.ts';
import type { Deferral } from '../deferral.ts';
import type { Settlement } from '../settlement.ts';
import { type DeferredObject, findOutages, type Outage, type OutageCounts, spanOf } from './outage.ts';
import { readOutages } from './outage-manifest.ts';
import { frozenManifests, withoutFrozen } from './write-outages.ts';

export interface OutageAccount extends Outage {
  /** Some of its objects have expired: this is its manifest, and its rows are no longer in other numbers. */
  readonly isExpired: boolean;
}

/** What is known of an object now. */
export interface AccountedObject extends OutageCounts {
  readonly ref: string;
  readonly settlement: Settlement | undefined;
  readonly deferral: Partial<Deferral>;
  readonly missingKeys: readonly string[];
}

export interface OutageAccountsOptions {
  readonly store: Pick<Store, 'list' | 'get'>;
  readonly chain: string;
  readonly gapMs: number;
  /** Objects that have expired. */
  readonly expired: ReadonlySet<string>;
}

/** @throws StorageError when the store cannot be read */
export async function outageAccounts(
  accounts: readonly AccountedObject[],
  { store, chain, gapMs, expired }: OutageAccountsOptions,
): Promise<readonly OutageAccount[]> {
  const closed = expired.size === 0 ? [] : frozenManifests(await readOutages(store, chain, gapMs), expired);
  const objects = withoutFrozen(accounts.map(objectOf).filter(isPlaced), closed);
  const told = findOutages(objects, gapMs).map(({ outage }) => ({ ...outage, isExpired: false }));
  const past = closed.map((manifest) => ({ ...outageOf(manifest), isExpired: true }));
  return [...past, ...told].sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

/** Without what only concerns the file. */
function outageOf({
  version: _version,
  chain: _chain,
  gapMs: _gapMs,
  hours: _hours,
  ...outage
}: Outage & Record<'version' | 'chain' | 'gapMs' | 'hours', unknown>): Outage {
  return outage;
}

function objectOf(account: AccountedObject): DeferredObject | undefined {
  const { ref, settlement, deferral, missingKeys } = account;
  const span = spanOf(ref, deferral);
  if (!span) return undefined;
  const { rows, delivered, degraded, alreadyHeld, quarantined, discarded, pending } = account;
  const settledMs = settlement && Date.parse(settlement.settledAt);
  return {
    ref,
    ...span,
    ...{ rows, delivered, degraded, alreadyHeld, quarantined, discarded, pending },
    settledMs,
    proof: settlement?.proof,
    missing: missingKeys,
  };
}

function isPlaced(object: DeferredObject | undefined): object is DeferredObject {
  return object !== undefined;
}
