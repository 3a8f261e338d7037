/**
 * Keys of records as values that a Map finds: two rows have one key when their key fields are the same by the rules.
 * Null and absent are one key.
 */
import { ConfigError } from '../core/errors.ts';
import type { DiffRecord } from './change.ts';
import { memberOf, nanosecondsOf } from './compare.ts';
import { canonicalValue } from './digest.ts';
import { parseNestedJson } from './exact-json.ts';
import { canonicalDigits, exactOf } from './exact-number.ts';
import { type DiffRules, type FieldRule, isInexact, keyRule, withTimes } from './rules.ts';
import { Decimal, Instant } from './typed-value.ts';

/** Equal by SameValueZero when the keys are the same. */
export type RowKey = string | number | bigint | boolean | null;

/** Marks texts that stand for something else, so that no text of the data is taken for them. */
const MARK = '\u0000';

function numberKey(value: number | bigint | Decimal | string): RowKey | undefined {
  if (typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value))) return value;
  const exact = exactOf(value);
  if (!exact) return undefined;
  const text = canonicalDigits(exact);
  const number = Number(text);
  // A double only where it is this very number; otherwise the digits are.
  if (Number.isSafeInteger(number) && String(number) === text) return number;
  const own = Number.isInteger(number) ? undefined : exactOf(number);
  return own && canonicalDigits(own) === text ? number : `${MARK}n${text}`;
}

function textKey(value: string, rule: FieldRule): RowKey {
  const spelled = rule.isSpelled ? numberKey(value) : undefined;
  if (spelled !== undefined) return spelled;
  if (rule.isSpelled && parseNestedJson(value)) return `${MARK}o${canonicalValue(value, rule)}`;
  const text = rule.isNfc ? value.normalize('NFC') : value;
  return text.startsWith(MARK) ? MARK + text : text;
}

/** A text may also spell a count. */
function instantOf(value: unknown, rule: FieldRule): bigint | undefined {
  const isCount = rule.isSpelled && rule.epochUnit !== undefined && typeof value === 'string';
  return nanosecondsOf(value, rule) ?? (isCount ? nanosecondsOf(new Decimal(value), rule) : undefined);
}

/** The key of one value; `isTime` reads texts as instants. */
export function valueKey(value: unknown, rule: FieldRule, isTime: boolean): RowKey {
  if (value === null || value === undefined) return null;
  if (isTime || value instanceof Instant) {
    const nanoseconds = instantOf(value, rule);
    if (nanoseconds !== undefined) return `${MARK}t${nanoseconds}`;
  }
  if (typeof value === 'string') return textKey(value, rule);
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal)
    return numberKey(value) ?? `${MARK}n${value}`;
  if (typeof value === 'boolean') return rule.isSpelled ? String(value) : value;
  return `${MARK}o${canonicalValue(value, rule)}`;
}

/** One part of a key of several: its length keeps ("a","bc") and ("ab","c") apart. */
export function keyPart(key: RowKey): string {
  const text = String(key);
  return `${key === null ? 'n' : typeof key}:${text.length}:${text}`;
}

export interface KeyReader {
  readonly fields: readonly string[];
  keyOf(record: DiffRecord): RowKey;
  /** For people: the values of the key fields. */
  valuesOf(record: DiffRecord): readonly unknown[];
}

/**
 * @param timeFields fields that hold instants on a typed side, so that texts of the other side are read as instants
 * @throws ConfigError when a key field has a tolerance of its own: what is nearly the same cannot be looked up
 */
export function createKeyReader(
  fields: readonly string[],
  rules: DiffRules,
  timeFields: readonly string[],
): KeyReader {
  const exact = { inexact: rules.inexact, of: (field: string) => keyRule(field, rules) };
  const inexact = fields.find((field) => isInexact(exact.of(field)));
  if (inexact !== undefined) {
    throw new ConfigError(
      '--tolerance',
      `${JSON.stringify(inexact)} is a key, which is the same or is not`,
      'Give the tolerance to another field, or choose another key.',
    );
  }
  const timed = withTimes(exact, timeFields);
  const parts = fields.map((name) => {
    const rule = timed.of(name);
    return { name, rule, isTime: rule.granularity !== undefined };
  });
  const read = ({ name, rule, isTime }: (typeof parts)[number], record: DiffRecord): RowKey => {
    const value = record[name];
    // What most keys are; everything else may also be inherited.
    if (typeof value === 'number' && Number.isSafeInteger(value) && !isTime) return value;
    return valueKey(memberOf(record, name), rule, isTime);
  };
  const [only] = parts;
  return {
    fields,
    keyOf:
      only && parts.length === 1
        ? (record) => read(only, record)
        : (record) => parts.map((part) => keyPart(read(part, record))).join('|'),
    valuesOf: (record) => fields.map((name) => memberOf(record, name) ?? null),
  };
}
