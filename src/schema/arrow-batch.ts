/**
 * Columns as an Arrow record batch. Vectors are in the layout of Arrow already, so numbers, texts and times are handed
 * over without a copy; only validity and booleans become bits, and what a schema wants in another layout is written anew.
 *
 * A1 the cells of the batch are the cells of the columns: what does not fit the type is refused, never changed, except that
 * a float goes to the nearest one of the type's width. A2 arrays that are handed over are shared with the vectors.
 */

import { packBits } from '../codecs/arrow-buffers.ts';
import type { Column, Columns } from '../core/columns.ts';
import { SchemaError } from '../core/errors.ts';
import type { Vector } from '../core/vectors.ts';
import { type Data, DataType, type Field, makeData, RecordBatch, Schema, Struct } from './arrow.ts';
import { fillArray } from './arrow-fill.ts';
import { fillSpans } from './arrow-spans.ts';
import { arrowFieldOf } from './arrow-types.ts';
import { timeUnitOf } from './field-plan.ts';

/**
 * One record batch of all rows.
 * @param schema names and types of the fields, in their order; every field must have a column and every column a field.
 *   @default what holds the columns as they are: words as a dictionary, timestamps without a zone
 * @throws SchemaError ARROW_FIELDS when columns and fields are not the same, ARROW_CELL for a cell that the type of its
 *   field cannot hold (or a null in a field that is not nullable), ARROW_TYPE for a type that columns cannot fill,
 *   ARROW_TOO_LARGE for a field with more than 2 GiB of text
 */
export function toArrow(columns: Columns, schema?: Schema): RecordBatch {
  const target =
    schema ?? new Schema(columns.columns.map((column, at) => arrowFieldOf(column, vectorAt(columns, at))));
  const children = target.fields.map((field: Field) => buildField(field, columns));
  const extra = columns.columns.find(({ name }) => !target.fields.some((field) => field.name === name));
  if (extra) throw fieldsDiffer(`column ${JSON.stringify(extra.name)} has no field in the schema`);
  const type = new Struct(target.fields);
  const struct = makeData({ type, length: columns.rows.length, nullCount: 0, children });
  return new RecordBatch(target, struct);
}

function vectorAt(columns: Columns, at: number): Vector {
  const vector = columns.vectors[at];
  if (!vector) throw fieldsDiffer(`column ${at} has no vector`);
  return vector;
}

function fieldsDiffer(message: string): SchemaError {
  return new SchemaError('ARROW_FIELDS', message, {
    hint: 'Pass the schema that the columns were read by, or none.',
  });
}

function buildField(field: Field, columns: Columns): Data {
  const at = columns.columns.findIndex(({ name }) => name === field.name);
  const column = columns.columns[at];
  if (!column) throw fieldsDiffer(`field ${JSON.stringify(field.name)} has no column`);
  const vector = vectorAt(columns, at);
  checkUnit(field, column);
  const { nullBitmap, nullCount } = validityOf(vector);
  if (nullCount > 0 && !field.nullable) {
    throw new SchemaError(
      'ARROW_CELL',
      `field ${JSON.stringify(field.name)} is not nullable and has ${nullCount} nulls`,
      { hint: 'Make the field nullable, or leave those rows out.' },
    );
  }
  return buildData(field, vector, { nullBitmap, nullCount, length: vector.length });
}

/** A count in another unit would be another time. */
function checkUnit(field: Field, column: Column): void {
  const type: DataType = field.type;
  if (!DataType.isTimestamp(type) || column.unit === timeUnitOf(type.unit)) return;
  throw new SchemaError(
    'ARROW_CELL',
    `field ${JSON.stringify(field.name)} counts ${timeUnitOf(type.unit)}, its column ${column.unit ?? column.type}`,
    { hint: 'Pass the schema that the columns were read by, or none.' },
  );
}

interface Validity {
  /** Undefined = no cell is null. */
  readonly nullBitmap: Uint8Array | undefined;
  readonly nullCount: number;
}

function validityOf(vector: Vector): Validity {
  const validity =
    vector.kind === 'cell' ? Uint8Array.from(vector.cells, (cell) => (cell === null ? 0 : 1)) : vector.validity;
  if (validity === undefined) return { nullBitmap: undefined, nullCount: 0 };
  const { bits, ones } = packBits(validity, vector.length);
  const nullCount = vector.length - ones;
  return { nullBitmap: nullCount === 0 ? undefined : bits, nullCount };
}

function buildData(field: Field, vector: Vector, common: Validity & { readonly length: number }): Data {
  const type: DataType = field.type;
  if (
    DataType.isUtf8(type) ||
    DataType.isLargeUtf8(type) ||
    DataType.isBinary(type) ||
    DataType.isLargeBinary(type)
  ) {
    const { offsets, data } = fillSpans(field, vector);
    const isLarge = DataType.isLargeUtf8(type) || DataType.isLargeBinary(type);
    const valueOffsets = isLarge ? BigInt64Array.from(offsets, BigInt) : offsets;
    return makeData({ type, ...common, valueOffsets, data } as Parameters<typeof makeData>[0]);
  }
  const { data, dictionary } = fillArray(field, vector);
  return makeData({ type, ...common, data, ...(dictionary && { dictionary }) } as Parameters<
    typeof makeData
  >[0]);
}
