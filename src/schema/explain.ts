/**
 * Whether a claimed change explains the difference between a value and its cell.
 *
 * V1 nothing is believed: the old value and the new cell are compared by their meaning, computed back from the new one
 * where that can be, and never by running the conversion again. V2 a rounding must be within the declared precision,
 * in exact arithmetic wherever doubles could be wrong.
 */
import type { Cell } from '../core/columns.ts';
import type { Change } from './change.ts';
import { isReadAs, isSameCell } from './explain-cell.ts';
import { isNestedExplained } from './explain-nested.ts';
import { isEpochOf, isTimeOf } from './explain-time.ts';
import { DOUBLE, exactOf, isSpelling, nearestOf } from './float-width.ts';
import { isJsonText, parseJsonText, toJsonText } from './json-text.ts';
import { type Exact, gapOf, isSurelyWithin, isWithin, parseExact, shortNumber } from './number-grammar.ts';
import type { FieldPlan } from './plan.ts';
import { type Dialect, Fault, type LossKind } from './reader.ts';

/** The number text that a text holds for this field. */
function textOf(field: FieldPlan, before: string): string {
  const text = before.trim();
  return field.leadingZeros ? text.replace(/^(-?)0+(?=\d)/, '$1') : text;
}

/** What a value says, as the decimal it is written as. */
function writtenExact(field: FieldPlan, before: unknown): Exact | undefined {
  if (typeof before === 'bigint') return { digits: before, scale: 0 };
  if (typeof before === 'string') return parseExact(textOf(field, before));
  if (typeof before !== 'number' || !Number.isFinite(before)) return undefined;
  // The shortest text of a large double is not its value.
  return Number.isInteger(before) ? { digits: BigInt(before), scale: 0 } : parseExact(String(before));
}

/** The number that a cell is, to the last digit. */
function cellExact(after: Cell): Exact | undefined {
  if (typeof after === 'bigint') return { digits: after, scale: 0 };
  if (typeof after === 'number') return Number.isFinite(after) ? exactOf(after) : undefined;
  return typeof after === 'string' ? parseExact(after) : undefined;
}

function isNumberOf(before: unknown, after: Cell, field: FieldPlan): boolean {
  if (typeof before !== 'string') return false;
  if (String(after) === before && typeof after === 'number') return true;
  const text = textOf(field, before);
  const old = parseExact(text);
  const now = cellExact(after);
  if (!old || !now) return false;
  if (gapOf(old, now).digits === 0n) return true;
  const size = field.size ?? DOUBLE;
  return field.size !== undefined && nearestOf(text, size) === after && isSpelling(text, Number(after), size);
}

function isRounded(before: unknown, after: Cell, field: FieldPlan, dialect: Dialect): boolean {
  // Decimals beyond the unit of a timestamp are the one rounding that needs no declared precision.
  if (field.column.type === 'timestamp')
    return isTimeOf(field, before, after, false) || isEpochOf(field, before, after, false, dialect);
  const short = typeof before === 'string' ? shortNumber(before) : before;
  if (typeof short === 'number' && typeof after === 'number') {
    const error = Math.abs(short - after);
    const verdict = isSurelyWithin(error, short, field.precision);
    if (verdict !== undefined) return verdict && error > 0;
  }
  const old = writtenExact(field, before);
  const now = cellExact(after);
  const error = old && now && gapOf(old, now);
  return error !== undefined && old !== undefined && error.digits > 0n && isWithin(error, old, field.precision);
}

/** Whether a text is the JSON text of a value that is no text. */
function isTextOf(before: unknown, after: Cell): boolean {
  return typeof after === 'string' && after === toJsonText(before);
}

const TRUE_TEXT = /^\s*(?:true|t|yes|y|1)\s*$/i;
const FALSE_TEXT = /^\s*(?:false|f|no|n|0)\s*$/i;
const NULL_TEXT = /^\s*(?:null|na|n\/a|nan)?\s*$/i;

function isNullText(before: unknown, { nullWords, column }: FieldPlan): boolean {
  if (typeof before !== 'string' || !column.nullable) return false;
  if (nullWords) return nullWords.has(before) || nullWords.has(before.trim());
  return column.type !== 'text' && column.type !== 'json' && NULL_TEXT.test(before);
}

/** Whether the field knows words and this is none of them. */
function isUnknownWord(before: unknown, field: FieldPlan): boolean {
  if (before === null || before === undefined) return false;
  const text = typeof before === 'string' ? before : toJsonText(before);
  return text !== undefined && field.reader.read(text, 'typed') instanceof Fault;
}

