/**
 * Rows of a row group with a value that its column cannot hold, such as text that is not UTF-8: each is told with its
 * reason and left out, and all others are read.
 */
import type { Cell, Columns } from '../core/columns.ts';
import { InputError } from '../core/errors.ts';
import {
  boolVector,
  cellVector,
  dayVector,
  type NumberArray,
  numberVector,
  textVector,
  type Vector,
  wideVector,
  wordVector,
} from '../core/vectors.ts';
import { type Chunk, offsetOfValue } from './parquet-pages.ts';

/** A value that cannot be a cell; why, and its bytes as they are stored. */
export class BadValue {
  readonly why: string;
  readonly bytes: Uint8Array;

  constructor(why: string, bytes: Uint8Array) {
    this.why = why;
    this.bytes = bytes;
  }
}

/** A row that was left out. */
export interface UndecodableRow {
  /** Within its row group. */
  readonly row: number;
  readonly column: string;
  /** Where the page with the value starts in the file. */
  readonly offset: number;
  /** What is wrong with the value. */
  readonly reason: string;
  /** The value as it is stored, a copy. */
  readonly bytes: Uint8Array;
  /** The cells of the row by column, with null for the value. */
  readonly cells: readonly Cell[];
}

/** The error that an undecodable row stands for. */
export function badRowError({ row, column, offset, reason }: Omit<UndecodableRow, 'cells'>): InputError {
  return new InputError(
    'ROW_UNDECODABLE',
    `row ${row} (page at byte ${offset}): column ${JSON.stringify(column)} holds ${reason}`,
    { offset, hint: 'Mend the value where the file is written; the other rows are read.' },
  );
}

export class BadRows {
  readonly #rows = new Map<number, Omit<UndecodableRow, 'cells'>>();

  /** Tells value number `place` of a chunk, nulls not counted; of several in one row the first stands. */
  add(row: number, column: string, chunk: Chunk, place: number, { why, bytes }: BadValue): void {
    if (this.#rows.has(row)) return;
    const offset = offsetOfValue(chunk, place);
    this.#rows.set(row, { row, column, offset, reason: why, bytes: Uint8Array.from(bytes) });
  }

  /** Ascending; `whole` is all rows, these included. */
  list(whole: Columns): readonly UndecodableRow[] {
    const rows = [...this.#rows.values()].sort((a, b) => a.row - b.row);
    return rows.map((bad) => ({
      ...bad,
      cells: whole.vectors.map((vector, at) =>
        whole.columns[at]?.name === bad.column ? null : vector.at(bad.row),
      ),
    }));
  }

  /** The columns without these rows. */
  leaveOut({ columns, rows, vectors }: Columns): Columns {
    if (this.#rows.size === 0) return { columns, rows, vectors };
    const places = Int32Array.from(rows.filter((row) => !this.#rows.has(row)));
    return { columns, rows: Array.from(places), vectors: vectors.map((vector) => pick(vector, places)) };
  }
}

/** Elements at these places, in an array of the same kind. */
function take<A extends NumberArray | BigInt64Array | BigUint64Array>(data: A, places: Int32Array): A {
  const output = data.slice(0, places.length) as A;
  places.forEach((place, index) => {
    output[index] = data[place] as A[number];
  });
  return output;
}

function pick(vector: Vector, places: Int32Array): Vector {
  if (vector.kind === 'cell') return cellVector(Array.from(places, (place) => vector.at(place)));
  const validity = vector.validity && take(vector.validity, places);
  switch (vector.kind) {
    case 'number':
      return numberVector(take(vector.data, places), validity);
    case 'wide':
      return wideVector(take(vector.data, places), validity);
    case 'bool':
      return boolVector(take(vector.data, places), validity);
    case 'day':
      return dayVector(take(vector.data, places), validity);
    case 'word':
      return wordVector(take(vector.data, places), vector.words, validity);
    case 'text': {
      const { offsets, data } = vector;
      const lengths = Array.from(places, (place) => (offsets[place + 1] ?? 0) - (offsets[place] ?? 0));
      const packed = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
      const packedOffsets = new Int32Array(places.length + 1);
      places.forEach((place, index) => {
        const to = packedOffsets[index] as number;
        packed.set(data.subarray(offsets[place], offsets[place + 1]), to);
        packedOffsets[index + 1] = to + (lengths[index] as number);
      });
      return textVector(packedOffsets, packed, validity);
    }
  }
}
