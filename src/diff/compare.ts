/**
 * When two values are the same, and which cells of two records are not.
 *
 * E1 numbers are compared by value, whatever they are held as; 0 and -0 are the same, and NaN is the same as NaN. E2 names
 * are a set: their order means nothing. E3 an array has an order. E4 an instant is compared with a text only where one
 * side is typed or a rule says so. E5 nesting of any depth is compared without recursing deeper than `PATH_DEPTH_MAX`.
 */
import { powerOfTen } from '../schema/number-grammar.ts';
import { parseLooseTime, toUnit } from '../schema/time-grammar.ts';
import { parseNestedJson } from './exact-json.ts';
import { areDoublesWithin, exactOf, isExactlyWithin, isSameExact } from './exact-number.ts';
import { epochNanoseconds, type FieldRule, nestedRule } from './rules.ts';
import { Decimal, Instant } from './typed-value.ts';

/** One value that differs; absent is undefined. */
export interface CellChange {
  /** Name, or path into nested values: `meta.fw`, `tags[2]`; a name that is no word is quoted: `["a b"]`. */
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Below this, differences are told at the level above them. */
const PATH_DEPTH_MAX = 32;

type Nested = Readonly<Record<string, unknown>> | readonly unknown[];

function isNested(value: unknown): value is Nested {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Instant) &&
    !(value instanceof Decimal) &&
    !(value instanceof Uint8Array)
  );
}

/** Nanoseconds since 1970 of a value that is an instant, by its type or by the rule; a text without offset is UTC. */
export function nanosecondsOf(value: unknown, rule: FieldRule): bigint | undefined {
  if (value instanceof Instant) return value.nanoseconds;
  if (typeof value === 'string') {
    const moment = parseLooseTime(value);
    if (!moment) return undefined;
    // Nanoseconds of a day far from 1970 do not fit 64 bits, so seconds and decimals are read apart.
    const seconds = toUnit({ ...moment, fraction: '' }, 's');
    return seconds && seconds.count * 10n ** 9n + BigInt(moment.fraction.slice(0, 9).padEnd(9, '0'));
  }
  const unit = epochNanoseconds(rule);
  if (unit === undefined) return undefined;
  if (typeof value === 'bigint') return value * unit;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value) * unit;
  const exact = exactOf(value);
  if (!exact) return undefined;
  const [digits, per] = [exact.digits * unit, powerOfTen(exact.scale)];
  return digits % per === 0n ? digits / per : undefined;
}

function areInstantsSame(a: unknown, b: unknown, rule: FieldRule): boolean {
  const [x, y] = [nanosecondsOf(a, rule), nanosecondsOf(b, rule)];
  if (x === undefined || y === undefined) return false;
  const apart = x > y ? x - y : y - x;
  return apart <= (rule.granularity ?? 0n);
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal;
}

function areNumbersSame(a: unknown, b: unknown, rule: FieldRule): boolean {
  const { epsilon } = rule;
  if (typeof a === 'number' && typeof b === 'number') {
    if (!epsilon || !Number.isFinite(a) || !Number.isFinite(b))
      return a === b || (Number.isNaN(a) && Number.isNaN(b));
    return areDoublesWithin(a, b, epsilon);
  }
  const [x, y] = [exactOf(a), exactOf(b)];
  // Numbers beyond exact arithmetic are told apart by their text.
  if (!x || !y) return a instanceof Decimal && b instanceof Decimal && a.text === b.text;
  return isSameExact(x, y) || (epsilon !== undefined && isExactlyWithin(x, y, epsilon));
}

/** A text against a value that is none: only where a side has nothing but text. */
function isSpelledSame(text: string, value: unknown, rule: FieldRule): boolean {
  if (isNumber(value)) return areNumbersSame(text, value, rule);
  if (typeof value === 'boolean') return text === String(value);
  const spelled = isNested(value) ? parseNestedJson(text) : undefined;
  return spelled !== undefined && areNestedSame(spelled, value, rule);
}

function areTextsSame(a: string, b: string, rule: FieldRule): boolean {
  if (rule.isNfc && a.normalize('NFC') === b.normalize('NFC')) return true;
  return rule.epsilon !== undefined && areNumbersSame(a, b, rule);
}

