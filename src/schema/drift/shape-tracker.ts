/**
 * Counts the shapes of records: each shape is taken apart once, and weighs by its count, so that the exact histogram of
 * paths and types costs one comparison per field.
 *
 * R1 every record that was looked at is counted in one shape, as unshaped or as untracked. R2 time and memory are bounded,
 * whatever the records: a new shape beyond the limit is unshaped, which leaves its paths and types in the histogram; a
 * record that is too large, or has paths there is no room for, is untracked; shapes known by then are counted on. R3
 * the same records give the same report, sampling included.
 */

import { ConfigError } from '../../core/errors.ts';
import type { CompiledSchema } from '../compile-schema.ts';
import { planFields } from '../schema-plan.ts';
import type { DriftReport } from './drift-report.ts';
import { ShapeAutomaton } from './shape-automaton.ts';
import { type Shape, shapeDivergence } from './shape-divergence.ts';
import { membersOf } from './shape-members.ts';
import { pairOf, pathOfPair, SHAPE_TYPES, ShapePaths, type ShapeType, typeOfPair } from './shape-paths.ts';
import { idOf, type PathUse, type ShapeCount, type ShapeReport, type TypeCounts } from './shape-report.ts';

const STATES_MAX = 131_072;
const PATHS_MAX = 65_536;
const PATH_CHARS_MAX = 4_194_304;
/** Of one shape, and of all together. */
const MEMBERS_MAX = 16_384;
const MEMBERS_TOTAL_MAX = 1_048_576;

export interface ShapeTrackerOptions {
  /** Looks at one record in this many, at irregular places; counts are then estimates. A whole number from 1. @default 1 */
  readonly every?: number;
  /** Shapes that are told apart, 1 to 65536. @default 16384 */
  readonly shapesMax?: number;
  /** Nesting that is looked into, 1 to 100 levels; what is below is of the type `deeper`. @default 32 */
  readonly depthMax?: number;
}

function checkCount(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new ConfigError(
    `shapes.${name}`,
    `found ${value}, expected a whole number from 1 to ${max}`,
    'Correct it.',
  );
}

/** A place for each window of `every` records: irregular, so that no period of the data meets it, and the same every time. */
class Places {
  readonly #every: number;
  #state = 2_463_534_242;
  #last = 0;

  constructor(every: number) {
    this.#every = every;
  }

  /** Records to pass over before the next one to look at. */
  next(): number {
    if (this.#every === 1) return 0;
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    const place = (state >>> 0) % this.#every;
    const skipped = this.#last + place;
    this.#last = this.#every - 1 - place;
    return skipped;
  }
}

/** Records by their members. */
class PairCounts {
  readonly byPair = new Map<number, number>();
  readonly byPath = new Map<number, number>();
  records = 0;

  add(members: Int32Array, count: number): void {
    let previous = -1;
    for (const pair of members) {
      this.byPair.set(pair, (this.byPair.get(pair) ?? 0) + count);
      const path = pathOfPair(pair);
      // Members ascend, so pairs of one path follow each other.
      if (path !== previous) this.byPath.set(path, (this.byPath.get(path) ?? 0) + count);
      previous = path;
    }
    this.records += count;
  }

  copy(): PairCounts {
    const copy = new PairCounts();
    for (const [pair, count] of this.byPair) copy.byPair.set(pair, count);
    for (const [path, count] of this.byPath) copy.byPath.set(path, count);
    copy.records = this.records;
    return copy;
  }
}

/** Feed it records with `add`. */
export class ShapeTracker {
  readonly #automaton: ShapeAutomaton;
  readonly #paths = new ShapePaths({ pathsMax: PATHS_MAX, charsMax: PATH_CHARS_MAX });
  readonly #shapes: Shape[] = [];
  readonly #byMembers = new Map<string, number>();
  readonly #places: Places;
  readonly #every: number;
  readonly #shapesMax: number;
  readonly #depthMax: number;
  #membersLeft = MEMBERS_TOTAL_MAX;
  /** Records up to the last one that was looked at; what came since is told by what is left to skip. */
  #seen = 0;
  #skip: number;
  #toSkip: number;
  #looked = 0;
  #untracked = 0;
  readonly #unshaped = new PairCounts();

  /** @throws ConfigError naming the option that is out of its range */
  constructor(options: ShapeTrackerOptions = {}) {
    this.#every = checkCount('every', options.every ?? 1, 2 ** 31);
    this.#shapesMax = checkCount('shapesMax', options.shapesMax ?? 16_384, 65_536);
    this.#depthMax = checkCount('depthMax', options.depthMax ?? 32, 100);
    this.#automaton = new ShapeAutomaton({ statesMax: STATES_MAX, depthMax: this.#depthMax });
    this.#places = new Places(this.#every);
    this.#skip = this.#places.next();
    this.#toSkip = this.#skip;
  }

