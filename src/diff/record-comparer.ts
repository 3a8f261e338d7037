/**
 * Compares whole records, fast where they are the same: most are.
 *
 * K1 `isSame` and `changes` agree: one is true exactly when the other is empty. K2 the generated comparer only ever says
 * "same for sure"; whatever surprises it (another name, another order of nesting, another type) is decided by the general
 * one. K3 where code generation is forbidden the general one decides everything.
 */
import { compileCode } from '../core/generated-code.ts';
import type { DiffRecord } from './change.ts';
import { type CellChange, collectChanges, fieldPath, isSameValue, memberOf } from './compare.ts';
import type { DiffRules, FieldRule } from './rules.ts';

export interface RecordComparer {
  isSame(a: DiffRecord, b: DiffRecord): boolean;
  /** The cells that differ: names of `a` in their order, then those that only `b` has. */
  changes(a: DiffRecord, b: DiffRecord): readonly CellChange[];
}

type Surely = (a: DiffRecord, b: DiffRecord) => boolean;

/** Larger records would make functions that take longer to compile than they save. */
const FIELDS_MAX = 256;
const DEPTH_MAX = 3;

/** Compares the records name by name. */
function isSameGenerally(a: DiffRecord, b: DiffRecord, rules: DiffRules): boolean {
  let shared = 0;
  for (const name in a) {
    const [old, now] = [a[name], b[name]];
    if (old !== now && !isSameValue(memberOf(a, name), memberOf(b, name), rules.of(name))) return false;
    if (now !== undefined && Object.hasOwn(b, name)) shared += 1;
  }
  for (const _ in b) shared -= 1;
  if (shared === 0) return true;
  for (const name in b) {
    if (!Object.hasOwn(a, name) && !isSameValue(undefined, memberOf(b, name), rules.of(name))) return false;
  }
  return true;
}

function isPlain(value: unknown): value is DiffRecord {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Source of a comparer for records of one shape, and the rules it refers to by index. */
class Writer {
  readonly rules: FieldRule[] = [];
  #lines: string[] = [];
  #fields = 0;
  #names = 0;

  get isTooLarge(): boolean {
    return this.#fields > FIELDS_MAX;
  }

  /** Lines that return false unless `a` and `b`, two variables, have just the names of `sample` and the same values. */
  record(a: string, b: string, sample: DiffRecord, ruleOf: (name: string) => FieldRule, depth: number): void {
    const names = Object.keys(sample);
    for (const side of [a, b])
      this.#lines.push(`n = 0; for (const _ in ${side}) n++; if (n !== ${names.length}) return false;`);
    for (const name of names) this.#field(a, b, name, sample[name], ruleOf(name), depth);
  }

  #field(a: string, b: string, name: string, value: unknown, rule: FieldRule, depth: number): void {
    this.#fields += 1;
    this.#names += 1;
    const [x, y] = [`x${this.#names}`, `y${this.#names}`];
    const key = JSON.stringify(name);
    this.#lines.push(`const ${x} = ${a}[${key}], ${y} = ${b}[${key}];`);
    // What every object inherits is the same on both sides without being there.
    const isOwn =
      name in Object.prototype ? `Object.hasOwn(${a}, ${key}) && Object.hasOwn(${b}, ${key})` : 'true';
    this.#lines.push(`if (${x} === undefined || ${y} === undefined || !(${isOwn})) return false;`);
    if (rule.isIgnored) return;
    const isStrict = !rule.nested && !rule.epsilon && rule.granularity === undefined && !rule.isNfc;
    if (isStrict && isPlain(value) && depth < DEPTH_MAX && !this.isTooLarge) {
      this.#lines.push(`if (${x} !== ${y}) {`);
      // Names alone do not tell {} from [], nor a value of a class from a record that looks like it.
      this.#lines.push(`if (!isPlain(${x}) || !isPlain(${y})) return false;`);
      this.record(x, y, value, () => rule, depth + 1);
      this.#lines.push('}');
    } else if (isStrict && (typeof value !== 'object' || value === null)) {
      this.#lines.push(`if (${x} !== ${y}) return false;`);
    } else {
      const index = this.rules.push(rule) - 1;
      this.#lines.push(`if (${x} !== ${y} && !isSameValue(${x}, ${y}, rules[${index}])) return false;`);
    }
  }

  toString(): string {
    return `return (rules) => (a, b) => {\nlet n = 0;\n${this.#lines.join('\n')}\nreturn true;\n}`;
  }
}

const NEVER: Surely = () => false;

function generate(sample: DiffRecord | undefined, rules: DiffRules): Surely {
  if (!sample || Object.keys(sample).length > FIELDS_MAX) return NEVER;
  const writer = new Writer();
  writer.record('a', 'b', sample, rules.of, 0);
  if (writer.isTooLarge) return NEVER;
  return factoryOf(String(writer))?.(writer.rules) ?? NEVER;
}

type Factory = (rules: readonly FieldRule[]) => Surely;

const FACTORIES_MAX = 64;
/** By source: a comparison of many small sets would otherwise start with cold code each time. */
const factories = new Map<string, Factory>();

/** Compiles once per source; undefined where the host forbids it. */
function factoryOf(source: string): Factory | undefined {
  const known = factories.get(source);
  if (known) return known;
  const factory = compileCode<Factory>(source, { isSameValue, isPlain });
  if (!factory) return undefined;
  if (factories.size >= FACTORIES_MAX) factories.clear();
  factories.set(source, factory);
  return factory;
}

export interface ComparerOptions {
  /** A record of the shape that most have. */
  readonly sample?: DiffRecord | undefined;
  /** Whether code may be generated. @default true where the host allows it */
  readonly mayGenerate?: boolean | undefined;
}

/** A comparer by the rules. */
export function createComparer(rules: DiffRules, options: ComparerOptions = {}): RecordComparer {
  const { sample, mayGenerate = true } = options;
  const isSurelySame = mayGenerate ? generate(sample, rules) : NEVER;
  return {
    isSame: (a, b) => isSurelySame(a, b) || isSameGenerally(a, b, rules),
    changes(a, b) {
      const changes: CellChange[] = [];
      const visit = (name: string): void =>
        collectChanges(fieldPath('', name), memberOf(a, name), memberOf(b, name), rules.of(name), 0, changes);
      for (const name of Object.keys(a)) visit(name);
      for (const name of Object.keys(b)) if (!Object.hasOwn(a, name)) visit(name);
      return changes;
    },
  };
}
