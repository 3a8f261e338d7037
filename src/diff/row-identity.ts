/** What makes two rows the same record. */
import { ConfigError } from '../core/errors.ts';
import type { DiffRecord } from './change.ts';
import { rowDigest } from './digest.ts';
import { createKeyReader, type RowKey } from './row-key.ts';
import { type DiffRules, withTimes } from './rules.ts';

/** Key fields; or the whole content; or the place. */
export type DiffMode = readonly string[] | 'content' | 'order';

/** A set of records, and the numbers of their rows where they are not their places. */
export interface NumberedRecords {
  readonly records: readonly DiffRecord[];
  readonly numbers?: readonly number[];
}

/** A set of records with a key for each row. */
export interface KeyedSide {
  readonly records: readonly DiffRecord[];
  /** Whether keys are fields of the data, so that a second row with one key is worth telling. */
  readonly hasKey: boolean;
  keyOf(row: number): RowKey;
  /** For people. */
  valuesOf(row: number): readonly unknown[];
  /** The number of a row in its source. */
  numberOf(row: number): number;
}

/**
 * The way to tell the key of a record for one comparison; nothing for `'order'`, where the place is the key.
 * @throws ConfigError when a rule cannot work with this key
 */
export function keyFunction(
  mode: DiffMode,
  rules: DiffRules,
  timeFields: readonly string[],
): ((record: DiffRecord) => RowKey) | undefined {
  if (mode === 'order') return undefined;
  if (mode === 'content') {
    checkExact(rules);
    const timed = withTimes(rules, timeFields);
    return (record) => rowDigest(record, timed);
  }
  return createKeyReader(mode, rules, timeFields).keyOf;
}

function checkExact(rules: DiffRules): void {
  const [inexact] = rules.inexact;
  if (inexact === undefined) return;
  throw new ConfigError(
    '--tolerance',
    `${JSON.stringify(inexact)} has a tolerance, but without a key rows are only the same or not`,
    'Name the key fields with --key, or compare row by row with --in-order.',
  );
}

function keyedSide(
  mode: DiffMode,
  { records, numbers }: NumberedRecords,
  rules: DiffRules,
  timeFields: readonly string[],
): KeyedSide {
  const numberOf = (row: number): number => numbers?.[row] ?? row;
  if (mode === 'order')
    return { records, hasKey: false, numberOf, keyOf: numberOf, valuesOf: (row) => [numberOf(row)] };
  if (mode === 'content') {
    checkExact(rules);
    const timed = withTimes(rules, timeFields);
    const keyOf = (row: number): RowKey => rowDigest(records[row] ?? {}, timed);
    return { records, hasKey: false, numberOf, keyOf, valuesOf: () => [] };
  }
  const reader = createKeyReader(mode, rules, timeFields);
  return {
    records,
    hasKey: true,
    numberOf,
    keyOf: (row) => reader.keyOf(records[row] ?? {}),
    valuesOf: (row) => reader.valuesOf(records[row] ?? {}),
  };
}

/** Both sides of one comparison. */
export function keyedBy(
  mode: DiffMode,
  a: NumberedRecords,
  b: NumberedRecords,
  rules: DiffRules,
  timeFields: readonly string[],
): readonly [KeyedSide, KeyedSide] {
  return [keyedSide(mode, a, rules, timeFields), keyedSide(mode, b, rules, timeFields)];
}
