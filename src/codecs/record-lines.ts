/** Columns as NDJSON: for the next program to read, and for formats of columns whose rows are to be records. */
import type { Cell, Column, Columns } from '../core/columns.ts';
import { isoTimestamp } from '../core/iso-timestamp.ts';

/** JSON has no word for some of them, and null would be another value. */
function numberText(cell: number): string {
  if (!Number.isFinite(cell)) return JSON.stringify(String(cell));
  return Object.is(cell, -0) ? '-0' : JSON.stringify(cell);
}

/** JSON text of a cell that is not null. Integers and decimals keep all their digits, JSON text is itself. */
function cellText(cell: NonNullable<Cell>, { type, unit }: Column): string {
  if (type === 'timestamp' && typeof cell === 'bigint') return JSON.stringify(isoTimestamp(cell, unit ?? 'ms'));
  // Between its tokens, JSON text may have line ends; within them it cannot.
  if (type === 'json') return String(cell).replaceAll(/[\r\n]/g, ' ');
  if (type === 'decimal') return String(cell);
  if (cell instanceof Uint8Array) return JSON.stringify(Buffer.from(cell).toString('base64'));
  if (typeof cell === 'number') return numberText(cell);
  return typeof cell === 'bigint' ? String(cell) : JSON.stringify(cell);
}

/** Cells of one row as a JSON object. Fields that are null are written as null. */
export function recordText(columns: readonly Column[], cellAt: (column: number) => Cell): string {
  const members = columns.map((column, index) => {
    const cell = cellAt(index);
    return `${JSON.stringify(column.name)}:${cell === null ? 'null' : cellText(cell, column)}`;
  });
  return `{${members.join(',')}}`;
}

/** One line per row from `from` to before `to`, each with its newline. */
export function recordLines({ columns, rows, vectors }: Columns, from = 0, to: number = rows.length): string {
  let lines = '';
  for (let place = from; place < Math.min(to, rows.length); place += 1) {
    lines += `${recordText(columns, (index) => vectors[index]?.at(place) ?? null)}\n`;
  }
  return lines;
}
