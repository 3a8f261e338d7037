/** A column chunk of one value per row as a vector: numbers and text stay what they are, in arrays. */
import { isUtf8 } from 'node:buffer';
import type { Cell, Column } from '../core/columns.ts';
import {
  boolVector,
  cellVector,
  dayVector,
  numberVector,
  textVector,
  type Vector,
  wideVector,
  wordVector,
} from '../core/vectors.ts';
import { type BadRows, BadValue } from './parquet-bad-rows.ts';
import { cellsOfChunk, checkJson, decodeUtf8 } from './parquet-cells.ts';
import { damaged, tooLarge } from './parquet-fault.ts';
import type { Chunk } from './parquet-pages.ts';
import type { SchemaNode } from './parquet-tree.ts';
import { copy, type Numbers, type Spans, type Values } from './parquet-values.ts';

const TEXT_BYTES_MAX = 2 ** 31 - 1;

type NumberData = Numbers['data'];

/** One byte per row, or undefined when no cell is null. */
function validityOf({ definitions }: Chunk, definition: number): Uint8Array | undefined {
  if (!definitions) return undefined;
  const validity = new Uint8Array(definitions.length);
  let present = 0;
  for (let row = 0; row < validity.length; row += 1) {
    if (definitions[row] !== definition) continue;
    validity[row] = 1;
    present += 1;
  }
  return present === validity.length ? undefined : validity;
}

function countOf(chunk: Chunk): number {
  return chunk.parts.reduce((sum, { count }) => sum + count, 0);
}

function isNumbers(values: Values | undefined): values is Numbers {
  return values?.kind === 'numbers';
}

/** The numbers of all pages, without nulls, in the array `make` gives. */
function gatherNumbers<A extends NumberData>({ parts, dictionary }: Chunk, output: A): A {
  let to = 0;
  for (const part of parts) {
    const from = part.kind === 'values' ? part.values : dictionary;
    if (!isNumbers(from)) throw damaged('a value is stored in another type than its column');
    // Both arrays are made for one physical type; the compiler cannot know.
    const data = from.data as A;
    if (part.kind === 'values') (output as Float64Array).set(data as Float64Array, to);
    else {
      for (let index = 0; index < part.count; index += 1) {
        output[to + index] = data[part.indices[index] as number] as A[number];
      }
    }
    to += part.count;
  }
  return output;
}

/** Moves values to the rows that have one. */
function scatter<A extends NumberData | Uint8Array>(
  dense: A,
  validity: Uint8Array | undefined,
  sparse: (rows: number) => A,
): A {
  if (!validity) return dense;
  const output = sparse(validity.length);
  let from = 0;
  for (let row = 0; row < validity.length; row += 1) {
    if (validity[row] === 0) continue;
    output[row] = dense[from] as A[number];
    from += 1;
  }
  return output;
}

function gatherBools({ parts }: Chunk, count: number): Uint8Array {
  const output = new Uint8Array(count);
  let to = 0;
  for (const part of parts) {
    if (part.kind !== 'values' || part.values.kind !== 'bools')
      throw damaged('a boolean is stored in another type');
    output.set(part.values.data, to);
    to += part.count;
  }
  return output;
}

function spansOf(values: Values | undefined): Spans {
  if (values?.kind === 'spans') return values;
  throw damaged('a value is stored in another type than its column');
}

/** Text of pages with and without a dictionary, written out. */
function gatherSpans({ parts, dictionary }: Chunk, validity: Uint8Array | undefined, rows: number): Spans {
  const [only] = parts;
  if (parts.length === 1 && only?.kind === 'values' && !validity) return spansOf(only.values);
  const offsets = new Int32Array(rows + 1);
  const sources = parts.map((part) => spansOf(part.kind === 'values' ? part.values : dictionary));
  const lengthAt = (part: number, index: number): readonly [from: number, length: number] => {
    const { offsets: at } = sources[part] as Spans;
    const of = parts[part];
    const value = of?.kind === 'indices' ? (of.indices[index] as number) : index;
    const from = at[value] as number;
    return [from, (at[value + 1] as number) - from];
  };
  let bytes = 0;
  parts.forEach(({ count }, part) => {
    for (let index = 0; index < count; index += 1) bytes += lengthAt(part, index)[1];
  });
  if (bytes > TEXT_BYTES_MAX) throw tooLarge('bytes of text in a row group', bytes, TEXT_BYTES_MAX);
  const data = new Uint8Array(bytes);
  let row = 0;
  let to = 0;
  parts.forEach(({ count }, part) => {
    const source = (sources[part] as Spans).data;
    for (let index = 0; index < count; index += 1) {
      while (validity && validity[row] === 0) {
        row += 1;
        offsets[row] = to;
      }
      const [from, length] = lengthAt(part, index);
      copy(source, from, data, to, length);
      to += length;
      row += 1;
      offsets[row] = to;
    }
  });
  offsets.fill(to, row + 1);
  return { kind: 'spans', offsets, data };
}

/** What is known of the column that is filled. */
export interface ColumnPlace {
  readonly node: SchemaNode;
  readonly chunk: Chunk;
  readonly rows: number;
  /** Told rows with a value that the column cannot hold. */
  readonly bad: BadRows;
}

/** Tells row and place among the values of each cell that is not null. */
function eachValue(
  rows: number,
  validity: Uint8Array | undefined,
  visit: (row: number, place: number) => void,
): void {
  let place = 0;
  for (let row = 0; row < rows; row += 1) {
    if (validity && validity[row] === 0) continue;
    visit(row, place);
    place += 1;
  }
}

