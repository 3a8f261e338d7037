/** One JSON value per line. Blank lines are no rows; CRLF and a last line without newline are tolerated. */
import { bomLength, type Codec, decodeText, guardBom, NEWLINE, trimReturns } from './codec.ts';
import { parseJson } from './json-text.ts';

const LF = 10;

function isBlank(body: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = body[at];
    if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  }
  return true;
}

export const ndjson: Codec = {
  scan(body, visit) {
    let start = bomLength(body);
    while (start < body.length) {
      const newline = body.indexOf(LF, start);
      const stop = newline < 0 ? body.length : newline;
      const end = trimReturns(body, start, stop);
      if (!isBlank(body, start, end)) visit(start, end);
      start = stop + 1;
    }
  },
  decode(bytes, place) {
    return parseJson(decodeText(bytes, place), place);
  },
  wrap(_body, firstRow) {
    return { head: guardBom(firstRow), separator: NEWLINE, tail: NEWLINE };
  },
};
