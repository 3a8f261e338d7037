/** JSON values one after the other, optionally inside one array; also any slice of such an array. */
import { type Codec, decodeText, guardBom, NO_BYTES } from './codec.ts';
import { JsonScanner } from './json-scanner.ts';
import { parseJson } from './json-text.ts';

const OPEN_BRACKET = 91;
const SEPARATOR = Uint8Array.of(44, 10);
// Without it, a first element that is itself an array would be taken for the array of elements.
const ARRAY_HEAD = Uint8Array.of(OPEN_BRACKET, 10);

export const json: Codec = {
  scan(body, visit) {
    const scanner = new JsonScanner();
    scanner.scan(body, visit);
    scanner.finish(visit);
  },
  decode(bytes, place) {
    return parseJson(decodeText(bytes, place), place);
  },
  wrap(_body, firstRow) {
    const head = firstRow[0] === OPEN_BRACKET ? ARRAY_HEAD : guardBom(firstRow);
    return { head, separator: SEPARATOR, tail: NO_BYTES };
  },
};
