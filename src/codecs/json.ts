/**
 * JSON values one after the other, optionally inside one array; also any slice of such an array.
 *
 * A comma or bracket that has no place between its neighbours is a row that does not decode. An array that is never opened or
 * never closed is a slice: where a body is cut between elements because bytes are missing cannot be told from where a reader
 * has cut it.
 */
import { type Codec, decodeText, guardBom, NO_BYTES } from './codec.ts';
import { JsonScanner } from './json-scanner.ts';
import { parseJson } from './json-text.ts';

const COMMA = 44;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const SEPARATOR = Uint8Array.of(44, 10);
// Without it, a first element that is itself an array would be taken for the array of elements.
const ARRAY_HEAD = Uint8Array.of(OPEN_BRACKET, 10);
// Each row in an array of its own: only there a comma or bracket is what it was, whatever is before it.
const APART_HEAD = Uint8Array.of(OPEN_BRACKET);
const APART_SEPARATOR = Uint8Array.of(CLOSE_BRACKET, 10, OPEN_BRACKET);
const APART_TAIL = Uint8Array.of(CLOSE_BRACKET);

/** Whether the row is a comma or bracket without a place. */
export function isStray(row: Uint8Array): boolean {
  return row[0] === COMMA || row[0] === CLOSE_BRACKET;
}

export const json: Codec = {
  scan(body, visit) {
    const scanner = new JsonScanner();
    scanner.scan(body, visit);
    scanner.finish(visit);
  },
  decode(bytes, place) {
    return parseJson(decodeText(bytes, place), place);
  },
  wrap(_body, firstRow, rows) {
    if (rows.some(isStray)) {
      // A last row may be cut within a value, and would take in what is put behind it.
      const isClosed = rows.at(-1)?.[0] === CLOSE_BRACKET;
      return { head: APART_HEAD, separator: APART_SEPARATOR, tail: isClosed ? APART_TAIL : NO_BYTES };
    }
    const head = firstRow[0] === OPEN_BRACKET ? ARRAY_HEAD : guardBom(firstRow);
    return { head, separator: SEPARATOR, tail: NO_BYTES };
  },
};
