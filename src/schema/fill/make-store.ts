/** The store of one field. Whatever the metadata asks beyond the type, the readers decide cell by cell. */
import type { NumberArray } from '../../core/vectors.ts';
import { DataType, type Field, FloatWidth } from '../arrow.ts';
import { timeUnitOf } from '../field-plan.ts';
import { type Dialect, epochUnitOf } from '../reader.ts';
import { CellStore } from './cell-store.ts';
import { BoolStore, DayStore, NumberStore, type Range, TimeStore, WideStore } from './fixed-stores.ts';
import type { ColumnStore } from './store.ts';
import { TextStore } from './text-store.ts';

/** @param rows how many cells there will be at most */
type MakeStore = (rows: number) => ColumnStore;

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

function integerStore(field: Field, bitWidth: number, isSigned: boolean): MakeStore {
  if (bitWidth === 64) {
    const isAlike = isPlain(field);
    return (rows) => new WideStore(isSigned ? new BigInt64Array(rows) : new BigUint64Array(rows), isAlike);
  }
  const min = isSigned ? -(2 ** (bitWidth - 1)) : 0;
  const max = isSigned ? 2 ** (bitWidth - 1) - 1 : 2 ** bitWidth - 1;
  const range = isPlain(field, 'minimum', 'maximum') ? rangeOf(field, min, max) : NOTHING;
  return (rows) => new NumberStore(integerData(bitWidth, isSigned, rows), range, true);
}

/** Narrow floats are left to the reader, which knows the spelling of a float from a rounding. */
function floatStore(field: Field, width: FloatWidth): MakeStore {
  const isDouble = width === FloatWidth.DOUBLE && isPlain(field, 'minimum', 'maximum');
  const range = isDouble ? rangeOf(field, -Number.MAX_VALUE, Number.MAX_VALUE) : NOTHING;
  return (rows) => new NumberStore(new Float64Array(rows), range, false);
}

function isText(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isDictionary(type);
}

function textStore(field: Field): MakeStore {
  const takes = field.metadata.get('json') === 'true' ? 'json' : 'text';
  const taken = isPlain(field, 'json') ? takes : 'none';
  return (rows) => new TextStore(rows, taken);
}

function makerOf(field: Field, dialect: Dialect): MakeStore {
  const type: DataType = field.type;
  if (isText(type)) return textStore(field);
  if (DataType.isInt(type)) return integerStore(field, type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) return floatStore(field, type.precision);
  if (DataType.isBool(type)) return (rows) => new BoolStore(rows);
  if (DataType.isDate(type)) {
    const isAlike = isPlain(field);
    return (rows) => new DayStore(rows, isAlike);
  }
  if (DataType.isTimestamp(type)) {
    const [unit, isZoned, isAlike] = [timeUnitOf(type.unit), Boolean(type.timezone), isPlain(field)];
    const counted = epochUnitOf(dialect);
    return (rows) => new TimeStore(rows, unit, isZoned, isAlike, counted);
  }
  if (DataType.isStruct(type) || DataType.isList(type)) return (rows) => new TextStore(rows, 'none');
  return (rows) => new CellStore(rows);
}

/** A field never changes, and to look at its type and metadata takes longer than a batch of a few rows. */
const makers = new WeakMap<Field, Map<Dialect, MakeStore>>();

/**
 * @param rows how many cells there will be at most
 * @param dialect of the format that fills it
 */
export function makeStore(field: Field, rows: number, dialect: Dialect): ColumnStore {
  const known = makers.get(field) ?? new Map<Dialect, MakeStore>();
  makers.set(field, known);
  const make = known.get(dialect) ?? makerOf(field, dialect);
  known.set(dialect, make);
  return make(rows);
}
