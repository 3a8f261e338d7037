/** Takes one record apart: the set of its paths with the types found there. */
import { ARRAY_TYPE, DEEPER_TYPE, OBJECT_TYPE, pairOf, type ShapePaths, scalarType } from './shape-paths.ts';

export interface MemberLimits {
  /** Objects and arrays inside of this many others are `deeper`. */
  readonly depthMax: number;
  /** Members of one record. */
  readonly membersMax: number;
}

const ROOT = 0;

class Members {
  readonly pairs = new Set<number>();
  readonly #paths: ShapePaths;
  readonly #limits: MemberLimits;

  constructor(paths: ShapePaths, limits: MemberLimits) {
    this.#paths = paths;
    this.#limits = limits;
  }

  /** @returns false when a limit is met. Recursion ends at the depth limit */
  add(value: unknown, path: number, depth: number): boolean {
    if (path < 0 || this.pairs.size >= this.#limits.membersMax) return false;
    const type = scalarType(value);
    if (type >= 0) return this.#note(path, type);
    if (depth >= this.#limits.depthMax) return this.#note(path, DEEPER_TYPE);
    return Array.isArray(value)
      ? this.#addArray(value, path, depth)
      : this.#addObject(value as Readonly<Record<string, unknown>>, path, depth);
  }

  #note(path: number, type: number): boolean {
    this.pairs.add(pairOf(path, type));
    return true;
  }

  #addObject(record: Readonly<Record<string, unknown>>, path: number, depth: number): boolean {
    this.#note(path, OBJECT_TYPE);
    const names = Object.keys(record);
    // Asked before the names are remembered: one record must not use up the room of all.
    if (names.length > this.#limits.membersMax) return false;
    return names.every((name) => {
      const value = record[name];
      return value === undefined || this.add(value, this.#paths.child(path, name), depth + 1);
    });
  }

  #addArray(values: readonly unknown[], path: number, depth: number): boolean {
    this.#note(path, ARRAY_TYPE);
    if (values.length === 0) return true;
    const elements = this.#paths.elements(path);
    for (const value of values) if (!this.add(value, elements, depth + 1)) return false;
    return true;
  }
}

/** Ascending pairs of path and type; undefined when the record has too many, or paths there is no room for. */
export function membersOf(record: unknown, paths: ShapePaths, limits: MemberLimits): Int32Array | undefined {
  const members = new Members(paths, limits);
  return members.add(record, ROOT, 0) ? Int32Array.from(members.pairs).sort() : undefined;
}
