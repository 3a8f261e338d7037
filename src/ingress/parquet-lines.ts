/**
 * A Parquet file as a stream of NDJSON, one line per row with every value exact. Its index is at its end, so it is held
 * whole, within a limit.
 *
 * Q1 a row with a value that its column cannot hold is a line that is no JSON: why and where, the bytes of the value, and
 * the rest of the row. So it is one record that does not decode, and what is known of it is kept. It comes after the
 * other rows of its group.
 */
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import { openParquet } from '../codecs/parquet.ts';
import { badRowError, type UndecodableRow } from '../codecs/parquet-bad-rows.ts';
import { recordLines, recordText } from '../codecs/record-lines.ts';
import type { Column } from '../core/columns.ts';
import { InputError } from '../core/errors.ts';

const ROWS_PER_CHUNK = 500;

/** @throws InputError INPUT_RECORD_TOO_LARGE */
async function readWhole(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  name: string,
  bytesMax: number,
): Promise<Uint8Array> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new InputError('INPUT_RECORD_TOO_LARGE', `${name}: the file has more than ${bytesMax} bytes`, {
        hint: 'It is read whole: write smaller files, or raise the limit for one record.',
        offset: 0,
      });
    }
  }
  return Buffer.concat(held);
}

function badLine(columns: readonly Column[], bad: UndecodableRow, group: number): string {
  const { message } = badRowError(bad);
  const value = Buffer.from(bad.bytes).toString('base64');
  return `row group ${group}, ${message}, in base64 ${value}, beside ${recordText(columns, (at) => bad.cells[at] ?? null)}\n`;
}

/** What is wrong with the file, with its name. */
function named(error: unknown, name: string): unknown {
  if (!(error instanceof InputError)) return error;
  const { code, hint, offset } = error;
  const place = offset === undefined ? {} : { offset };
  return new InputError(code, `${name}: ${error.message}`, { hint, cause: error, ...place });
}

/**
 * @param chunks all bytes of the file
 * @throws InputError INPUT_RECORD_TOO_LARGE for a file above `bytesMax`, INPUT_EMPTY without a byte, PARQUET_… like `openParquet`
 */
export async function* readParquetLines(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  name: string,
  bytesMax: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = await readWhole(chunks, name, bytesMax);
  if (bytes.length === 0) return;
  const slice = (start: number, end?: number): ArrayBuffer =>
    Uint8Array.from(bytes.subarray(start, end)).buffer;
  try {
    const file = await openParquet({ byteLength: bytes.length, slice }, { yieldToLoop });
    for (let group = 0; group < file.rowGroups; group += 1) {
      const rows = await file.readRowGroup(group);
      for (let from = 0; from < rows.rows.length; from += ROWS_PER_CHUNK) {
        yield Buffer.from(recordLines(rows, from, from + ROWS_PER_CHUNK));
      }
      for (const bad of rows.undecodable) yield Buffer.from(badLine(file.columns, bad, group));
    }
  } catch (error) {
    throw named(error, name);
  }
}
