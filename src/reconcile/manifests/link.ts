/**
 * A link of the chain over a chain's manifests:
 *
 *     manifests/chain=<chain>/<n, 12 digits>.json        one line of JSON, one line with its SHA-256: the link's hash
 *
 * Each has the hash of the one before and the SHA-256 of the manifests it covers: settlements, outages, and records of what
 * expired. The name is the number alone, because that is what two writers must not both create.
 */
import { sha256 } from '../../core/keys.ts';
import { chainPrefix, chainSegment } from '../job.ts';
import { expiredPrefix } from '../retention.ts';
import { settledRef } from '../settlement.ts';
import { outagePrefix } from './outage-manifest.ts';

export interface Link {
  readonly version: 1;
  readonly chain: string;
  /** From 0, without a gap. */
  readonly n: number;
  /** Hash of link `n - 1`; 64 zeros for the first. */
  readonly previous: string;
  readonly writtenAt: string;
  /** When a listing began of which everything is linked by now; null when this link says nothing about that. */
  readonly listedAt: string | null;
  /** Key and SHA-256. A key that comes again was settled again: the last one counts. */
  readonly covers: readonly (readonly [key: string, sha256: string])[];
  /** Of those, settlements that say to be older than a listing that did not show them. */
  readonly late: readonly string[];
}

/** A link as it was found. */
export interface FoundLink {
  /** Of the bytes that are there, whatever they are. */
  readonly hash: string;
  readonly link: Link | undefined;
  /** What is wrong with it by itself. */
  readonly fault: string | undefined;
}

export const FIRST_PREVIOUS = '0'.repeat(64);
/** How much later than it says a settlement may become visible: a slow put, and clocks that differ. */
export const LATE_MS = 900_000;

const NAME = /\/(\d{12})\.json$/;
const HASH = /^[0-9a-f]{64}$/;

export function linkPrefix(chain: string): string {
  return `manifests/chain=${chainSegment(chain)}/`;
}

export function linkKey(chain: string, n: number): string {
  return `${linkPrefix(chain)}${String(n).padStart(12, '0')}.json`;
}

/** Undefined when the key is no link's. */
export function linkNumber(key: string): number | undefined {
  const [, digits] = NAME.exec(key) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Where manifests are that are linked. */
export function manifestPrefixes(chain: string): readonly string[] {
  return [chainPrefix(chain), outagePrefix(chain), expiredPrefix(chain)];
}

/** Whether what is under one of those prefixes is linked: not objects, nor lists of what was missing. */
export function isManifestKey(key: string): boolean {
  return key.startsWith('chain=') ? settledRef(key) !== undefined : key.endsWith('.json');
}

export function encodeLink(link: Link): { readonly bytes: Uint8Array; readonly hash: string } {
  const line = JSON.stringify(link);
  const hash = sha256(Buffer.from(line));
  return { bytes: Buffer.from(`${line}\n${hash}\n`), hash };
}

export function decodeLink(bytes: Uint8Array, chain: string, n: number): FoundLink {
  const text = Buffer.from(bytes);
  const end = text.indexOf('\n');
  const line = end < 0 ? text : text.subarray(0, end);
  const hash = sha256(line);
  if (end < 0 || text.subarray(end + 1).toString() !== `${hash}\n`)
    return { hash, link: undefined, fault: 'does not match its own hash' };
  try {
    const link = JSON.parse(line.toString()) as Link;
    const fault = findFault(link, chain, n);
    return fault === undefined ? { hash, link, fault } : { hash, link: undefined, fault };
  } catch {
    return { hash, link: undefined, fault: 'is not JSON' };
  }
}

function findFault(link: Partial<Link> | null, chain: string, n: number): string | undefined {
  if (typeof link !== 'object' || link?.version !== 1) return 'is no link of version 1';
  if (link.chain !== chain) return `is of the chain ${JSON.stringify(link.chain)}`;
  if (link.n !== n) return `is link ${link.n} by its content`;
  if (typeof link.previous !== 'string' || !HASH.test(link.previous)) return 'has no hash of the one before';
  const isList = Array.isArray(link.covers) && link.covers.every(isCover) && Array.isArray(link.late);
  return isList ? undefined : 'does not list what it covers';
}

function isCover(cover: unknown): boolean {
  return Array.isArray(cover) && typeof cover[0] === 'string' && HASH.test(String(cover[1]));
}
