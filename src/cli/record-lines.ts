/** Columns as NDJSON: what coercion made of records, for the next program to read. */
import type { Cell, Column, Columns } from '../core/columns.ts';
import { isoTimestamp } from '../core/iso-timestamp.ts';

/** JSON text of a cell that is not null. Integers and decimals keep all their digits, JSON text is itself. */
function cellText(cell: NonNullable<Cell>, { type, unit }: Column): string {
  if (type === 'timestamp' && typeof cell === 'bigint') {
    const text = isoTimestamp(cell, unit ?? 'ms');
    return JSON.stringify(text ?? String(cell));
  }
  if (type === 'json' || type === 'decimal') return String(cell);
  if (cell instanceof Uint8Array) return JSON.stringify(Buffer.from(cell).toString('base64'));
  return typeof cell === 'bigint' ? String(cell) : JSON.stringify(cell);
}

/** One line per row, each with its newline. Fields that are null are written as null. */
export function recordLines({ columns, rows, vectors }: Columns): string {
  const names = columns.map(({ name }) => JSON.stringify(name));
  let lines = '';
  for (let place = 0; place < rows.length; place += 1) {
    const members = columns.map((column, index) => {
      const cell = vectors[index]?.at(place) ?? null;
      return `${names[index]}:${cell === null ? 'null' : cellText(cell, column)}`;
    });
    lines += `{${members.join(',')}}\n`;
  }
  return lines;
}
