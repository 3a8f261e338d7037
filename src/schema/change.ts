/** One changed cell of one row, as the coercer claims it and the diff validator checks it. */
import type { Cell } from '../core/columns.ts';
import { toJsonText } from './json-text.ts';
import type { LossKind, NestedChange } from './reader.ts';

export interface Change {
  /** The column's name; for `stripped` the name in the data. */
  readonly field: string;
  /** Index of the column; -1 for `stripped`. */
  readonly column: number;
  /** The name in the data; undefined for what is absent. */
  readonly source: string | undefined;
  readonly kind: LossKind;
  readonly lossless: boolean;
  /** Undefined when absent. */
  readonly before: unknown;
  /** Undefined when absent. */
  readonly after: Cell | undefined;
  /** |before - after| of a rounded number, in the unit of the column. @default 0 */
  readonly error?: number | undefined;
  /** Only of kind `nested`: the cells inside that changed, which are counted in place of the whole. */
  readonly parts?: readonly NestedChange[] | undefined;
}

const SHOWN_MAX = 120;

/** A value as JSON-like text of at most 120 characters. */
export function showValue(value: unknown): string {
  if (value === undefined) return '(absent)';
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  // Cut first: a text of a gigabyte must not be copied to show its start.
  const shown = typeof value === 'string' ? value.slice(0, SHOWN_MAX).toWellFormed() : value;
  // String() of a nested value recurses, and this one may be nested too deep for that.
  const text = toJsonText(shown) ?? (typeof shown === 'object' ? '(nested)' : String(shown));
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX - 1).toWellFormed()}…` : text;
}
