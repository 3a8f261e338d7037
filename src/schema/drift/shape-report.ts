/** What shapes a set of records has, as plain data, and what is different between two of them. */
import { sha256 } from '../../core/keys.ts';
import type { ShapeType } from './shape-paths.ts';

const ID_HEX_DIGITS = 16;

/** How often each type was met at a path. */
export type TypeCounts = Readonly<Partial<Record<ShapeType, number>>>;

/** One path over all records. Several elements of an array in one record count once per type. */
export interface PathUse {
  /** `meta.rssi`, `tags[]`, `items[].sku`; `$` is a record that is no object. */
  readonly path: string;
  /** Records that have it. */
  readonly records: number;
  /** Records that could have it: those where what it is in is an object, or an array. */
  readonly of: number;
  readonly types: TypeCounts;
}

/** Records that have the same types at the same paths, in whatever order. */
export interface ShapeCount {
  /** 64 bits in hex, the same in every process. */
  readonly id: string;
  readonly count: number;
  /** Position of the first such record that was looked at. */
  readonly firstRow: number;
  /** `path: type`, sorted. */
  readonly members: readonly string[];
}

/** Plain JSON. Counts of records are extrapolated when `isEstimate`. */
export interface ShapeReport {
  readonly records: number;
  /** Records that were looked at: fewer than `records` when sampling. */
  readonly looked: number;
  readonly isEstimate: boolean;
  /** Records of yet another shape when there were too many; they are in `paths` and not in `shapes`. */
  readonly unshaped: number;
  /** Records that were too large, or of paths that there was no room for; they are in none of the other counts. */
  readonly untracked: number;
  /** 64 bits in hex over the set of shapes; says nothing about their counts, and knows of no others. */
  readonly fingerprint: string;
  readonly shapes: readonly Omit<ShapeCount, 'members'>[];
  /** Sorted by path. */
  readonly paths: readonly PathUse[];
}

export interface PathChange {
  readonly path: string;
  /** `types` = other types than before, `presence` = always there before or after, but not both. */
  readonly change: 'appeared' | 'vanished' | 'types' | 'presence';
  readonly before: PathUse | undefined;
  readonly after: PathUse | undefined;
}

/** Stable id of some lines of text: 64 bits in hex. */
export function idOf(lines: readonly string[]): string {
  return sha256(new TextEncoder().encode(JSON.stringify(lines))).slice(0, ID_HEX_DIGITS);
}

function typesOf({ types }: PathUse): string {
  return Object.keys(types).sort().join(' ');
}

function changeOf(before: PathUse | undefined, after: PathUse | undefined): PathChange['change'] | undefined {
  if (!before) return 'appeared';
  if (!after) return 'vanished';
  if (typesOf(before) !== typesOf(after)) return 'types';
  const isElement = before.path.endsWith('[]');
  return !isElement && (before.records === before.of) !== (after.records === after.of) ? 'presence' : undefined;
}

/** What changed by path, sorted by path; how often things occur is no change. Equal fingerprints give no changes. */
export function compareShapes(before: ShapeReport, after: ShapeReport): readonly PathChange[] {
  const old = new Map(before.paths.map((use) => [use.path, use]));
  const fresh = new Map(after.paths.map((use) => [use.path, use]));
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return paths.flatMap((path) => {
    const [was, is] = [old.get(path), fresh.get(path)];
    const change = changeOf(was, is);
    return change === undefined ? [] : [{ path, change, before: was, after: is }];
  });
}
