/** How one column takes values: strictly (`read`), and under the rules of coercion (`convert`). */
import type { Cell, ColumnType, TimeUnit } from '../core/columns.ts';

/**
 * What the format says about types: `typed` (JSON), `text` (csv: every cell is text, so canonical text conforms),
 * `epoch` (line protocol: an integer conforms to a timestamp, as a count of nanoseconds or of the unit named).
 */
export type Dialect = 'typed' | 'text' | 'epoch' | 'epoch-us' | 'epoch-ms' | 'epoch-s';

/** The unit in which an integer is a time, or undefined in dialects where it is none. */
export function epochUnitOf(dialect: Dialect): TimeUnit | undefined {
  switch (dialect) {
    case 'epoch':
      return 'ns';
    case 'epoch-us':
      return 'us';
    case 'epoch-ms':
      return 'ms';
    case 'epoch-s':
      return 's';
    default:
      return undefined;
  }
}

/** Every way in which a value can fail to conform. */
export const FAULT_KINDS = [
  'type',
  'null',
  'range',
  'format',
  'precision',
  'missing',
  'unknown',
  'renamed',
  'duplicate',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Why a value does not conform. A class, so that it can never be taken for a cell. */
export class Fault {
  readonly kind: FaultKind;
  /** Where in a nested value: `.rssi`, `[]`, `[].fw`; empty for the value itself. */
  readonly path: string;

  constructor(kind: FaultKind, path = '') {
    this.kind = kind;
    this.path = path;
  }
}

export const WRONG_TYPE = new Fault('type');
export const OUT_OF_RANGE = new Fault('range');
export const WRONG_FORMAT = new Fault('format');
export const TOO_PRECISE = new Fault('precision');

/** Every kind of change that coercion makes; the labels of loss reports. */
export const LOSS_KINDS = [
  'renamed',
  'missing',
  'stripped',
  'nulled',
  'defaulted',
  'unknown-word',
  'null-from-text',
  'rounded',
  'number-from-text',
  'bool-from-text',
  'bool-from-number',
  'text-from-number',
  'text-from-bool',
  'text-from-object',
  'json-from-text',
  'time-from-text',
  'time-from-number',
  'trimmed',
  'normalized',
  'word-from-text',
  'scalar-from-array',
  'array-from-scalar',
  'nested',
] as const;
export type LossKind = (typeof LOSS_KINDS)[number];

/** One changed cell inside a nested value. */
export interface NestedChange {
  /** Below the column: `.rssi`, `[]`, `[].fw`; empty for the whole value. */
  readonly path: string;
  readonly kind: LossKind;
  readonly lossless: boolean;
  /** Undefined when absent. */
  readonly before: unknown;
  /** Undefined when absent. */
  readonly after: Cell | undefined;
  /** |before - after| of a rounded number, else 0. */
  readonly error: number;
}

export interface Conversion {
  readonly cell: Cell;
  readonly kind: LossKind;
  /** Whether the old value can be computed back from the new one. */
  readonly lossless: boolean;
  /** |old - new| of a rounded number, in the unit of the column. @default 0 */
  readonly error?: number | undefined;
  /** Only of kind `nested`: the cells that changed, each to be counted once. */
  readonly parts?: readonly NestedChange[] | undefined;
}

/** One shape for every conversion, which keeps the code that reads them fast. */
export function converted(
  cell: Cell,
  kind: LossKind,
  lossless: boolean,
  error = 0,
  parts: readonly NestedChange[] | undefined = undefined,
): Conversion {
  return { cell, kind, lossless, error, parts };
}

/** Values are never null: nullability is decided before a reader is asked. */
export interface Reader {
  readonly type: ColumnType;
  readonly unit?: TimeUnit;
  read(value: unknown, dialect: Dialect): Cell | Fault;
  /** Asked only after `read` refused. @returns undefined when the value cannot be taken honestly */
  convert(value: unknown, dialect: Dialect): Conversion | undefined;
  /** Asked after `convert` refused: the part of a nested value that no rule takes. */
  blame?(value: unknown, dialect: Dialect): Fault | undefined;
}
