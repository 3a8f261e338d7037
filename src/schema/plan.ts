/** A field of a schema, understood: what readers, rules and the diff validator need to know of it. */
import type { Cell, Column, TimeUnit } from '../core/columns.ts';
import type { FieldNames } from './field-names.ts';
import type { FloatSize } from './float-width.ts';
import type { Precision } from './number-grammar.ts';
import type { Reader } from './reader.ts';
import type { TimeFormat } from './time-format.ts';

export interface FieldPlan {
  readonly column: Column;
  /** A value that cannot be coerced costs the row; otherwise, in a nullable field, only the value. */
  readonly essential: boolean;
  /** May be absent, which is null and conforms; otherwise a row without it does not conform. */
  readonly optional: boolean;
  /** Whether an explicit null conforms: a column may be nullable only because its field may be absent. */
  readonly takesNull: boolean;
  readonly aliases: readonly string[];
  readonly precision: Precision | undefined;
  /** In place of what is absent or null where the schema has no null. */
  readonly default: Cell | undefined;
  /** Texts that stand for null, in place of the usual ones. */
  readonly nullWords: ReadonlySet<string> | undefined;
  /** What becomes of a text outside of the declared words. */
  readonly onUnknown: 'refuse' | 'null' | 'default';
  /** Whether `007` is 7. */
  readonly leadingZeros: boolean;
  /** The unit of times that are numbers. */
  readonly epoch: TimeUnit | undefined;
  /** The declared form of times and dates. */
  readonly format: TimeFormat | undefined;
  /** Only of floats. */
  readonly size: FloatSize | undefined;
  /** What the values of the column are made of, where they are nested and the schema says how. */
  readonly nested: NestedPlan | undefined;
  readonly reader: Reader;
}

export interface StructPlan {
  readonly kind: 'struct';
  readonly fields: readonly FieldPlan[];
  readonly names: FieldNames;
}

export interface ListPlan {
  readonly kind: 'list';
  readonly item: FieldPlan;
  /** Exact number of elements; undefined = any. */
  readonly size: number | undefined;
}

export type NestedPlan = StructPlan | ListPlan;
