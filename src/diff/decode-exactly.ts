/** Rows of a batch as values in which no number has lost a digit. */
import { decodeText, type Place, rowError } from '../codecs/codec.ts';
import { decodeRow } from '../codecs/codecs.ts';
import type { Batch } from '../core/batch.ts';
import { parseExactJson } from './exact-json.ts';

/** @throws InputError ROW_UNDECODABLE or ROW_NOT_UTF8 */
export function decodeJsonExactly(bytes: Uint8Array, place: Place): unknown {
  const text = decodeText(bytes, place);
  try {
    return parseExactJson(text);
  } catch (error) {
    throw rowError(place, error instanceof Error ? error.message : 'not valid JSON');
  }
}

/** Like `decodeRow`, with numbers of JSON that no double is spelled as `Decimal`. @throws InputError like `decodeRow` */
export function decodeExactly(batch: Batch, row: number): unknown {
  const { body, format, frame } = batch;
  if (format !== 'ndjson' && format !== 'json') return decodeRow(batch, row);
  // Rows that are lost on the way to a path are told by the codec alone.
  if (frame.spans === undefined) decodeRow(batch, row);
  const bytes = frame.row(row);
  return decodeJsonExactly(bytes, { row, offset: bytes.byteOffset - body.byteOffset });
}