  /** Any parsed value; an object's own enumerable members are looked at, and undefined ones are absent. */
  add(record: unknown): void {
    if (this.#toSkip > 0) this.#toSkip -= 1;
    else this.#look(record);
  }

  /** Records added, looked at or not. */
  get records(): number {
    return this.#seen + this.#skip - this.#toSkip;
  }

  /** Stable id of the set of shapes: 64 bits in hex. */
  get fingerprint(): string {
    return idOf(this.#shapes.map((shape) => this.#idOf(shape)).sort());
  }

  /** Most frequent first. */
  shapes(): readonly ShapeCount[] {
    return [...this.#shapes]
      .sort((a, b) => b.count - a.count)
      .map((shape) => ({
        id: this.#idOf(shape),
        count: this.#estimate(shape.count),
        firstRow: shape.firstRow,
        members: this.#linesOf(shape),
      }));
  }

  /** Per path in how many records it has which type; exact unless sampling or untracked records say otherwise. */
  histogram(): readonly PathUse[] {
    const counts = this.#unshaped.copy();
    for (const { members, count } of this.#shapes) counts.add(members, count);
    return [...counts.byPath]
      .map(([path, records]) => ({
        path: this.#paths.text(path),
        records: this.#estimate(records),
        of: this.#estimate(this.#recordsAround(path, counts.byPair)),
        types: this.#typesAt(path, counts.byPair),
      }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** A copy as plain data. */
  report(): ShapeReport {
    return {
      records: this.records,
      looked: this.#looked,
      isEstimate: this.#looked < this.records,
      unshaped: this.#estimate(this.#unshaped.records),
      untracked: this.#estimate(this.#untracked),
      fingerprint: this.fingerprint,
      shapes: this.shapes().map(({ id, count, firstRow }) => ({ id, count, firstRow })),
      paths: this.histogram(),
    };
  }

  /**
   * How far the records are from a schema by names and types alone: values are not looked at, so it is never more than
   * what `detectDrift` finds. Samples are the types; unshaped and untracked records are in `undecodable`.
   * @throws SchemaError naming the field when the schema cannot be used
   */
  divergenceFrom({ schema }: Pick<CompiledSchema, 'schema'>): DriftReport {
    const shapes = this.#shapes.map((shape) => ({ ...shape, count: this.#estimate(shape.count) }));
    return shapeDivergence(
      planFields(schema),
      this.#paths,
      shapes,
      this.#estimate(this.#unshaped.records + this.#untracked),
    );
  }

  #look(record: unknown): void {
    this.#seen += this.#skip + 1;
    this.#looked += 1;
    if (this.#every > 1) {
      this.#skip = this.#places.next();
      this.#toSkip = this.#skip;
    }
    const known = this.#shapes[this.#automaton.recognise(record)];
    if (known !== undefined) known.count += 1;
    else this.#addUnrecognised(record);
  }

  #addUnrecognised(record: unknown): void {
    const members = membersOf(record, this.#paths, { depthMax: this.#depthMax, membersMax: MEMBERS_MAX });
    if (members === undefined) {
      this.#untracked += 1;
      return;
    }
    const place = this.#shapeOf(members);
    const shape = this.#shapes[place];
    if (shape === undefined) {
      this.#unshaped.add(members, 1);
      return;
    }
    shape.count += 1;
    if (!this.#automaton.isFull) this.#automaton.learn(record, place);
  }

  /** -1 when there is no room for another shape. */
  #shapeOf(members: Int32Array): number {
    const key = members.join();
    const known = this.#byMembers.get(key);
    if (known !== undefined) return known;
    if (this.#shapes.length >= this.#shapesMax || members.length > this.#membersLeft) return -1;
    this.#membersLeft -= members.length;
    this.#byMembers.set(key, this.#shapes.length);
    this.#shapes.push({ members, count: 0, firstRow: this.#seen - 1 });
    return this.#shapes.length - 1;
  }

  #typesAt(path: number, counts: ReadonlyMap<number, number>): TypeCounts {
    const types: Partial<Record<ShapeType, number>> = {};
    SHAPE_TYPES.forEach((type, number) => {
      const count = counts.get(pairOf(path, number));
      if (count !== undefined) types[type] = this.#estimate(count);
    });
    return types;
  }

  /** Records in which the object or array that `path` is in is there. */
  #recordsAround(path: number, counts: ReadonlyMap<number, number>): number {
    const parent = this.#paths.parent(path);
    if (parent < 0) return this.#looked - this.#untracked;
    return counts.get(this.#paths.containerPair(path)) ?? 0;
  }

  #estimate(count: number): number {
    return this.#looked === this.records || count === 0
      ? count
      : Math.round((count * this.records) / this.#looked);
  }

  #linesOf({ members }: Shape): readonly string[] {
    return Array.from(members, (pair) => `${this.#paths.text(pathOfPair(pair))}: ${typeOfPair(pair)}`).sort();
  }

  #idOf(shape: Shape): string {
    return idOf(this.#linesOf(shape));
  }
}
