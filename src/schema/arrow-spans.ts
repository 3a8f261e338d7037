/** Columns of text and bytes: offsets and bytes. */

import { joinBytes, type Spans, spellTexts, spellWords } from '../codecs/arrow-buffers.ts';
import { SchemaError } from '../core/errors.ts';
import type { Vector } from '../core/vectors.ts';
import { DataType, type Field } from './arrow.ts';
import { cellRefused } from './arrow-cell.ts';

/** @throws SchemaError ARROW_CELL for a cell that is neither null nor what the field holds, ARROW_TOO_LARGE */
export function fillSpans(field: Field, vector: Vector): Spans {
  const type: DataType = field.type;
  const isText = DataType.isUtf8(type) || DataType.isLargeUtf8(type);
  const spans = isText ? textOf(field, vector) : bytesOf(field, vector);
  if (spans) return spans;
  throw new SchemaError(
    'ARROW_TOO_LARGE',
    `field ${JSON.stringify(field.name)} has more than 2 GiB in one batch`,
    {
      hint: 'Build smaller batches.',
    },
  );
}

function textOf(field: Field, vector: Vector): Spans | undefined {
  if (vector.kind === 'text') return vector;
  if (vector.kind === 'word') return spellWords(vector.data, vector.words, vector.validity);
  if (vector.kind === 'cell')
    return spellTexts(checked(field, vector.cells, (cell) => typeof cell === 'string'));
  throw cellRefused(field, vector.length > 0 ? vector.at(0) : null);
}

function bytesOf(field: Field, vector: Vector): Spans | undefined {
  if (vector.kind !== 'cell') throw cellRefused(field, vector.length > 0 ? vector.at(0) : null);
  return joinBytes(checked(field, vector.cells, (cell) => cell instanceof Uint8Array));
}

function checked<T>(field: Field, cells: readonly T[], isHeld: (cell: T) => boolean): readonly T[] {
  for (const cell of cells) if (cell !== null && !isHeld(cell)) throw cellRefused(field, cell);
  return cells;
}
