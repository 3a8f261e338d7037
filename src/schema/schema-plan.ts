/** The plans of all fields with their names: a schema, understood once for everything that reads by it. */
import type { Column } from '../core/columns.ts';
import { SchemaError } from '../core/errors.ts';
import type { Field, Schema } from './arrow.ts';
import { FieldNames } from './field-names.ts';
import { planField } from './field-plan.ts';
import type { GeneratedLayouts } from './fill/generated-layouts.ts';
import type { FieldPlan } from './plan.ts';

export interface PlannedFields {
  readonly fields: readonly FieldPlan[];
  /** Of every field, in the same order. */
  readonly columns: readonly Column[];
  /** The declarations the plans were made from, in the same order. */
  readonly declared: readonly Field[];
  readonly names: FieldNames;
  /** By column. */
  readonly columnNames: readonly string[];
}

export interface SchemaPlan extends PlannedFields {
  /** Whether a field that the schema does not know costs the row, rather than being stripped. */
  readonly refusesUnknown: boolean;
  /** Code for the layouts met so far, by their id. */
  readonly generated: GeneratedLayouts;
}

const planned = new WeakMap<Schema, PlannedFields>();

/**
 * Made once per schema, whoever asks.
 * @throws SchemaError naming the field when a type, a name or metadata cannot be used, or when there are no fields
 */
export function planFields(schema: Schema): PlannedFields {
  const known = planned.get(schema);
  if (known) return known;
  const { fields: declared } = schema;
  if (declared.length === 0) {
    throw new SchemaError('SCHEMA_EMPTY', 'the schema has no fields', { hint: 'Give it at least one field.' });
  }
  const fields = declared.map((field) => planField(field));
  const columns = fields.map(({ column }) => column);
  const columnNames = columns.map(({ name }) => name);
  const plan = { fields, columns, declared, names: new FieldNames(fields), columnNames };
  planned.set(schema, plan);
  return plan;
}
