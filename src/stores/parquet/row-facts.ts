/**
 * What a sealed body is bound to: all other columns of its row, so that it cannot be put into another row, and no column
 * can be changed under it.
 */
import type { JournalEntry } from '../../journal/journal.ts';
import { COLUMNS } from './object-columns.ts';

const FACTS = COLUMNS.filter(({ kind }) => kind !== 'bytes');

/** A reader may leave a byte order mark out, and lone surrogates are not written as they are. */
function comparable(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return String(value)
    .toWellFormed()
    .replace(/^\uFEFF+/, '');
}

/** As they will stand in the file. */
export function factsOfEntry(entry: JournalEntry): Uint8Array {
  return Buffer.from(JSON.stringify(FACTS.map((column) => comparable(column.of(entry)))));
}

/** As they stand in the file. */
export function factsOfRow(row: Readonly<Record<string, unknown>>): Uint8Array {
  return Buffer.from(JSON.stringify(FACTS.map(({ name }) => comparable(row[name]))));
}
