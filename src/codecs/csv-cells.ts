/** Splits the text of one CSV record into cells. */
import { type Place, rowError } from './codec.ts';

/**
 * Text of each cell, or null for an empty one without quotes. Spaces belong to their cell, and a quote that is not the first
 * character of its cell is a letter, as in `5" disk`.
 * @param where what the text is, for messages; nothing for a row
 * @throws InputError ROW_UNDECODABLE when a quote is never closed or text follows a closing one
 */
export function splitCells(text: string, delimiter: string, place: Place, where = ''): (string | null)[] {
  const cells: (string | null)[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      const close = findClose(text, at);
      if (close < 0)
        throw rowError(place, `${where}cell ${cells.length + 1} opens a quote that is never closed`);
      const spelled = text.slice(at + 1, close);
      cells.push(spelled.includes('"') ? spelled.replaceAll('""', '"') : spelled);
      at = close + 1;
      if (at < text.length && text[at] !== delimiter) {
        throw rowError(place, `${where}cell ${cells.length} goes on after its closing quote`);
      }
    } else {
      const stop = text.indexOf(delimiter, at);
      const cell = stop < 0 ? text.slice(at) : text.slice(at, stop);
      cells.push(cell === '' ? null : cell);
      at += cell.length;
    }
    if (at >= text.length) return cells;
    at += 1;
  }
}

function findClose(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
  return close;
}
