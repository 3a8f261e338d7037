/**
 * Writes links over manifests that have none. Many writers may work on one chain.
 *
 * L1 a link is created by putting its number if it is absent, so that of all who write link n one does; the others read it
 * and go on behind it. L2 what this process wrote is linked with the digest it was written with, not with the one it is
 * found with. L3 what other processes left without a link is found by comparing a listing with the links; a settlement that
 * should have been in an earlier listing is linked and named as late. L4 a manifest that is linked is not linked again,
 * unless this process created it again after somebody had deleted it. L5 the last link is read again before one is
 * written: on a server that knows no conditions two may have written the same number, and the chain goes on behind the one
 * that stands; what the other covered is found by a listing.
 */
import type { Clock } from '../../core/clock.ts';
import { sha256 } from '../../core/keys.ts';
import type { Store } from '../../stores/store.ts';
import { isoOf } from '../deferral.ts';
import { getIfThere } from '../settlement.ts';
import {
  decodeLink,
  encodeLink,
  FIRST_PREVIOUS,
  isManifestKey,
  LATE_MS,
  type Link,
  linkKey,
  linkNumber,
  linkPrefix,
  manifestPrefixes,
} from './link.ts';
import { inParallel } from './parallel.ts';

export interface LinkWriterOptions {
  readonly store: Pick<Store, 'list' | 'get' | 'put'>;
  readonly chain: string;
  readonly clock: Pick<Clock, 'wallNow'>;
  /** Manifests that one link covers. @default 1000 */
  readonly coversMax?: number;
}

interface Tail {
  readonly n: number;
  readonly hash: string;
}

/** A manifest on its way into a link. */
interface Unlinked {
  readonly key: string;
  readonly digest: string;
  readonly isLate: boolean;
}

const NO_TAIL: Tail = { n: -1, hash: FIRST_PREVIOUS };

