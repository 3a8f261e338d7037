/** About how much memory columns take. */
import type { Cell, Columns } from '../core/columns.ts';
import type { Vector } from '../core/vectors.ts';

/** What a value takes that is an object of its own, beside what is in it. */
const OBJECT_BYTES = 24;
/** What a cell takes at least once it is part of a record. */
const CELL_BYTES = 12;

function bytesOfCell(cell: Cell): number {
  if (typeof cell === 'string' || cell instanceof Uint8Array) return OBJECT_BYTES + cell.length;
  return typeof cell === 'bigint' ? OBJECT_BYTES : 0;
}

function bytesOfCells(cells: readonly Cell[]): number {
  let bytes = 0;
  for (const cell of cells) bytes += bytesOfCell(cell);
  return bytes;
}

function bytesOfVector(vector: Vector): number {
  switch (vector.kind) {
    case 'cell':
      return bytesOfCells(vector.cells);
    case 'text': {
      const { offsets, length } = vector;
      return offsets.byteLength + (offsets[length] ?? 0) - (offsets[0] ?? 0);
    }
    case 'word':
      return vector.data.byteLength + bytesOfCells(vector.words);
    default:
      return vector.data.byteLength;
  }
}

export function bytesOfColumns({ rows, vectors }: Columns): number {
  const least = rows.length * CELL_BYTES;
  return vectors.reduce((sum, vector) => sum + Math.max(least, bytesOfVector(vector)), 0);
}
