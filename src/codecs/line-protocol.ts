/**
 * InfluxDB line protocol: one point per line, `measurement,tag=value field=value timestamp`.
 *
 * Only a string field value may hold a newline, and a quote is special only right after the `=` of a field, so
 * the scanner has to know in which section of the line it is.
 */
import { bomLength, type Codec, decodeText, guardBom, NEWLINE, NO_BYTES, trimReturns } from './codec.ts';
import { readPoint } from './line-protocol-point.ts';

const LF = 10;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const EQUALS = 61;
const BACKSLASH = 92;

/** Offset after the closing quote of the string that opens at `open`; -1 when it is never closed. */
function closeString(body: Uint8Array, open: number): number {
  for (let at = open + 1; at < body.length; at += 1) {
    if (body[at] === BACKSLASH) at += 1;
    else if (body[at] === QUOTE) return at + 1;
  }
  return -1;
}

function skipSpaces(body: Uint8Array, from: number): number {
  let at = from;
  while (body[at] === SPACE || body[at] === 9) at += 1;
  return at;
}

/** Offset of the next space or newline that no backslash escapes; a newline cannot be escaped. */
function skipSection(body: Uint8Array, from: number): number {
  let at = from;
  while (at < body.length && body[at] !== SPACE && body[at] !== LF) {
    at += body[at] === BACKSLASH && body[at + 1] !== LF ? 2 : 1;
  }
  return Math.min(at, body.length);
}

/** Like `skipSection` for the fields, whose strings may hold anything; -1 inside an open string. */
function skipFields(body: Uint8Array, from: number): number {
  let at = from;
  let valueAt = -1;
  while (at < body.length && body[at] !== SPACE && body[at] !== LF) {
    if (body[at] === QUOTE && at === valueAt) {
      at = closeString(body, at);
      if (at < 0) return -1;
    } else {
      if (body[at] === EQUALS) valueAt = at + 1;
      at += body[at] === BACKSLASH && body[at + 1] !== LF ? 2 : 1;
    }
  }
  return Math.min(at, body.length);
}

/** Offset of the newline that ends the point at `start` (or the end of the body); -1 inside an open string. */
function findPointEnd(body: Uint8Array, start: number): number {
  const fields = skipFields(body, skipSpaces(body, skipSection(body, start)));
  if (fields < 0) return -1;
  const newline = body.indexOf(LF, fields);
  return newline < 0 ? body.length : newline;
}

export const lineProtocol: Codec = {
  scan(body, visit) {
    let start = bomLength(body);
    while (start < body.length) {
      const text = skipSpaces(body, start);
      if (body[text] === HASH) {
        const newline = body.indexOf(LF, text);
        start = newline < 0 ? body.length : newline + 1;
        continue;
      }
      const stop = findPointEnd(body, text);
      const end = stop < 0 ? body.length : trimReturns(body, start, stop);
      if (end > text) visit(start, end);
      start = stop < 0 ? body.length : stop + 1;
    }
  },
  decode(bytes, place) {
    return readPoint(decodeText(bytes, place), place);
  },
  wrap(_body, firstRow) {
    // No newline at the end: it would become part of a last row whose string is open.
    return { head: guardBom(firstRow), separator: NEWLINE, tail: NO_BYTES };
  },
};
