/**
 * Finds outages of which everything is settled and writes their manifests beside the data.
 *
 * W1 safe to repeat, and for any number of workers at once: what is there is left, and what they write is the same.
 * W2 an outage is not written while an object of an hour it touches is open: that one may belong to it. W3 settlements are
 * read only of hours in which the listing has other objects than the manifests tell of. W4 an outage of which objects have
 * expired is as its manifest says for good.
 */
import type { Store } from '../../stores/store.ts';
import { chainPrefix, hourOf } from '../job.ts';
import { readExpired } from '../retention.ts';
import { readSettlement } from '../settlement.ts';
import { listObjects } from '../sweep.ts';
import { type DeferredObject, type Episode, findOutages, OUTAGE_GAP_MS, settledObject } from './outage.ts';
import { manifestOf, type OutageManifest, readOutages, writeOutage } from './outage-manifest.ts';
import { inParallel } from './parallel.ts';

export interface WriteOutagesOptions {
  readonly store: Pick<Store, 'list' | 'get' | 'put'>;
  readonly chain: string;
  /** @default 600_000 */
  readonly gapMs?: number;
  /** Outages that end later than this may go on, and are left for the next time. @default none are left */
  readonly overBeforeMs?: number;
  readonly signal?: AbortSignal;
}

export interface WrittenOutages {
  readonly written: number;
  /** Outages that go on, or of which something is open. */
  readonly open: number;
}

const HOUR_MS = 3_600_000;

/** @throws StorageError when the store cannot be read or written; the signal's reason */
export async function writeOutages(options: WriteOutagesOptions): Promise<WrittenOutages> {
  const { store, chain, gapMs = OUTAGE_GAP_MS, overBeforeMs = Number.POSITIVE_INFINITY } = options;
  const manifests = await readOutages(store, chain, gapMs);
  const known = countKnown(manifests);
  const hours = await listHours(options, known);
  const frozen = await findFrozen(options, manifests, hours);
  const stale = findStale(hours, { manifests, known, frozen, gapMs });
  const loaded = await loadObjects(stale, hours, options);
  const objects = withoutFrozen(loaded.objects, frozen.manifests);
  const result = { written: 0, open: 0 };
  for (const episode of findOutages(objects, gapMs)) {
    const isOpen = loaded.openHours.some((hourMs) => touches(episode, hourMs, gapMs));
    if (isOpen || Date.parse(episode.outage.endedAt) + gapMs > overBeforeMs) result.open += 1;
    else if (await writeOutage(store, manifestOf(chain, gapMs, episode))) result.written += 1;
  }
  return result;
}

/** Objects that belong to an outage whose account is closed. W4 */
export function withoutFrozen<T extends DeferredObject>(
  objects: readonly T[],
  frozen: readonly OutageManifest[],
): T[] {
  const spans = frozen.map(({ startedAt, endedAt }) => [Date.parse(startedAt), Date.parse(endedAt)] as const);
  return objects.filter(({ firstMs }) => !spans.some(([start, end]) => firstMs >= start && firstMs <= end));
}

/** Manifests of outages of which some objects are gone. */
export function frozenManifests(
  manifests: readonly OutageManifest[],
  expiredRefs: Iterable<string>,
): readonly OutageManifest[] {
  const gone = new Set([...expiredRefs].map(hourOf));
  return manifests.filter(({ hours }) => Object.keys(hours).some((hour) => gone.has(hour)));
}

interface Listed {
  readonly ref: string;
  readonly settlement: boolean;
}

/** What a listing tells of an hour. */
interface Hour {
  objects: number;
  /** Undefined when the manifests tell of as many. */
  listed: Listed[] | undefined;
}

function countKnown(manifests: readonly OutageManifest[]): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  for (const [hour, objects] of manifests.flatMap((manifest) => Object.entries(manifest.hours))) {
    known.set(hour, (known.get(hour) ?? 0) + objects);
  }
  return known;
}