/** Whether all text is UTF-8, and no cell starts within a character. */
function isText({ offsets, data }: Spans): boolean {
  for (let index = 0; index < offsets.length - 1; index += 1) {
    if (((data[offsets[index] as number] ?? 0) & 0xc0) === 0x80) return false;
  }
  return isUtf8(data);
}

function textOf(column: ColumnPlace, validity: Uint8Array | undefined): Vector {
  return column.chunk.parts.every(({ kind }) => kind === 'indices')
    ? wordsOf(column, validity)
    : spanTextOf(column, validity);
}

function spanTextOf({ chunk, node, rows, bad }: ColumnPlace, validity: Uint8Array | undefined): Vector {
  const { offsets, data } = gatherSpans(chunk, validity, rows);
  const isJson = node.element.meaning.kind === 'json';
  if (isJson || !isText({ kind: 'spans', offsets, data })) {
    eachValue(rows, validity, (row, place) => {
      const text = decodeUtf8(data.subarray(offsets[row], offsets[row + 1]));
      const checked = isJson ? checkJson(text) : text;
      if (checked instanceof BadValue) bad.add(row, node.element.name, chunk, place, checked);
    });
  }
  return textVector(offsets, data, validity);
}

/** A chunk in which the dictionary was enough for all pages keeps it. */
function wordsOf({ chunk, node, rows, bad }: ColumnPlace, validity: Uint8Array | undefined): Vector {
  const words: (string | BadValue)[] = [];
  if (chunk.dictionary) {
    const { offsets, data } = spansOf(chunk.dictionary);
    for (let word = 0; word < offsets.length - 1; word += 1) {
      const text = decodeUtf8(data.subarray(offsets[word], offsets[word + 1]));
      words.push(node.element.meaning.kind === 'json' ? checkJson(text) : text);
    }
  }
  const dense = new Int32Array(countOf(chunk));
  let to = 0;
  for (const part of chunk.parts) {
    if (part.kind === 'indices') dense.set(part.indices, to);
    to += part.count;
  }
  const indices = scatter(dense, validity, () => new Int32Array(rows));
  if (words.some((word) => word instanceof BadValue)) {
    eachValue(rows, validity, (row, place) => {
      const word = words[indices[row] as number];
      if (word instanceof BadValue) bad.add(row, node.element.name, chunk, place, word);
    });
  }
  return wordVector(
    indices,
    words.map((word) => (word instanceof BadValue ? '' : word)),
    validity,
  );
}

function cellsAtRows({ chunk, node, rows, bad }: ColumnPlace, validity: Uint8Array | undefined): Vector {
  const dense = cellsOfChunk(chunk, node.element);
  const cells: Cell[] = Array.from({ length: rows }, () => null);
  eachValue(rows, validity, (row, place) => {
    const cell = dense[place] ?? null;
    if (cell instanceof BadValue) bad.add(row, node.element.name, chunk, place, cell);
    else cells[row] = cell;
  });
  return cellVector(cells);
}

/** The cells of one flat column, one per row. */
export function vectorOf(place: ColumnPlace, column: Column): Vector {
  const { chunk, node, rows } = place;
  const { type, meaning } = node.element;
  const validity = validityOf(chunk, node.definition);
  if (type === 'BYTE_ARRAY' && (meaning.kind === 'text' || meaning.kind === 'json')) {
    return textOf(place, validity);
  }
  const isPlain = meaning.kind !== 'decimal' && meaning.kind !== 'time';
  const count = countOf(chunk);
  if (type === 'INT32' && isPlain) {
    const data = scatter(gatherNumbers(chunk, new Int32Array(count)), validity, () => new Int32Array(rows));
    if (meaning.kind === 'date') return dayVector(data, validity);
    const isUnsigned = meaning.kind === 'integer' && !meaning.isSigned;
    return numberVector(
      isUnsigned ? new Uint32Array(data.buffer, data.byteOffset, data.length) : data,
      validity,
    );
  }
  if (type === 'INT64' && isPlain) {
    const data = scatter(
      gatherNumbers(chunk, new BigInt64Array(count)),
      validity,
      () => new BigInt64Array(rows),
    );
    const isUnsigned = meaning.kind === 'integer' && !meaning.isSigned;
    return wideVector(
      isUnsigned ? new BigUint64Array(data.buffer, data.byteOffset, data.length) : data,
      validity,
    );
  }
  if (type === 'FLOAT') {
    return numberVector(
      scatter(gatherNumbers(chunk, new Float32Array(count)), validity, () => new Float32Array(rows)),
      validity,
    );
  }
  if (type === 'DOUBLE') {
    return numberVector(
      scatter(gatherNumbers(chunk, new Float64Array(count)), validity, () => new Float64Array(rows)),
      validity,
    );
  }
  if (type === 'BOOLEAN')
    return boolVector(
      scatter(gatherBools(chunk, count), validity, () => new Uint8Array(rows)),
      validity,
    );
  if (column.type === 'timestamp') return int96Vector(cellsAtRows(place, validity), validity);
  return cellsAtRows(place, validity);
}

/** Counts of 64 bits, unless one of them takes more. */
function int96Vector(cells: Vector, validity: Uint8Array | undefined): Vector {
  const data = new BigInt64Array(cells.length);
  for (let row = 0; row < cells.length; row += 1) {
    const cell = cells.at(row);
    if (typeof cell !== 'bigint') continue;
    data[row] = cell;
    if (data[row] !== cell) return cells;
  }
  return wideVector(data, validity);
}
