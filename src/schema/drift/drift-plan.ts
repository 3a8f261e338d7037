/** A schema, understood once for everything that looks for drift. */
import { SchemaError } from '../../core/errors.ts';
import type { Field, Schema } from '../arrow.ts';
import { FieldNames } from '../field-names.ts';
import { type FieldPlan, planField } from '../field-plan.ts';

export interface DriftPlan {
  readonly arrow: readonly Field[];
  readonly fields: readonly FieldPlan[];
  readonly names: FieldNames;
  /** By column. */
  readonly columnNames: readonly string[];
}

/** @throws SchemaError naming the field when a type, a name or metadata cannot be used, or when there are no fields */
export function planDrift({ fields: arrow }: Schema): DriftPlan {
  if (arrow.length === 0) {
    throw new SchemaError('SCHEMA_EMPTY', 'the schema has no fields', { hint: 'Give it at least one field.' });
  }
  const fields = arrow.map((field) => planField(field));
  return {
    arrow,
    fields,
    names: new FieldNames(fields),
    columnNames: fields.map((field) => field.column.name),
  };
}

/** An own property; undefined when absent. Inherited names such as `constructor` are not in the data. */
export function ownValue(record: object, name: string): unknown {
  return Object.hasOwn(record, name) ? Reflect.get(record, name) : undefined;
}
