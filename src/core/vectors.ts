/**
 * Columns of cells in the layout that Arrow uses, so that neither a parser nor an Arrow writer touches a cell twice.
 * `at` gives a cell as `Column.type` promises; the arrays are for those who work on whole columns.
 *
 * A validity is one byte per cell, 1 = there is a value; undefined = no cell is null. What an array holds where the
 * validity says 0 means nothing. Nobody writes to a vector once it is handed out.
 */
import type { Cell } from './cell.ts';
import { formatDay } from './day.ts';

export type Validity = Uint8Array | undefined;

export type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** `int` and `float`. */
export interface NumberVector {
  readonly kind: 'number';
  readonly length: number;
  readonly data: NumberArray;
  readonly validity: Validity;
  at(index: number): Cell;
}

/** `bigint` and `timestamp`. */
export interface WideVector {
  readonly kind: 'wide';
  readonly length: number;
  readonly data: BigInt64Array | BigUint64Array;
  readonly validity: Validity;
  at(index: number): Cell;
}

/** `bool`: one byte per cell, 1 = true. */
export interface BoolVector {
  readonly kind: 'bool';
  readonly length: number;
  readonly data: Uint8Array;
  readonly validity: Validity;
  at(index: number): Cell;
}

/** `date`: days since 1970-01-01, given as `YYYY-MM-DD`. */
export interface DayVector {
  readonly kind: 'day';
  readonly length: number;
  readonly data: Int32Array;
  readonly validity: Validity;
  at(index: number): Cell;
}

/** `text` and `json`: cell i is the UTF-8 of `data[offsets[i] .. offsets[i + 1])`. */
export interface TextVector {
  readonly kind: 'text';
  readonly length: number;
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
  readonly validity: Validity;
  at(index: number): Cell;
}

/** `text` of few different words: cell i is `words[data[i]]`. */
export interface WordVector {
  readonly kind: 'word';
  readonly length: number;
  readonly data: Int32Array;
  readonly words: readonly string[];
  readonly validity: Validity;
  at(index: number): Cell;
}

/** Cells as they are: decimals, bytes, and columns made by hand. */
export interface CellVector {
  readonly kind: 'cell';
  readonly length: number;
  readonly cells: readonly Cell[];
  at(index: number): Cell;
}

export type Vector = NumberVector | WideVector | BoolVector | DayVector | TextVector | WordVector | CellVector;

function isNull(validity: Validity, index: number): boolean {
  return validity !== undefined && validity[index] === 0;
}

function checkIndex(index: number, length: number): void {
  if (!(index >= 0 && index < length)) throw new RangeError(`cell ${index} is outside 0..${length - 1}`);
}

/** Cells whose data has one element each. */
abstract class Fixed<Data extends { readonly length: number }> {
  readonly data: Data;
  readonly validity: Validity;

  constructor(data: Data, validity: Validity) {
    this.data = data;
    this.validity = validity;
  }

  get length(): number {
    return this.data.length;
  }

  at(index: number): Cell {
    checkIndex(index, this.data.length);
    return isNull(this.validity, index) ? null : this.cell(index);
  }

  protected abstract cell(index: number): Cell;
}

class Numbers extends Fixed<NumberArray> implements NumberVector {
  readonly kind = 'number';

  protected cell(index: number): Cell {
    return this.data[index] ?? null;
  }
}

class Wides extends Fixed<BigInt64Array | BigUint64Array> implements WideVector {
  readonly kind = 'wide';

  protected cell(index: number): Cell {
    return this.data[index] ?? null;
  }
}

class Bools extends Fixed<Uint8Array> implements BoolVector {
  readonly kind = 'bool';

  protected cell(index: number): Cell {
    return this.data[index] === 1;
  }
}

class Days extends Fixed<Int32Array> implements DayVector {
  readonly kind = 'day';

  protected cell(index: number): Cell {
    return formatDay(this.data[index] ?? 0);
  }
}

class Words extends Fixed<Int32Array> implements WordVector {
  readonly kind = 'word';
  readonly words: readonly string[];

  constructor(data: Int32Array, words: readonly string[], validity: Validity) {
    super(data, validity);
    this.words = words;
  }

  protected cell(index: number): Cell {
    return this.words[this.data[index] ?? 0] ?? null;
  }
}

class Texts implements TextVector {
  readonly kind = 'text';
  readonly length: number;
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
  readonly validity: Validity;
  readonly #bytes: Buffer;

  constructor(offsets: Int32Array, data: Uint8Array, validity: Validity) {
    this.length = offsets.length - 1;
    this.offsets = offsets;
    this.data = data;
    this.validity = validity;
    this.#bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  }

  at(index: number): Cell {
    checkIndex(index, this.length);
    if (isNull(this.validity, index)) return null;
    return this.#bytes.toString('utf8', this.offsets[index], this.offsets[index + 1]);
  }
}

class Cells implements CellVector {
  readonly kind = 'cell';
  readonly cells: readonly Cell[];

  constructor(cells: readonly Cell[]) {
    this.cells = cells;
  }

  get length(): number {
    return this.cells.length;
  }

  at(index: number): Cell {
    checkIndex(index, this.cells.length);
    return this.cells[index] ?? null;
  }
}

export function numberVector(data: NumberArray, validity?: Uint8Array): NumberVector {
  return new Numbers(data, validity);
}

export function wideVector(data: BigInt64Array | BigUint64Array, validity?: Uint8Array): WideVector {
  return new Wides(data, validity);
}

export function boolVector(data: Uint8Array, validity?: Uint8Array): BoolVector {
  return new Bools(data, validity);
}

export function dayVector(data: Int32Array, validity?: Uint8Array): DayVector {
  return new Days(data, validity);
}

/** `offsets` has one more element than there are cells. */
export function textVector(offsets: Int32Array, data: Uint8Array, validity?: Uint8Array): TextVector {
  return new Texts(offsets, data, validity);
}

export function wordVector(data: Int32Array, words: readonly string[], validity?: Uint8Array): WordVector {
  return new Words(data, words, validity);
}

export function cellVector(cells: readonly Cell[]): CellVector {
  return new Cells(cells);
}

/** All cells, one by one: for tests and for those who need an array. */
export function cellsOf(vector: Vector): Cell[] {
  return Array.from({ length: vector.length }, (_, index) => vector.at(index));
}
