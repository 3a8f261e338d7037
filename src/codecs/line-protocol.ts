/**
 * InfluxDB line protocol: one point per line, `measurement,tag=value field=value timestamp`.
 *
 * P1 a quote is special only right after the `=` of a field: there it opens a string, which alone may hold newlines.
 * P2 a backslash makes a comma, space, equals sign or quote after it a letter, and never a line end. P3 comments and blank
 * lines are no points. P4 a string that is never closed takes the rest of the body: cutting it at a newline could turn the
 * remainder of a text into points that look right.
 */
import { bomLength, type Codec, guardBom, NEWLINE, NO_BYTES, trimReturns } from './codec.ts';
import { readPointOf } from './line-protocol-record.ts';

const TAB = 9;
const LF = 10;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const EQUALS = 61;
const BACKSLASH = 92;

/** Offset after the closing quote of the string that opens at `open`; -1 when it is never closed. */
function closeString(body: Uint8Array, open: number): number {
  for (let at = open + 1; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === BACKSLASH) at += 1;
    else if (byte === QUOTE) return at + 1;
  }
  return -1;
}

function skipBlanks(body: Uint8Array, from: number): number {
  let at = from;
  while (at < body.length && (body[at] === SPACE || body[at] === TAB)) at += 1;
  return at;
}

/** Offset of the next space or newline that no backslash escapes; a newline cannot be escaped. */
function skipTags(body: Uint8Array, from: number): number {
  let previous = 0;
  let at = from;
  for (; at < body.length; at += 1) {
    const byte = body[at] as number;
    if (byte === LF || (byte === SPACE && previous !== BACKSLASH)) return at;
    previous = byte;
  }
  return at;
}

/** Like `skipTags` for the fields, whose strings may hold anything; -1 inside an open string. */
function skipFields(body: Uint8Array, from: number): number {
  // The byte before, and the one before that: a quote opens a string after an equals sign that is not escaped.
  let previous = 0;
  let older = 0;
  for (let at = from; at < body.length; ) {
    const byte = body[at] as number;
    if (byte === LF || (byte === SPACE && previous !== BACKSLASH)) return at;
    if (byte === QUOTE && previous === EQUALS && older !== BACKSLASH) {
      at = closeString(body, at);
      if (at < 0) return -1;
      older = 0;
      previous = QUOTE;
    } else {
      at += 1;
      older = previous;
      previous = byte;
    }
  }
  return body.length;
}

/** Offset of the newline that ends the point at `start` (or the end of the body); -1 inside an open string. */
function findPointEnd(body: Uint8Array, start: number): number {
  const fields = skipFields(body, skipBlanks(body, skipTags(body, start)));
  return fields < 0 ? -1 : findByte(body, LF, fields);
}

/** Offset of the next such byte, or the end of the body. */
function findByte(body: Uint8Array, byte: number, from: number): number {
  const at = body.indexOf(byte, from);
  return at < 0 ? body.length : at;
}

/** A call into native code costs as much as a loop over so many bytes. */
const NEARBY_BYTES = 24;

/** Like `findByte`, for a quote that is probably close. */
function findQuoteNearby(body: Uint8Array, from: number): number {
  const stop = Math.min(body.length, from + NEARBY_BYTES);
  for (let at = from; at < stop; at += 1) if (body[at] === QUOTE) return at;
  return findByte(body, QUOTE, stop);
}

/**
 * Offset of the first quote behind `stop` (or the end of the body) when those from `first` to `stop` surely close every
 * string that they open, else -1. Without a backslash between them a string ends at the next quote; so if no second quote
 * stands behind an equals sign, each pair is a string or two letters.
 */
function passPairs(body: Uint8Array, first: number, stop: number): number {
  let quote = first;
  while (quote < stop) {
    const close = findQuoteNearby(body, quote + 1);
    if (close >= stop || body[close - 1] === EQUALS) return -1;
    quote = findByte(body, QUOTE, close + 1);
  }
  return quote;
}

export const lineProtocol: Codec = {
  scan(bytes, visit) {
    // The search of a Buffer is the native one, which is twice as fast.
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = bomLength(body);
    let quote = findByte(body, QUOTE, start);
    let backslash = findByte(body, BACKSLASH, start);
    while (start < body.length) {
      const text = skipBlanks(body, start);
      let stop = findByte(body, LF, text);
      if (body[text] !== HASH) {
        if (quote < text) quote = findByte(body, QUOTE, text);
        if (backslash < text) backslash = findByte(body, BACKSLASH, text);
        // Only a line with a quote can go on behind its newline.
        if (quote < stop) {
          quote = backslash < stop ? -1 : passPairs(body, quote, stop);
          if (quote < 0) stop = findPointEnd(body, text);
        }
        const end = stop < 0 ? body.length : trimReturns(body, start, stop);
        if (end > text) visit(start, end);
        if (stop < 0) return;
      }
      start = stop + 1;
    }
  },
  decode(bytes, place, body) {
    return readPointOf(body, bytes, place);
  },
  wrap(_body, firstRow) {
    // No newline at the end: it would become part of a last row whose string is open.
    return { head: guardBom(firstRow), separator: NEWLINE, tail: NO_BYTES };
  },
};
