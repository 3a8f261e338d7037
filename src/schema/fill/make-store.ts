/** The store of one field. Whatever the metadata asks beyond the type, the readers decide cell by cell. */
import type { NumberArray } from '../../core/vectors.ts';
import { DataType, type Field, FloatWidth } from '../arrow.ts';
import { timeUnitOf } from '../field-plan.ts';
import { type Dialect, epochUnitOf } from '../reader.ts';
import { CellStore } from './cell-store.ts';
import { BoolStore, DayStore, NumberStore, type Range, TimeStore, WideStore } from './fixed-stores.ts';
import type { ColumnStore } from './store.ts';
import { TextStore } from './text-store.ts';

/** Metadata that says nothing about which values conform. */
const HARMLESS: ReadonlySet<string> = new Set([
  'key',
  'essential',
  'optional',
  'aliases',
  'precision',
  'default',
  'onUnknown',
  'tolerance',
  'nullable',
]);

function isPlain(field: Field, ...alsoHarmless: readonly string[]): boolean {
  return [...field.metadata.keys()].every((key) => HARMLESS.has(key) || alsoHarmless.includes(key));
}

function rangeOf(field: Field, min: number, max: number): Range {
  const low = Number(field.metadata.get('minimum') ?? min);
  const high = Number(field.metadata.get('maximum') ?? max);
  return { min: Math.max(min, low), max: Math.min(max, high) };
}

/** Nothing is in this range: the reader is asked about every cell. */
const NOTHING: Range = { min: 1, max: 0 };

function integerData(bitWidth: number, isSigned: boolean, rows: number): NumberArray {
  if (bitWidth === 8) return isSigned ? new Int8Array(rows) : new Uint8Array(rows);
  if (bitWidth === 16) return isSigned ? new Int16Array(rows) : new Uint16Array(rows);
  return isSigned ? new Int32Array(rows) : new Uint32Array(rows);
}

function integerStore(field: Field, bitWidth: number, isSigned: boolean, rows: number): ColumnStore {
  if (bitWidth === 64) {
    return new WideStore(isSigned ? new BigInt64Array(rows) : new BigUint64Array(rows), isPlain(field));
  }
  const min = isSigned ? -(2 ** (bitWidth - 1)) : 0;
  const max = isSigned ? 2 ** (bitWidth - 1) - 1 : 2 ** bitWidth - 1;
  const range = isPlain(field, 'minimum', 'maximum') ? rangeOf(field, min, max) : NOTHING;
  return new NumberStore(integerData(bitWidth, isSigned, rows), range, true);
}

/** Narrow floats are left to the reader, which knows the spelling of a float from a rounding. */
function floatStore(field: Field, width: FloatWidth, rows: number): ColumnStore {
  const isDouble = width === FloatWidth.DOUBLE && isPlain(field, 'minimum', 'maximum');
  const range = isDouble ? rangeOf(field, -Number.MAX_VALUE, Number.MAX_VALUE) : NOTHING;
  return new NumberStore(new Float64Array(rows), range, false);
}

function isText(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isDictionary(type);
}

function textStore(field: Field, rows: number): ColumnStore {
  if (field.metadata.get('json') === 'true') {
    return new TextStore(rows, isPlain(field, 'json') ? 'json' : 'none');
  }
  return new TextStore(rows, isPlain(field, 'json') ? 'text' : 'none');
}

/**
 * @param rows how many cells there will be at most
 * @param dialect of the format that fills it
 */
export function makeStore(field: Field, rows: number, dialect: Dialect): ColumnStore {
  const type: DataType = field.type;
  if (isText(type)) return textStore(field, rows);
  if (DataType.isInt(type)) return integerStore(field, type.bitWidth, type.isSigned, rows);
  if (DataType.isFloat(type)) return floatStore(field, type.precision, rows);
  if (DataType.isBool(type)) return new BoolStore(rows);
  if (DataType.isDate(type)) return new DayStore(rows, isPlain(field));
  if (DataType.isTimestamp(type)) {
    const counted = epochUnitOf(dialect);
    return new TimeStore(rows, timeUnitOf(type.unit), Boolean(type.timezone), isPlain(field), counted);
  }
  if (DataType.isStruct(type) || DataType.isList(type)) return new TextStore(rows, 'none');
  return new CellStore(rows);
}
