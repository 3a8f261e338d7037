/**
 * The diff validator: compares a row before and after coercion and accounts for every difference.
 *
 * It trusts the coercer's claims in nothing: a change must be claimed exactly once, must be of a kind that
 * explains this very difference, and what is not claimed must be the same value. Values are compared by their
 * meaning, computed back from the new cell, not by running the conversion again.
 */
import type { Cell } from '../core/columns.ts';
import type { Change } from './change.ts';
import { readCell, type SchemaPlan } from './check.ts';
import type { CoercedRow } from './coerce-row.ts';
import type { DecodedRecord } from './decoded-rows.ts';
import { isSameEpoch, isSameTime } from './diff-time.ts';
import type { FieldPlan } from './field-plan.ts';
import { isJsonText, toJsonText } from './json-text.ts';
import { distanceOf, isTolerated, parseExact } from './number-grammar.ts';
import { type Dialect, Fault, type LossKind } from './reader.ts';

/** The number that a cell or a value stands for, as text; undefined when it is none. */
function numberText(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value);
  // The shortest text of a large double is not its value.
  if (typeof value === 'number' && Number.isInteger(value)) return String(BigInt(value));
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  return typeof value === 'string' && parseExact(value.trim()) ? value.trim() : undefined;
}

/** |before - after|, exactly where both are decimal; undefined when either is no number. */
function distance(before: unknown, after: unknown): number | undefined {
  const old = parseExact(numberText(before) ?? '');
  const now = parseExact(numberText(after) ?? '');
  return old && now && distanceOf(old, now);
}

function isSameNumber(before: unknown, after: unknown): boolean {
  // A float column holds the nearest double of a longer text; every other number is exact.
  if (typeof after === 'number') return numberText(before) !== undefined && Number(before) === after;
  return distance(before, after) === 0;
}

function isRounded(field: FieldPlan, before: unknown, after: Cell): boolean {
  // Decimals beyond the unit of a timestamp are the one rounding that needs no declared precision.
  if (field.column.type === 'timestamp')
    return isSameTime(field, before, after) || isSameEpoch(field, before, after);
  const error = distance(before, after);
  return error !== undefined && error > 0 && isTolerated(error, Number(after), field.precision);
}

function isTextOf(before: unknown, after: Cell): boolean {
  return (
    typeof after === 'string' && after === (typeof before === 'bigint' ? String(before) : toJsonText(before))
  );
}

const TRUE_TEXT = /^\s*(?:true|t|yes|y|1)\s*$/i;
const NULL_TEXT = /^\s*(?:null|na|n\/a|nan)?\s*$/i;

type Explains = (before: unknown, after: Cell, field: FieldPlan) => boolean;

/** When a claimed kind explains a difference; `renamed`, `missing` and `stripped` are about names. */
const EXPLANATIONS: Readonly<Record<Exclude<LossKind, 'renamed' | 'missing' | 'stripped'>, Explains>> = {
  nulled: (before, after, field) =>
    before !== null && after === null && field.column.nullable && !field.essential,
  'null-from-text': (before, after) => typeof before === 'string' && NULL_TEXT.test(before) && after === null,
  rounded: (before, after, field) => isRounded(field, before, after),
  'number-from-text': (before, after) => typeof before === 'string' && isSameNumber(before, after),
  'bool-from-text': (before, after) => typeof before === 'string' && TRUE_TEXT.test(before) === after,
  'bool-from-number': (before, after) => typeof after === 'boolean' && before === Number(after),
  'text-from-number': (before, after) => typeof before !== 'string' && isTextOf(before, after),
  'text-from-bool': (before, after) => typeof before === 'boolean' && String(before) === after,
  'text-from-object': (before, after) => typeof before === 'object' && isTextOf(before, after),
  'json-from-text': (before, after) =>
    typeof before === 'string' && (isJsonText(before) ? after === before : isTextOf(before, after)),
  'time-from-text': (before, after, field) => isSameTime(field, before, after),
  'time-from-number': (before, after, field) => isSameEpoch(field, before, after),
};

function isSameCell(a: Cell | Fault, b: Cell): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}

/** Whether the cell is what the strict check would have read from `source`. */
function isUnchanged(
  field: FieldPlan,
  source: string,
  record: DecodedRecord,
  after: Cell,
  dialect: Dialect,
): boolean {
  const { name, nullable } = field.column;
  // Strictly a null may be refused where absence is taken; in the column both are one cell, so nothing changed.
  if (record[source] === null && nullable) return after === null;
  const strict = readCell(field, source === name ? record : { [name]: record[source] }, dialect);
  return !(strict instanceof Fault) && isSameCell(strict, after);
}

function explains(
  field: FieldPlan,
  change: Change | undefined,
  record: DecodedRecord,
  after: Cell,
  dialect: Dialect,
): boolean {
  const { name } = field.column;
  const isAbsent = !Object.hasOwn(record, name);
  if (!change) return (!isAbsent || field.optional) && isUnchanged(field, name, record, after, dialect);
  if (change.kind === 'stripped') return false;
  const { source, kind } = change;
  if (kind === 'missing') return source === undefined && isAbsent && !field.optional && after === null;
  if (source === undefined || !Object.hasOwn(record, source)) return false;
  if (kind === 'renamed') return source !== name && isUnchanged(field, source, record, after, dialect);
  return EXPLANATIONS[kind](record[source], after, field);
}

/** @returns what is not accounted for, in words, or undefined when everything is */
export function findUnaccounted(
  plan: SchemaPlan,
  record: DecodedRecord,
  { cells, changes }: Pick<CoercedRow, 'cells' | 'changes'>,
  dialect: Dialect,
): string | undefined {
  const claims = new Map<number, Change>();
  const used = new Set<string>();
  for (const change of changes) {
    const isTwice = change.column >= 0 && claims.has(change.column);
    if (isTwice || (change.source !== undefined && used.has(change.source)))
      return `${change.field} is counted twice`;
    if (change.column >= 0) claims.set(change.column, change);
    if (change.source !== undefined) used.add(change.source);
  }
  for (const [index, field] of plan.fields.entries()) {
    const { name } = field.column;
    const change = claims.get(index);
    const after = cells[index];
    if (after === undefined || !explains(field, change, record, after, dialect))
      return `${name} changed without a reason`;
    if (!change) used.add(name);
  }
  const lost = Object.keys(record).find((name) => !used.has(name));
  return lost === undefined ? undefined : `${lost} is gone without a reason`;
}
