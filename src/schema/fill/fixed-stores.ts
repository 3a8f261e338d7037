/** Columns whose cells all have the same width. */
import { TOKEN } from '../../codecs/tokens.ts';
import type { Cell, TimeUnit } from '../../core/columns.ts';
import { dayOf } from '../../core/day.ts';
import {
  boolVector,
  dayVector,
  type NumberArray,
  numberVector,
  type Validity,
  type Vector,
  wideVector,
} from '../../core/vectors.ts';
import { parseDecimal, parseWhole, storeDigits, storeProduct } from './digits.ts';
import { ISO, readIsoDay, readIsoTime } from './iso-time.ts';
import { pickElements } from './pick.ts';
import { type ColumnStore, NullMarks } from './store.ts';

export interface Range {
  readonly min: number;
  readonly max: number;
}

function isNoScalar(kind: number): boolean {
  return kind === TOKEN.true || kind === TOKEN.false || kind === TOKEN.nested;
}

function isNoNumber(kind: number): boolean {
  return kind === TOKEN.text || kind === TOKEN.escaped || isNoScalar(kind);
}

/** What they have in common; `put`, `fill` and the kind of vector are their own. */
abstract class FixedStore<Data extends NumberArray | BigInt64Array | BigUint64Array> {
  readonly data: Data;
  readonly nulls: NullMarks;

  constructor(data: Data) {
    this.data = data;
    this.nulls = new NullMarks(data.length);
  }

  abstract put(index: number, cell: Cell): void;

  protected abstract vectorOf(cells: Data, validity: Validity): Vector;

  skip(index: number): void {
    this.nulls.clear(index);
  }

  unskip(index: number): void {
    this.nulls.restore(index);
  }

  patch(index: number, cell: Cell): void {
    this.put(index, cell);
    this.nulls.restore(index);
  }

  reserve(): void {}

  vector(count: number, places: Int32Array | undefined): Vector {
    const cells = places ? pickElements(this.data, places) : this.data.subarray(0, count);
    return this.vectorOf(cells as Data, this.nulls.validity(count, places));
  }
}

/** Integers of up to 32 bits, and floats. */
export class NumberStore extends FixedStore<NumberArray> implements ColumnStore {
  readonly min: number;
  readonly max: number;
  readonly isWhole: boolean;
  readonly #parse: typeof parseWhole;

  /** @param data one element per row */
  constructor(data: NumberArray, range: Range, isWhole: boolean) {
    super(data);
    this.min = range.min;
    this.max = range.max;
    this.isWhole = isWhole;
    this.#parse = isWhole ? parseWhole : parseDecimal;
  }

  /** Whether any value passes without its reader. */
  get isPlain(): boolean {
    return this.min <= this.max;
  }

  fill(body: Uint8Array, kind: number, start: number, end: number, index: number): boolean {
    if (kind !== TOKEN.number && kind !== TOKEN.cell) {
      if (!this.isWhole || (kind !== TOKEN.signed && kind !== TOKEN.unsigned)) return false;
    }
    const value = this.#parse(body, start, end);
    if (!(value >= this.min && value <= this.max)) return false;
    this.data[index] = value;
    return true;
  }

  refuses(kind: number): boolean {
    return isNoNumber(kind);
  }

  put(index: number, cell: Cell): void {
    this.data[index] = Number(cell);
  }

  protected vectorOf(cells: NumberArray, validity: Validity): Vector {
    return numberVector(cells, validity);
  }
}

/** 64-bit integers, written as halves because a bigint per cell would be most of the cost. */
abstract class WideCells extends FixedStore<BigInt64Array | BigUint64Array> {
  readonly words: Uint32Array;

  constructor(data: BigInt64Array | BigUint64Array) {
    super(data);
    this.words = new Uint32Array(data.buffer);
  }

  put(index: number, cell: Cell): void {
    this.data[index] = cell as bigint;
  }

  protected vectorOf(cells: BigInt64Array | BigUint64Array, validity: Validity): Vector {
    return wideVector(cells, validity);
  }
}

export class WideStore extends WideCells implements ColumnStore {
  readonly isPlain: boolean;
  readonly isUnsigned: boolean;