function isDefault(before: unknown, after: Cell, field: FieldPlan): boolean {
  if (field.default === undefined || !isSameCell(field.default, after)) return false;
  if (before === null || before === undefined) return !field.column.nullable;
  return field.onUnknown === 'default' && isUnknownWord(before, field);
}

function fold(text: string): string {
  return text.normalize('NFD').trim().toLowerCase();
}

function isJsonOf(before: unknown, after: Cell, field: FieldPlan): boolean {
  if (typeof before !== 'string' || typeof after !== 'string') return false;
  // Where only some kinds of JSON may stand, text that holds one is taken for what it holds.
  if (!field.nested && isJsonText(before)) return after === before && !isReadAs(field, before, after, 'typed');
  if (!field.nested) return isTextOf(before, after);
  return isNestedExplained(field, before, after, undefined, isExplained);
}

function isElementOf(before: unknown, after: Cell, field: FieldPlan, dialect: Dialect): boolean {
  return Array.isArray(before) && before.length === 1 && isReadAs(field, before[0], after, dialect);
}

function isListOf(before: unknown, after: Cell, field: FieldPlan): boolean {
  const list = typeof after === 'string' ? parseJsonText(after) : undefined;
  if (field.nested?.kind !== 'list' || !Array.isArray(list) || Array.isArray(before)) return false;
  return list.length === 1 && toJsonText(list[0]) === toJsonText(before);
}

type Explains = (before: unknown, after: Cell, field: FieldPlan, dialect: Dialect) => boolean;

/** When a claimed kind explains a difference of values; the other kinds are about names and absence. */
const EXPLANATIONS: Readonly<
  Record<Exclude<LossKind, 'renamed' | 'missing' | 'stripped' | 'nested'>, Explains>
> = {
  nulled: (before, after, field) =>
    before !== null && before !== undefined && after === null && field.column.nullable && !field.essential,
  defaulted: isDefault,
  'unknown-word': (before, after, field) =>
    after === null && field.column.nullable && field.onUnknown === 'null' && isUnknownWord(before, field),
  'null-from-text': (before, after, field) => after === null && isNullText(before, field),
  rounded: isRounded,
  'number-from-text': isNumberOf,
  'bool-from-text': (before, after) =>
    typeof before === 'string' &&
    (after === true ? TRUE_TEXT : FALSE_TEXT).test(before) &&
    typeof after === 'boolean',
  'bool-from-number': (before, after) =>
    typeof after === 'boolean' &&
    (typeof before === 'number' || typeof before === 'bigint') &&
    Number(before) === Number(after),
  'text-from-number': (before, after) =>
    (typeof before === 'number' || typeof before === 'bigint') && isTextOf(before, after),
  'text-from-bool': (before, after) => typeof before === 'boolean' && String(before) === after,
  'text-from-object': (before, after) => typeof before === 'object' && isTextOf(before, after),
  'json-from-text': isJsonOf,
  'time-from-text': (before, after, field) => isTimeOf(field, before, after, true),
  'time-from-number': (before, after, field, dialect) => isEpochOf(field, before, after, true, dialect),
  trimmed: (before, after) => typeof before === 'string' && before !== after && before.trim() === after,
  normalized: (before, after) =>
    typeof before === 'string' &&
    typeof after === 'string' &&
    before !== after &&
    [before, before.trim()].some((text) => text.normalize('NFD') === after.normalize('NFD')),
  'word-from-text': (before, after) =>
    typeof before === 'string' && typeof after === 'string' && before !== after && fold(before) === fold(after),
  'scalar-from-array': isElementOf,
  'array-from-scalar': isListOf,
};

/**
 * One change by itself. Whether it is the only one of its cell, and whether anything was left out, is for who knows the
 * whole row. `field` is not looked at for kind `stripped`.
 */
export function isExplained(field: FieldPlan | undefined, change: Change, dialect: Dialect): boolean {
  const { kind, source, before, after } = change;
  if (kind === 'stripped') return change.column < 0 && source !== undefined && after === undefined;
  if (!field || after === undefined) return false;
  if (kind === 'missing') {
    return (
      source === undefined && before === undefined && after === null && field.column.nullable && !field.optional
    );
  }
  if (kind === 'defaulted') return isDefault(before, after, field);
  if (source === undefined) return false;
  if (kind === 'renamed') return source !== field.column.name && isReadAs(field, before, after, dialect);
  if (kind !== 'nested') return EXPLANATIONS[kind](before, after, field, dialect);
  if (!change.parts || typeof after !== 'string') return false;
  const value = dialect === 'text' && typeof before === 'string' ? parseJsonText(before) : before;
  return isNestedExplained(field, value, after, change.parts, isExplained);
}