/** Whether two values that are not nested are the same. */
function areLeavesSame(a: unknown, b: unknown, rule: FieldRule): boolean {
  if (a === b) return true;
  if (a === null || a === undefined || b === null || b === undefined)
    return (a ?? null) === (b ?? null) && rule.nullIsAbsent;
  const isTime = rule.granularity !== undefined || a instanceof Instant || b instanceof Instant;
  if (isTime && areInstantsSame(a, b, rule)) return true;
  if (typeof a === 'string' && typeof b === 'string') return areTextsSame(a, b, rule);
  if (isNumber(a) && isNumber(b)) return areNumbersSame(a, b, rule);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (!rule.isSpelled) return false;
  if (typeof a === 'string') return isSpelledSame(a, b, rule);
  return typeof b === 'string' && isSpelledSame(b, a, rule);
}

/** Own names of both, each once: those of `a` in their order, then those only `b` has. */
function namesOf(a: object, b: object): readonly string[] {
  const names = Object.keys(a);
  for (const name of Object.keys(b)) if (!Object.hasOwn(a, name)) names.push(name);
  return names;
}

/** A name's value; a name that is only inherited, such as `constructor`, is absent. */
export function memberOf(record: object, name: string): unknown {
  return Object.hasOwn(record, name) ? (record as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** What is left to compare: pairs and the rule of each, as one flat stack. */
type Work = unknown[];

/** Puts the parts of two nested values on the stack. @returns false when they differ already */
function pushParts(work: Work, a: Nested, b: Nested, rule: FieldRule): boolean {
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return false;
    for (let index = 0; index < a.length; index += 1) work.push(a[index], b[index], rule);
    return true;
  }
  for (const name of namesOf(a, b)) work.push(memberOf(a, name), memberOf(b, name), nestedRule(rule, name));
  return true;
}

function areNestedSame(a: unknown, b: unknown, rule: FieldRule): boolean {
  const work: Work = [a, b, rule];
  while (work.length > 0) {
    const own = work.pop() as FieldRule;
    const [y, x] = [work.pop(), work.pop()];
    if (own.isIgnored) continue;
    if (isNested(x) && isNested(y)) {
      if (x !== y && !pushParts(work, x, y, own)) return false;
    } else if (!areLeavesSame(x, y, own)) return false;
  }
  return true;
}

/** Whether two values of one field are the same by its rule. Symmetric; never throws, whatever the values. */
export function isSameValue(a: unknown, b: unknown, rule: FieldRule): boolean {
  if (a === b || rule.isIgnored) return true;
  return isNested(a) && isNested(b) ? areNestedSame(a, b, rule) : areLeavesSame(a, b, rule);
}

const WORD = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u;

/** The path of a name below `parent`, which is empty at the top. */
export function fieldPath(parent: string, name: string): string {
  // At the top a name stands alone, and only one that would read as a path needs quotes.
  if (parent === '') return /[.[\]"]/.test(name) || name === '' ? `[${JSON.stringify(name)}]` : name;
  return WORD.test(name) ? `${parent}.${name}` : `${parent}[${JSON.stringify(name)}]`;
}

/** Appends the cells in which two values of one field differ: the value itself, or what is nested in it. */
export function collectChanges(
  field: string,
  before: unknown,
  after: unknown,
  rule: FieldRule,
  depth: number,
  changes: CellChange[],
): void {
  if (isSameValue(before, after, rule)) return;
  const isDeeper = isNested(before) && isNested(after) && depth < PATH_DEPTH_MAX;
  if (isDeeper && Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [index, old] of before.entries())
      collectChanges(`${field}[${index}]`, old, after[index], rule, depth + 1, changes);
    return;
  }
  if (isDeeper && !Array.isArray(before) && !Array.isArray(after)) {
    for (const name of namesOf(before, after)) {
      const path = fieldPath(field, name);
      collectChanges(
        path,
        memberOf(before, name),
        memberOf(after, name),
        nestedRule(rule, name),
        depth + 1,
        changes,
      );
    }
    return;
  }
  changes.push({ field, before, after });
}
