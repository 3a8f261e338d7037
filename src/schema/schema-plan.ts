/** The plans of all fields with their names. */
import type { Column } from '../core/columns.ts';
import type { Field } from './arrow.ts';
import type { FieldNames } from './field-names.ts';
import type { GeneratedLayouts } from './fill/generated-layouts.ts';
import type { FieldPlan } from './plan.ts';

export interface SchemaPlan {
  readonly fields: readonly FieldPlan[];
  /** Of every field, in the same order. */
  readonly columns: readonly Column[];
  /** The declarations the plans were made from, in the same order. */
  readonly declared: readonly Field[];
  readonly names: FieldNames;
  /** Whether a field that the schema does not know costs the row, rather than being stripped. */
  readonly refusesUnknown: boolean;
  /** Code for the layouts met so far, by their id. */
  readonly generated: GeneratedLayouts;
}
