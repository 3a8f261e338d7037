/**
 * Rows of many batches of one format as one body, which frames to exactly these rows, each byte for byte.
 *
 * W1 what a body has once, a header or the brackets of an array, is written once. W2 nothing is put behind a last row
 * that is not closed: it would become part of it.
 */
import type { Batch } from '../core/batch.ts';
import { countRows, gatherRows, type RowSet, rowIndices } from '../core/row-set.ts';
import { isRowFrame, NEWLINE, NO_BYTES } from './codec.ts';
import { extractRows, JsonScanner, wrappingOf } from './codecs.ts';
import { isStray } from './json.ts';

const OPEN = Buffer.from('[\n');
const NEXT = Buffer.from(',\n');
const CLOSE = Buffer.from('\n]\n');

export interface RowJoiner {
  /**
   * @param rows of the batch, disjoint sets
   * @returns the bytes to append
   * @throws RangeError for a second batch of a format whose body cannot go on: Arrow IPC and opaque bytes
   */
  add(batch: Batch, rows: Iterable<RowSet>): Uint8Array;
  /** @returns the last bytes to append */
  end(): Uint8Array;
}

function rowsOf(batch: Batch, rows: Iterable<RowSet>): RowSet {
  return gatherRows(
    Array.from(rows, (some) => ({ rows: some })),
    batch.rowCount,
  );
}

/** Formats of lines. */
class LineJoiner implements RowJoiner {
  #last: number | undefined;

  add(batch: Batch, some: Iterable<RowSet>): Uint8Array {
    const rows = rowsOf(batch, some);
    if (countRows(rows, batch.rowCount) === 0) return NO_BYTES;
    const isFirst = this.#last === undefined;
    const bytes = isFirst ? extractRows(batch, rows) : this.#goOn(batch, rowIndices(rows, batch.rowCount));
    this.#last = bytes.at(-1) ?? this.#last;
    return bytes;
  }

  #goOn(batch: Batch, rows: readonly number[]): Uint8Array {
    const parts = rows.map((row) => batch.frame.row(row));
    const { separator, tail } = wrappingOf(batch, parts);
    if (separator.length === 0 || isRowFrame(batch.frame))
      throw new RangeError(`a body of ${batch.format} cannot go on with other rows`);
    const isEnded = this.#last === separator.at(-1);
    const lines = parts.flatMap((part, index) => (index === 0 && isEnded ? [part] : [separator, part]));
    return Buffer.concat([...lines, tail]);
  }

  end(): Uint8Array {
    return NO_BYTES;
  }
}

/** One array, but for commas and brackets without a place, each of which has an array of its own. */
class JsonJoiner implements RowJoiner {
  #isOpen = false;
  #isClosedRow = true;

  add(batch: Batch, rows: Iterable<RowSet>): Uint8Array {
    const parts = rowIndices(rowsOf(batch, rows), batch.rowCount).map((row) => batch.frame.row(row));
    return Buffer.concat(parts.flatMap((part) => this.#place(part)));
  }

  #place(row: Uint8Array): readonly Uint8Array[] {
    const before = this.#isOpen ? (isStray(row) ? CLOSE : NEXT) : NO_BYTES;
    const wasOpen = this.#isOpen;
    this.#isOpen = !isStray(row);
    if (isStray(row)) return [before, Buffer.from('['), row, Buffer.from(']\n')];
    const scanner = new JsonScanner();
    for (const chunk of [OPEN, row, NEWLINE]) scanner.push(chunk);
    this.#isClosedRow = scanner.pendingStart === undefined;
    return [before, wasOpen ? NO_BYTES : OPEN, row];
  }

  end(): Uint8Array {
    return this.#isOpen && this.#isClosedRow ? CLOSE : NO_BYTES;
  }
}

/** For batches of one format, in their order. */
export function rowJoiner(format: Batch['format']): RowJoiner {
  return format === 'json' ? new JsonJoiner() : new LineJoiner();
}
