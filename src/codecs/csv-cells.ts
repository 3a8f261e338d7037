/** Splits the text of one CSV record into cells. */
import { type Place, rowError } from './codec.ts';

const QUOTE = 34;

/** The text of a cell; null for an empty one without quotes. */
export type CellText = string | null;

/**
 * Puts the text of each cell into `cells`, from its start on. Spaces belong to their cell, and a quote that is not the first
 * character of its cell is a letter, as in `5" disk`.
 * @param where what the text is, for messages; nothing for a row
 * @returns how many cells there are
 * @throws InputError ROW_UNDECODABLE when a quote is never closed or text follows a closing one
 */
export function splitCells(
  text: string,
  delimiter: string,
  cells: CellText[],
  place: Place,
  where = '',
): number {
  let count = 0;
  let at = 0;
  for (;;) {
    if (text.charCodeAt(at) === QUOTE) {
      cells[count++] = readQuoted(text, at + 1);
      if (closedAt < 0) throw rowError(place, `${where}cell ${count} opens a quote that is never closed`);
      at = closedAt + 1;
      if (at < text.length && text[at] !== delimiter) {
        throw rowError(place, `${where}cell ${count} goes on after its closing quote`);
      }
    } else {
      const found = text.indexOf(delimiter, at);
      const stop = found < 0 ? text.length : found;
      cells[count++] = stop === at ? null : text.slice(at, stop);
      at = stop;
    }
    if (at >= text.length) return count;
    at += 1;
  }
}

/** Where the quote is that closed what `readQuoted` read last, or -1: a register, for two results of one call. */
let closedAt = -1;

/** The text from `start` to the closing quote as it was meant: every quote in it is doubled. */
function readQuoted(text: string, start: number): string {
  let cell = '';
  let from = start;
  let quote = text.indexOf('"', from);
  while (quote >= 0 && text.charCodeAt(quote + 1) === QUOTE) {
    cell += text.slice(from, quote + 1);
    from = quote + 2;
    quote = text.indexOf('"', from);
  }
  closedAt = quote;
  return cell + text.slice(from, quote < 0 ? from : quote);
}

/** The text between the quotes of a cell as it was meant. */
export function undouble(spelled: string): string {
  return spelled.replaceAll('""', '"');
}
