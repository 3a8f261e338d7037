/** How one column takes values: strictly (`read`), and under the rules of coercion (`convert`). */
import type { Cell, ColumnType, TimeUnit } from '../core/columns.ts';

/**
 * What the format says about types: `typed` (JSON), `text` (csv: every cell is text, so canonical text conforms),
 * `epoch` (line protocol: an integer conforms to a timestamp, as a count in the column's unit).
 */
export type Dialect = 'typed' | 'text' | 'epoch';

export type FaultKind =
  | 'type'
  | 'null'
  | 'range'
  | 'format'
  | 'precision'
  | 'missing'
  | 'unknown'
  | 'renamed'
  | 'duplicate';

/** Why a value does not conform. A class, so that it can never be taken for a cell. */
export class Fault {
  readonly kind: FaultKind;

  constructor(kind: FaultKind) {
    this.kind = kind;
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
] as const;
export type LossKind = (typeof LOSS_KINDS)[number];

export interface Conversion {
  readonly cell: Cell;
  readonly kind: LossKind;
  /** Whether the old value can be computed back from the new one. */
  readonly lossless: boolean;
}

/** Values are never null: nullability is decided before a reader is asked. */
export interface Reader {
  readonly type: ColumnType;
  readonly unit?: TimeUnit;
  read(value: unknown, dialect: Dialect): Cell | Fault;
  /** Asked only after `read` refused. @returns undefined when the value cannot be taken honestly */
  convert(value: unknown, dialect: Dialect): Conversion | undefined;
}
