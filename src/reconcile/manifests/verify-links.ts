/**
 * Checks the chain over the manifests: that each link follows the one before, and that each manifest is what was linked.
 * Looks only.
 *
 * What it cannot know: a chain whose last links are cut off is a shorter chain, and whoever can write to the store can write
 * all of it anew. A head that is kept elsewhere tells both. Settlements that no link covers yet are counted, not proved.
 */
import { sha256 } from '../../core/keys.ts';
import type { Store } from '../../stores/store.ts';
import { placeOf } from '../job.ts';
import { readExpiredObjects } from '../retention.ts';
import { getIfThere, readSettlement, settledRef, settlementKey } from '../settlement.ts';
import {
  decodeLink,
  FIRST_PREVIOUS,
  isManifestKey,
  linkKey,
  linkNumber,
  linkPrefix,
  manifestPrefixes,
} from './link.ts';
import { isLate } from './link-writer.ts';
import { inParallel } from './parallel.ts';

export interface VerifyLinksOptions {
  readonly store: Pick<Store, 'list' | 'get'>;
  readonly chain: string;
  /** Hash of a link that was the last one once; it must still be in the chain. */
  readonly head?: string | undefined;
  readonly onProgress?: (done: number) => void;
}

export interface LinkFault {
  readonly ref: string;
  readonly fault: string;
}

export interface VerifiedLinks {
  readonly links: number;
  /** Hash of the last link; undefined when there is none. To be kept elsewhere. */
  readonly head: string | undefined;
  /** Manifests that are as they were linked. */
  readonly intact: number;
  /** Linked settlements of objects that have expired. */
  readonly expired: number;
  /** Manifests that no link covers yet. */
  readonly unlinked: number;
  /** Settlements that were written again after they had been deleted. */
  readonly again: number;
  /** Settlements that came after a listing that should have shown them. */
  readonly late: readonly string[];
  /** Of the chain, in its order, then of the manifests. */
  readonly faults: readonly LinkFault[];
}

interface Cover {
  readonly digest: string;
  readonly n: number;
}

interface Chain {
  links: number;
  head: string | undefined;
  horizonMs: number;
  again: number;
  readonly covers: Map<string, Cover>;
  readonly late: string[];
  readonly faults: LinkFault[];
  isHeadFound: boolean;
}

/** @throws StorageError when the store cannot be listed or read */
export async function verifyLinks(options: VerifyLinksOptions): Promise<VerifiedLinks> {
  const chain = await readChain(options);
  const { head, covers, faults } = chain;
  if (options.head !== undefined && !chain.isHeadFound) {
    faults.push({
      ref: linkPrefix(options.chain),
      fault: `has no link with the hash ${options.head}: links were cut off, or all were written anew`,
    });
  }
  const known = await compareCovers(covers, options);
  const fresh = await checkUnlinked(chain, options);
  const { links, again, late } = chain;
  const { intact, expired } = known;
  const { unlinked } = fresh;
  return {
    links,
    head,
    intact,
    expired,
    unlinked,
    again,
    late,
    faults: [...faults, ...known.faults, ...fresh.faults],
  };
}

/** The last link of a chain. @returns undefined when there is none */
export async function readHead(
  store: Pick<Store, 'list' | 'get'>,
  chain: string,
): Promise<{ readonly n: number; readonly hash: string } | undefined> {
  let last: string | undefined;
  for await (const { key } of store.list(linkPrefix(chain))) if (linkNumber(key) !== undefined) last = key;
  const bytes = last === undefined ? undefined : await getIfThere(store, last);
  const n = linkNumber(last ?? '');
  return bytes && n !== undefined ? { n, hash: decodeLink(bytes, chain, n).hash } : undefined;
}

async function readChain({ store, chain, head }: VerifyLinksOptions): Promise<Chain> {
  const found: Chain = {
    links: 0,
    head: undefined,
    horizonMs: Number.NEGATIVE_INFINITY,
    again: 0,
    covers: new Map(),
    late: [],
    faults: [],
    isHeadFound: false,
  };
  let previous: string | undefined = FIRST_PREVIOUS;
  let next = 0;
  for await (const { key } of store.list(linkPrefix(chain))) {
    const n = linkNumber(key);
    const bytes = n === undefined ? undefined : await getIfThere(store, key);
    if (n === undefined || !bytes) continue;
    if (n > next) {
      found.faults.push({ ref: linkKey(chain, next), fault: missingLinks(next, n - 1) });
      previous = undefined;
    }
    previous = takeLink(found, { key, bytes, chain, n, previous });
    found.isHeadFound ||= found.head === head;
    next = n + 1;
  }
  return found;
}