export class LinkWriter {
  readonly #options: LinkWriterOptions;
  readonly #coversMax: number;
  /** Created by this process and not linked yet. L2 */
  readonly #noted = new Map<string, string>();
  /** Short prints of keys that have a link: about 60 bytes for each settlement in the store. */
  #linked = new Set<string>();
  #tail: Tail = NO_TAIL;
  /** Of the latest listing of which everything is linked. */
  #horizonMs = Number.NEGATIVE_INFINITY;
  #mustList = false;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(options: LinkWriterOptions) {
    this.#options = options;
    this.#coversMax = options.coversMax ?? 1000;
  }

  /** Manifests that wait for a link. */
  get waiting(): number {
    return this.#noted.size;
  }

  /** Says that this process has just created a manifest. */
  note(key: string, digest: string): void {
    this.#noted.set(key, digest);
  }

  /**
   * Links what was noted. With `catchUp` also what others left, which lists the store.
   * @returns manifests that were linked now
   * @throws StorageError, or the signal's reason; what is not linked then is the next time
   */
  link(options: { readonly catchUp: boolean; readonly signal?: AbortSignal }): Promise<number> {
    const done = this.#busy.then(() => this.#link(options.catchUp, options.signal));
    this.#busy = done.catch(() => undefined);
    return done;
  }

  async #link(catchUp: boolean, signal: AbortSignal | undefined): Promise<number> {
    await this.#follow();
    const isListing = catchUp || this.#mustList;
    const listedAt = isListing ? isoOf(this.#options.clock.wallNow()) : null;
    let left = [...this.#noted].map(([key, digest]): Unlinked => ({ key, digest, isLate: false }));
    if (isListing) left.push(...(await this.#findUnlinked(signal)));
    this.#mustList = false;
    let linked = 0;
    while (left.length > 0) {
      const some = left.slice(0, this.#coversMax);
      const isLast = some.length === left.length;
      if (await this.#append(some, isLast ? listedAt : null)) {
        linked += some.length;
        left = left.slice(some.length);
      } else {
        await this.#follow();
        left = left.filter(
          ({ key, digest }) => this.#noted.get(key) === digest || !this.#linked.has(printOf(key)),
        );
      }
    }
    return linked;
  }

  /** L1. @returns false when somebody else has written that number */
  async #append(covered: readonly Unlinked[], listedAt: string | null): Promise<boolean> {
    const { store, chain, clock } = this.#options;
    const link: Link = {
      version: 1,
      chain,
      n: this.#tail.n + 1,
      previous: this.#tail.hash,
      writtenAt: isoOf(clock.wallNow()),
      listedAt,
      covers: covered.map(({ key, digest }) => [key, digest] as const),
      late: covered.filter(({ isLate }) => isLate).map(({ key }) => key),
    };
    const { bytes, hash } = encodeLink(link);
    if ((await store.put(linkKey(chain, link.n), [bytes])) === 'exists') return false;
    this.#absorb(link.n, hash, link);
    return true;
  }

  /** Reads the links behind the last one that is known, and that one again. L5 */
  async #follow(): Promise<void> {
    const { store, chain } = this.#options;
    const known = this.#tail;
    let isThere = known.n < 0;
    const after = known.n > 0 ? { after: linkKey(chain, known.n - 1) } : {};
    for await (const { key } of store.list(linkPrefix(chain), after)) {
      const n = linkNumber(key);
      const bytes = n === undefined ? undefined : await getIfThere(store, key);
      if (n === undefined || !bytes) continue;
      const { hash, link } = decodeLink(bytes, chain, n);
      if (n === known.n) {
        isThere = hash === known.hash;
        if (!isThere) break;
      } else if (n > known.n) this.#absorb(n, hash, link);
    }
    if (!isThere) await this.#startOver();
  }

  /** The chain is another one than it was. */
  async #startOver(): Promise<void> {
    this.#tail = NO_TAIL;
    this.#linked = new Set();
    this.#horizonMs = Number.NEGATIVE_INFINITY;
    this.#mustList = true;
    await this.#follow();
  }

  #absorb(n: number, hash: string, link: Link | undefined): void {
    this.#tail = { n, hash };
    if (!link) return;
    for (const [key, digest] of link.covers) {
      this.#linked.add(printOf(key));
      if (this.#noted.get(key) === digest) this.#noted.delete(key);
    }
    if (link.listedAt !== null) this.#horizonMs = Math.max(this.#horizonMs, Date.parse(link.listedAt));
  }

  /** L3. Prints of what is no longer there are forgotten. */
  async #findUnlinked(signal: AbortSignal | undefined): Promise<readonly Unlinked[]> {
    const { store, chain } = this.#options;
    const found: Unlinked[] = [];
    const still = new Set<string>();
    for (const prefix of manifestPrefixes(chain)) {
      await inParallel(store.list(prefix, signal ? { signal } : {}), async ({ key }) => {
        if (!isManifestKey(key) || this.#noted.has(key)) return;
        const print = printOf(key);
        if (this.#linked.has(print)) still.add(print);
        else {
          const bytes = await getIfThere(store, key);
          if (bytes) found.push({ key, digest: sha256(bytes), isLate: isLate(key, bytes, this.#horizonMs) });
        }
      });
    }
    this.#linked = still;
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

/** Whether a settlement says to be older than a listing in which it was not. */
export function isLate(key: string, bytes: Uint8Array, horizonMs: number): boolean {
  if (!key.startsWith('chain=')) return false;
  try {
    const { settledAt } = JSON.parse(Buffer.from(bytes).toString()) as { settledAt?: unknown };
    return Date.parse(String(settledAt)) < horizonMs - LATE_MS;
  } catch {
    // It is no settlement, so nothing rests on it.
    return false;
  }
}

/** 66 bits: a million keys have two alike once in 10^8 stores. */
function printOf(key: string): string {
  return Buffer.from(sha256(Buffer.from(key)), 'hex')
    .toString('base64')
    .slice(0, 11);
}