  /** @param isPlain whether the type's own range is all there is to check */
  constructor(data: BigInt64Array | BigUint64Array, isPlain: boolean) {
    super(data);
    this.isPlain = isPlain;
    this.isUnsigned = data instanceof BigUint64Array;
  }

  fill(body: Uint8Array, kind: number, start: number, end: number, index: number): boolean {
    const isInteger = kind === TOKEN.signed || kind === TOKEN.unsigned || kind === TOKEN.time;
    if (!isInteger && kind !== TOKEN.number && kind !== TOKEN.cell) return false;
    if (!this.isPlain || (this.isUnsigned && body[start] === 45)) return false;
    return storeDigits(body, start, end, this.words, index);
  }

  refuses(kind: number): boolean {
    return isNoNumber(kind);
  }
}

const PER_SECOND: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };
/** Seconds whose nanoseconds fit 64 bits. */
const NANO_SECONDS_MAX = 9_223_372_035;

export class TimeStore extends WideCells implements ColumnStore {
  readonly scale: number;
  readonly #nanosPerUnit: number;
  readonly #needsZone: boolean;
  /** Whether counts of its own unit pass without its reader. */
  readonly takesCounts: boolean;
  readonly isPlain: boolean;

  /**
   * @param isPlain whether ISO 8601 is the only form
   * @param counted the unit of timestamps that are counts, if the format has them
   */
  constructor(
    rows: number,
    unit: TimeUnit,
    needsZone: boolean,
    isPlain: boolean,
    counted: TimeUnit | undefined,
  ) {
    super(new BigInt64Array(rows));
    this.takesCounts = isPlain && counted === unit;
    this.scale = PER_SECOND[unit];
    this.#nanosPerUnit = 1e9 / this.scale;
    this.#needsZone = needsZone;
    this.isPlain = isPlain;
  }

  fill(body: Uint8Array, kind: number, start: number, end: number, index: number): boolean {
    if (kind === TOKEN.time) return this.takesCounts && storeDigits(body, start, end, this.words, index);
    if ((kind !== TOKEN.text && kind !== TOKEN.cell) || !this.isPlain) return false;
    if (!readIsoTime(body, start, end) || (this.#needsZone && !ISO.isZoned)) return false;
    const { seconds, nanos } = ISO;
    const rest = nanos / this.#nanosPerUnit;
    if (!Number.isInteger(rest)) return false;
    if (this.scale === 1e9 && Math.abs(seconds) > NANO_SECONDS_MAX) return false;
    storeProduct(this.words, index, seconds, this.scale, rest);
    return true;
  }

  refuses(kind: number): boolean {
    return isNoScalar(kind);
  }
}

export class BoolStore extends FixedStore<Uint8Array> implements ColumnStore {
  constructor(rows: number) {
    super(new Uint8Array(rows));
  }

  fill(_body: Uint8Array, kind: number, _start: number, _end: number, index: number): boolean {
    if (kind !== TOKEN.true && kind !== TOKEN.false) return false;
    this.data[index] = kind === TOKEN.true ? 1 : 0;
    return true;
  }

  refuses(): boolean {
    return true;
  }

  put(index: number, cell: Cell): void {
    this.data[index] = cell === true ? 1 : 0;
  }

  protected vectorOf(cells: Uint8Array, validity: Validity): Vector {
    return boolVector(cells, validity);
  }
}

export class DayStore extends FixedStore<Int32Array> implements ColumnStore {
  readonly #isPlain: boolean;

  /** @param isPlain whether ISO 8601 is the only form */
  constructor(rows: number, isPlain: boolean) {
    super(new Int32Array(rows));
    this.#isPlain = isPlain;
  }

  fill(body: Uint8Array, kind: number, start: number, end: number, index: number): boolean {
    if ((kind !== TOKEN.text && kind !== TOKEN.cell) || !this.#isPlain || end - start !== 10) return false;
    const day = readIsoDay(body, start);
    if (Number.isNaN(day)) return false;
    this.data[index] = day;
    return true;
  }

  refuses(kind: number): boolean {
    return kind !== TOKEN.text && kind !== TOKEN.escaped;
  }

  put(index: number, cell: Cell): void {
    this.data[index] = dayOf(String(cell));
  }

  protected vectorOf(cells: Int32Array, validity: Validity): Vector {
    return dayVector(cells, validity);
  }
}
