/**
 * An outage as it rests in the store, once everything that was deferred in it is settled:
 *
 *     outages/chain=<chain>/outage-<start, YYYYMMDDTHHMMSSmmmZ>-<sha256 of its bytes, first 16 hex>.json
 *
 * M1 the bytes follow from the settlements alone, so that any number of workers write one. M2 it is never changed. When
 * an object joins an outage later (rows released from quarantine, a journal that was packed late), a manifest of all of
 * it is written beside the first, which then no longer counts.
 */
import { StorageError } from '../../core/errors.ts';
import { sha256 } from '../../core/keys.ts';
import type { Store } from '../../stores/store.ts';
import { chainSegment, hourOf } from '../job.ts';
import type { Episode, Outage } from './outage.ts';

export interface OutageManifest extends Outage {
  readonly version: 1;
  readonly chain: string;
  /** Longest pause within the outage, as it was made. */
  readonly gapMs: number;
  /** Objects by the hour of their key, so that a listing tells whether there are new ones. */
  readonly hours: Readonly<Record<string, number>>;
}

export function outagePrefix(chain: string): string {
  return `outages/chain=${chainSegment(chain)}/`;
}

export function manifestOf(chain: string, gapMs: number, { outage, objects }: Episode): OutageManifest {
  const hours = new Map<string, number>();
  for (const { ref } of objects) {
    const hour = hourOf(ref) ?? '';
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
  }
  const byHour = Object.fromEntries([...hours].sort(([a], [b]) => (a < b ? -1 : 1)));
  return { version: 1, chain, gapMs, ...outage, hours: byHour };
}

/** @returns whether it was not there */
export async function writeOutage(store: Pick<Store, 'put'>, manifest: OutageManifest): Promise<boolean> {
  const bytes = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
  const start = manifest.startedAt.replaceAll(/[-:.]/g, '');
  const key = `${outagePrefix(manifest.chain)}outage-${start}-${sha256(bytes).slice(0, 16)}.json`;
  return (await store.put(key, [bytes])) === 'created';
}

/**
 * The manifests of a chain that count, by start. One that cannot be read is left out: it is written again.
 * @param gapMs of those made with another one nothing is known here
 * @throws StorageError when the store cannot be read
 */
export async function readOutages(
  store: Pick<Store, 'list' | 'get'>,
  chain: string,
  gapMs: number,
): Promise<readonly OutageManifest[]> {
  const found: OutageManifest[] = [];
  for await (const { key } of store.list(outagePrefix(chain))) {
    const manifest = await readManifest(store, key);
    if (manifest?.chain === chain && manifest.gapMs === gapMs) found.push(manifest);
  }
  return found.filter((one) => !found.some((other) => contains(other, one)));
}

async function readManifest(store: Pick<Store, 'get'>, key: string): Promise<OutageManifest | undefined> {
  try {
    const bytes = await store.get(key);
    if (!key.endsWith(`-${sha256(bytes).slice(0, 16)}.json`)) return undefined;
    const manifest = JSON.parse(Buffer.from(bytes).toString()) as OutageManifest;
    return manifest.version === 1 ? manifest : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Whether `one` is an earlier account of the outage that `other` tells of. */
function contains(other: OutageManifest, one: OutageManifest): boolean {
  const spans = other.startedAt <= one.startedAt && other.endedAt >= one.endedAt;
  return other !== one && spans && other.objects > one.objects;
}