/** Hours come one after the other, so that memory holds those that must be read, and one more. */
async function listHours(
  { store, chain, signal }: WriteOutagesOptions,
  known: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, Hour>> {
  const hours = new Map<string, Hour>();
  const forgetKnown = (name: string | undefined): void => {
    const hour = hours.get(name ?? '');
    if (hour && hour.objects === known.get(name ?? '')) hour.listed = undefined;
  };
  let last: string | undefined;
  for await (const object of listObjects(store, chain)) {
    signal?.throwIfAborted();
    const name = hourOf(object.ref);
    if (name !== last) forgetKnown(last);
    last = name;
    if (name === undefined) continue;
    const hour = hours.get(name) ?? { objects: 0, listed: [] };
    hour.objects += 1;
    hour.listed?.push(object);
    hours.set(name, hour);
  }
  forgetKnown(last);
  return hours;
}

interface Frozen {
  readonly hours: ReadonlySet<string | undefined>;
  readonly manifests: readonly OutageManifest[];
}

async function findFrozen(
  { store, chain }: WriteOutagesOptions,
  manifests: readonly OutageManifest[],
  hours: ReadonlyMap<string, unknown>,
): Promise<Frozen> {
  const { refs } = await readExpired(store, chain);
  const gone = new Set([...refs].map(hourOf));
  // Without any object left there is nothing to leave out either.
  if (gone.size === 0 || hours.size === 0) return { hours: gone, manifests: [] };
  return { hours: gone, manifests: frozenManifests(manifests, refs) };
}

interface Known {
  readonly manifests: readonly OutageManifest[];
  readonly known: ReadonlyMap<string, number>;
  readonly frozen: Frozen;
  readonly gapMs: number;
}

/** W3: the hours that must be read, with those of the outages which may reach into them. */
function findStale(
  hours: ReadonlyMap<string, Hour>,
  { manifests, known, frozen, gapMs }: Known,
): ReadonlySet<string> {
  const stale = new Set<string>();
  for (const [hour, { objects }] of hours) {
    if (!frozen.hours.has(hour) && objects !== known.get(hour)) stale.add(hour);
  }
  const closed = new Set(frozen.manifests);
  let left = manifests.filter((manifest) => !closed.has(manifest));
  for (;;) {
    const near = left.filter((manifest) => isNear(manifest, stale, gapMs));
    if (near.length === 0) return stale;
    for (const hour of near.flatMap((manifest) => Object.keys(manifest.hours))) stale.add(hour);
    left = left.filter((manifest) => !near.includes(manifest));
  }
}

function isNear(manifest: OutageManifest, hours: ReadonlySet<string>, gapMs: number): boolean {
  if (Object.keys(manifest.hours).some((hour) => hours.has(hour))) return true;
  const fromMs = Date.parse(manifest.startedAt) - gapMs;
  const toMs = Date.parse(manifest.endedAt) + gapMs;
  return [...hours].some((hour) => startOf(hour) <= toMs && startOf(hour) + HOUR_MS > fromMs);
}

/** Settled objects, and the start of each hour that has another. */
async function loadObjects(
  stale: ReadonlySet<string>,
  hours: ReadonlyMap<string, Hour>,
  { store, chain, signal }: WriteOutagesOptions,
): Promise<{ readonly objects: readonly DeferredObject[]; readonly openHours: readonly number[] }> {
  const objects: DeferredObject[] = [];
  const openHours = new Set<number>();
  for (const hour of [...stale].sort()) {
    const prefix = `${chainPrefix(chain)}date=${hour.slice(0, 10)}/hour=${hour.slice(11)}/`;
    const listed = hours.get(hour)?.listed ?? listObjects(store, chain, prefix);
    await inParallel<Listed>(listed, async ({ ref, settlement }) => {
      signal?.throwIfAborted();
      const found = settlement ? await readSettlement(store, ref) : undefined;
      const object = found?.state === 'valid' ? settledObject(found.settlement) : undefined;
      if (object) objects.push(object);
      else openHours.add(startOf(hour));
    });
  }
  return { objects, openHours: [...openHours] };
}

function touches({ outage }: Episode, hourMs: number, gapMs: number): boolean {
  return (
    Date.parse(outage.startedAt) - gapMs < hourMs + HOUR_MS && Date.parse(outage.endedAt) + gapMs >= hourMs
  );
}

function startOf(hour: string): number {
  return Date.parse(`${hour}:00:00.000Z`);
}
