/**
 * Everything that inference keeps of one field: counts, and what its type needs to know. Bounded, however many values
 * are added and whatever they hold.
 */
import { showValue } from '../change.ts';
import { digitsOf, type Seen, type Shape, seeValue } from './shapes.ts';
import { WrittenTimes } from './written-times.ts';

/** How values are looked at. */
export interface SampleRules {
  readonly untyped: boolean;
  readonly nested: 'struct' | 'json';
  readonly enumMax: number;
  readonly formats: boolean;
}

/** Levels below a record that are looked into; what is deeper stays JSON text. */
const DEPTH_MAX = 8;
/** Names within one nested object; with more it is a map, not a struct. */
const NAMES_MAX = 256;
const SAMPLES_MAX = 3;
const SAMPLE_WIDTH = 60;
/** Values of a field that are compared to tell whether it may be a key. */
const DISTINCT_MAX = 10_000;
const DISTINCT_WIDTH = 100;

export class FieldSample {
  /** Where the field is present, null included. */
  records = 0;
  nulls = 0;
  readonly shapes = new Map<Shape, number>();
  readonly samples: string[] = [];
  /** Most decimals of a second. */
  decimals = 0;
  /** Most digits before and after the point. */
  whole = 0;
  scale = 0;
  isNegative = false;
  /** Whether the digits of every number are known. */
  isExact = true;
  /** Words with their counts, until there are too many. */
  words: Map<string, number> | undefined;
  readonly times: WrittenTimes | undefined;
  readonly children = new Map<string, FieldSample>();
  /** Whether some object has more names than are kept. */
  isMap = false;
  item: FieldSample | undefined;
  #distinct: Set<string> | undefined = new Set();
  readonly #rules: SampleRules;
  readonly #depth: number;

  constructor(rules: SampleRules, depth: number) {
    this.#rules = rules;
    this.#depth = depth;
    this.words = rules.enumMax > 0 ? new Map() : undefined;
    this.times = rules.formats ? new WrittenTimes() : undefined;
  }

  /** Whether every value so far was another one, and none was null; only the first 10,000 are compared. */
  get isDistinct(): boolean {
    return this.#distinct !== undefined && this.nulls === 0;
  }

  add(value: unknown): void {
    this.records += 1;
    if (value === null || value === undefined) {
      this.nulls += 1;
      return;
    }
    const seen = seeValue(value, this.#rules.untyped);
    this.shapes.set(seen.shape, (this.shapes.get(seen.shape) ?? 0) + 1);
    this.#measure(seen);
    this.#keepSample(value);
    if (typeof value === 'string') this.#addText(value);
    this.#compare(value);
    if (this.#rules.nested === 'struct' && this.#depth < DEPTH_MAX) this.#lookInto(value);
  }

  #measure({ shape, exact, decimals = 0 }: Seen): void {
    this.decimals = Math.max(this.decimals, decimals);
    if (shape === 'float' && !exact) this.isExact = false;
    if (!exact) return;
    const { whole, scale } = digitsOf(exact);
    this.whole = Math.max(this.whole, whole);
    this.scale = Math.max(this.scale, scale);
    if (exact.digits < 0n) this.isNegative = true;
  }

  #keepSample(value: unknown): void {
    if (this.samples.length >= SAMPLES_MAX) return;
    const shown = showValue(value);
    const short = shown.length > SAMPLE_WIDTH ? `${shown.slice(0, SAMPLE_WIDTH - 1)}…`.toWellFormed() : shown;
    if (!this.samples.includes(short)) this.samples.push(short);
  }

  #addText(text: string): void {
    this.times?.add(text);
    if (!this.words) return;
    this.words.set(text, (this.words.get(text) ?? 0) + 1);
    if (this.words.size > this.#rules.enumMax) this.words = undefined;
  }

  #compare(value: unknown): void {
    if (!this.#distinct || this.records > DISTINCT_MAX) return;
    const isComparable = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
    const text = isComparable ? String(value) : '';
    if (!isComparable || text.length > DISTINCT_WIDTH || this.#distinct.has(text)) this.#distinct = undefined;
    else this.#distinct.add(text);
  }

  #lookInto(value: unknown): void {
    if (Array.isArray(value)) {
      this.item ??= new FieldSample(this.#rules, this.#depth + 1);
      for (const each of value) this.item.add(each);
    } else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
      for (const [name, inner] of Object.entries(value)) this.#addChild(name, inner);
    }
  }

  #addChild(name: string, value: unknown): void {
    const known = this.children.get(name);
    if (!known && this.children.size >= NAMES_MAX) {
      this.isMap = true;
      return;
    }
    const child = known ?? new FieldSample(this.#rules, this.#depth + 1);
    if (!known) this.children.set(name, child);
    child.add(value);
  }
}