function missingLinks(first: number, last: number): string {
  return first === last ? `link ${first} is missing` : `links ${first} to ${last} are missing`;
}

interface LinkToTake {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly chain: string;
  readonly n: number;
  /** What the one before hashes to; undefined when that is known to be wrong. */
  readonly previous: string | undefined;
}

/** @returns the hash that the next link must name; undefined when this one is not the one that was written */
function takeLink(found: Chain, { key, bytes, chain, n, previous }: LinkToTake): string | undefined {
  const { hash, link, fault } = decodeLink(bytes, chain, n);
  found.links += 1;
  found.head = hash;
  if (!link) {
    found.faults.push({ ref: key, fault: `link ${n} ${fault}` });
    return undefined;
  }
  if (previous !== undefined && link.previous !== previous) {
    const before =
      n === 0 ? 'it is the first, and names one before' : `link ${n - 1} is not the one it follows`;
    const expected = `it names ${link.previous.slice(0, 16)}…, found was ${previous.slice(0, 16)}…`;
    found.faults.push({ ref: key, fault: `the chain breaks at link ${n}: ${before}; ${expected}` });
  }
  for (const [manifest, digest] of link.covers) {
    const earlier = found.covers.get(manifest);
    if (earlier && earlier.digest !== digest) found.again += 1;
    found.covers.set(manifest, { digest, n });
  }
  found.late.push(...link.late);
  if (link.listedAt !== null) found.horizonMs = Math.max(found.horizonMs, Date.parse(link.listedAt));
  return hash;
}

async function compareCovers(
  covers: ReadonlyMap<string, Cover>,
  { store, chain, onProgress = () => {} }: VerifyLinksOptions,
): Promise<{ readonly intact: number; readonly expired: number; readonly faults: readonly LinkFault[] }> {
  const gone = new Map<string, string | undefined>();
  for await (const { ref, settlement } of readExpiredObjects(store, chain)) gone.set(ref, settlement);
  const faults: LinkFault[] = [];
  const counts = { intact: 0, expired: 0 };
  let done = 0;
  await inParallel(covers, async ([key, { digest, n }]) => {
    const bytes = await getIfThere(store, key);
    const ref = settledRef(key) ?? '';
    done += 1;
    onProgress(done);
    if (bytes) {
      const found = sha256(bytes);
      if (found === digest) counts.intact += 1;
      else faults.push({ ref: key, fault: `was changed since link ${n}${whose(found, covers)}` });
    } else if (!gone.has(ref))
      faults.push({ ref: key, fault: `was deleted; link ${n} covers it, and it has not expired` });
    else if ((gone.get(ref) ?? digest) === digest) counts.expired += 1;
    else faults.push({ ref: key, fault: `had been changed since link ${n} when it expired` });
  });
  return { ...counts, faults: faults.sort((a, b) => (a.ref < b.ref ? -1 : 1)) };
}

/** Whether these are the bytes of another manifest. */
function whose(digest: string, covers: ReadonlyMap<string, Cover>): string {
  for (const [key, cover] of covers) if (cover.digest === digest) return `: it has the bytes of ${key}`;
  return '';
}

async function checkUnlinked(
  { covers, horizonMs }: Chain,
  { store, chain }: VerifyLinksOptions,
): Promise<{ readonly unlinked: number; readonly faults: readonly LinkFault[] }> {
  const faults: LinkFault[] = [];
  let unlinked = 0;
  for (const prefix of manifestPrefixes(chain)) {
    await inParallel(store.list(prefix), async ({ key }) => {
      if (!isManifestKey(key) || covers.has(key)) return;
      unlinked += 1;
      const fault = await findInsertion(key, store, horizonMs);
      if (fault !== undefined) faults.push({ ref: key, fault });
    });
  }
  return { unlinked, faults: faults.sort((a, b) => (a.ref < b.ref ? -1 : 1)) };
}

/** Why a manifest without a link is not just a new one. */
async function findInsertion(
  key: string,
  store: Pick<Store, 'get'>,
  horizonMs: number,
): Promise<string | undefined> {
  const ref = settledRef(key);
  const bytes = ref === undefined ? undefined : await getIfThere(store, key);
  if (ref === undefined || !bytes) return undefined;
  if (isLate(key, bytes, horizonMs))
    return 'was inserted: it says to be older than the last listing, which did not show it, and no link covers it';
  const found = await readSettlement(store, ref);
  if (found.state !== 'valid') return undefined;
  if (found.key !== key && key !== settlementKey(ref)) return 'was inserted: the object was settled before';
  const place = placeOf(ref);
  const isOfObject = !place || found.settlement.sha256.startsWith(place.digest);
  return isOfObject ? undefined : 'was inserted: it is about other bytes than those of its object';
}
