/** A number moves to the nearest one that the column holds, never further than the precision that its field declares. */
import type { Cell } from '../../core/columns.ts';
import { exactOf } from '../float-width.ts';
import {
  type Exact,
  gapOf,
  isSurelyWithin,
  isWithin,
  type Precision,
  parseExact,
  toNumber,
} from '../number-grammar.ts';
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

/** Half away from zero, exact for every safe number. */
export function roundAway(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}

/** `cell` for a number that reads `text` and stands for `value` there; undefined when it is too far. */
export function rounded(
  cell: Cell,
  before: Exact,
  after: Exact,
  precision: Precision | undefined,
): Conversion | undefined {
  const error = gapOf(before, after);
  return isWithin(error, before, precision) ? converted(cell, 'rounded', false, toNumber(error)) : undefined;
}

/** The error of a whole number by the decimals that `before` is written with, for subtraction would leave few of them. */
function errorOf(before: number, after: number): number {
  const text = String(before);
  const point = text.indexOf('.');
  if (point < 0 || !Number.isInteger(after) || text.includes('e')) return Math.abs(before - after);
  const decimals = Number(text.slice(point));
  return Math.abs(after) > Math.abs(before) ? 1 - decimals : decimals;
}

/**
 * The same for a double that moves to a double nearby, where the difference of the two is exact: in doubles where these
 * are sure, else by the decimals that `before` is written with.
 */
export function roundedDouble(
  cell: Cell,
  before: number,
  after: number,
  precision: Precision | undefined,
): Conversion | undefined {
  const verdict = isSurelyWithin(Math.abs(before - after), before, precision);
  if (verdict === true) return converted(cell, 'rounded', false, errorOf(before, after));
  const old = verdict === false ? undefined : parseExact(String(before));
  return old && rounded(cell, old, exactOf(after), precision);
}

export const roundedRule: Rule = { loss: 'the digits that were rounded away; the error is in the report' };
