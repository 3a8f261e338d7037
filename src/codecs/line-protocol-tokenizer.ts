/**
 * Finds the values of points where they stand, in one pass over their bytes and without allocating.
 *
 * K1 accepts what `readPoint` accepts and gives the same names and values. K2 a point with the names of the point before, in
 * the same order, as in nearly all data, is read by comparing instead of searching, and needs no search for a name that
 * occurs twice. K3 only when that gives up is a point read the general way, from its start.
 */
import type { LayoutTokenizer } from './layout.ts';
import { tokenizeKnown } from './line-protocol-known.ts';
import { FIXED_NAMES, KnownNames, MEASUREMENT, TIME } from './line-protocol-names.ts';
import { isTime, numberKind, scanNumber } from './line-protocol-number.ts';
import { KEY_BYTES_MAX, unescapeMeasurement, unescapeName, unescapeString } from './line-protocol-point.ts';
import { TOKEN, TOKEN_STRIDE, type Tokens } from './tokens.ts';
import { Utf8Check } from './utf8-check.ts';

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const DIGIT_9 = 57;
const EQUALS = 61;
const BACKSLASH = 92;

/** What ends a measurement or needs a look: 1; what ends any other name: 2. */
const STOP = new Uint8Array(256);
const IN_MEASUREMENT = 1;
const IN_NAME = 2;
STOP.fill(IN_MEASUREMENT | IN_NAME, 0, SPACE + 1);
for (const byte of [COMMA, BACKSLASH, 127]) STOP[byte] = IN_MEASUREMENT | IN_NAME;
STOP[EQUALS] = IN_NAME;

/** Whether the name that `scanName` found last holds a backslash: a register. */
let hasBackslash = false;

/** @returns the first byte that ends the name, which a control character also does */
function scanName(body: Uint8Array, start: number, end: number, stops: number): number {
  hasBackslash = false;
  let at = start;
  for (;;) {
    while (at < end && ((STOP[body[at] as number] as number) & stops) === 0) at += 1;
    if (at === end || body[at] !== BACKSLASH) return at;
    hasBackslash = true;
    const next = at + 1 < end ? (body[at + 1] as number) : 0;
    at += next === COMMA || next === SPACE || (next === EQUALS && stops === IN_NAME) ? 2 : 1;
  }
}

/** @returns the offset of the closing quote; -1 when there is none */
function scanString(body: Uint8Array, start: number, end: number): number {
  hasBackslash = false;
  for (let at = start; at < end; at += 1) {
    const byte = body[at] as number;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) {
      hasBackslash = true;
      at += 1;
    }
  }
  return -1;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

const TRUE_WORDS = ['true', 't', 'True', 'TRUE', 'T'].map(bytesOf);
const FALSE_WORDS = ['false', 'f', 'False', 'FALSE', 'F'].map(bytesOf);
const SMALL_T = 116;
const SMALL_F = 102;

function startsWith(body: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index += 1) if (body[at + index] !== word[index]) return false;
  return true;
}

/** @returns the offset behind the first of the words that stands at `start` and ends there; -1 when none does */
function scanWord(body: Uint8Array, start: number, end: number, words: readonly Uint8Array[]): number {
  for (const word of words) {
    const stop = start + word.length;
    const isWhole = stop === end || (stop < end && (body[stop] === COMMA || body[stop] === SPACE));
    if (isWhole && startsWith(body, start, word)) return stop;
  }
  return -1;
}

function skipSpaces(body: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && body[at] === SPACE) at += 1;
  return at;
}

/**
 * Adds the value of a field.
 * @returns the offset behind it; -1 when it is none
 */
function readValue(body: Uint8Array, start: number, end: number, name: number, tokens: Tokens): number {
  if (start >= end) return -1;
  const nameEnd = start - 1;
  const first = body[start] as number;
  if (first === QUOTE) {
    const close = scanString(body, start + 1, end);
    if (close < 0) return -1;
    tokens.add(name, nameEnd, hasBackslash ? TOKEN.escaped : TOKEN.text, start + 1, close);
    return close + 1;
  }
  if (first <= DIGIT_9) {
    const stop = scanNumber(body, start, end);
    if (stop < 0) return -1;
    const kind = numberKind;
    const suffix = kind === TOKEN.signed || kind === TOKEN.unsigned ? 1 : 0;
    tokens.add(name, nameEnd, kind, start, stop - suffix);
    return stop;
  }
  const letter = first | 32;
  if (letter !== SMALL_T && letter !== SMALL_F) return -1;
  const isTrue = letter === SMALL_T;
  const stop = scanWord(body, start, end, isTrue ? TRUE_WORDS : FALSE_WORDS);
  if (stop > 0) tokens.add(name, nameEnd, isTrue ? TOKEN.true : TOKEN.false, start, stop);
  return stop;
}

/** @returns the offset of the equals sign behind the name at `start`; -1 when there is no name */
function readName(body: Uint8Array, start: number, end: number): number {
  const stop = scanName(body, start, end, IN_NAME);
  return stop > start && stop < end && body[stop] === EQUALS ? stop : -1;
}

/** @returns where measurement and tags end; -1 when they are none */
function readTags(body: Uint8Array, start: number, end: number, tokens: Tokens): number {
  let at = scanName(body, start, end, IN_MEASUREMENT);
  if (at === start) return -1;
  tokens.add(-1, MEASUREMENT, hasBackslash ? TOKEN.escaped : TOKEN.text, start, at);
  while (at < end && body[at] === COMMA) {
    const name = at + 1;
    const nameEnd = readName(body, name, end);
    if (nameEnd < 0) return -1;
    at = scanName(body, nameEnd + 1, end, IN_NAME);
    if (at === nameEnd + 1) return -1;
    tokens.add(name, nameEnd, hasBackslash ? TOKEN.escaped : TOKEN.text, nameEnd + 1, at);
  }
  return at - start > KEY_BYTES_MAX ? -1 : at;
}

/** @returns where the fields end; -1 when they are none */
function readFields(body: Uint8Array, start: number, end: number, tokens: Tokens): number {
  let name = start;
  for (;;) {
    const nameEnd = readName(body, name, end);
    if (nameEnd < 0 || nameEnd - name > KEY_BYTES_MAX) return -1;
    const at = readValue(body, nameEnd + 1, end, name, tokens);
    if (at < 0 || at === end || body[at] !== COMMA) return at;
    name = at + 1;
  }
}

function readTime(body: Uint8Array, start: number, end: number, tokens: Tokens): boolean {
  let stop = end;
  while (body[stop - 1] === SPACE) stop -= 1;
  if (!isTime(body, start, stop)) return false;
  tokens.add(-1, TIME, TOKEN.time, start, stop);
  return true;
}

class LineProtocolTokenizer implements LayoutTokenizer {
  readonly #body: Uint8Array;
  readonly #text: Buffer;
  readonly #utf8: Utf8Check;
  readonly #names: KnownNames;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#utf8 = new Utf8Check(body);
    this.#names = new KnownNames(body);
  }

  get layout(): number {
    return this.#names.version;
  }

  tokenize(start: number, end: number, tokens: Tokens): boolean {
    const isPoint = tokenizeKnown(this.#names, start, end, tokens) || this.#tokenizeAny(start, end, tokens);
    return isPoint && this.#utf8.isValid(start, end);
  }

  name(tokens: Tokens, index: number): string {
    const at = index * TOKEN_STRIDE;
    const start = tokens.data[at] as number;
    const end = tokens.data[at + 1] as number;
    return start < 0 ? (FIXED_NAMES[end] ?? '') : unescapeName(this.#text.toString('utf8', start, end));
  }

  value(tokens: Tokens, index: number): unknown {
    const at = index * TOKEN_STRIDE;
    const start = tokens.data[at + 3] as number;
    const end = tokens.data[at + 4] as number;
    switch (tokens.data[at + 2]) {
      case TOKEN.true:
        return true;
      case TOKEN.false:
        return false;
      case TOKEN.text:
        return this.#text.toString('utf8', start, end);
      case TOKEN.escaped:
        return this.#unescape(tokens.data[at] as number, start, end);
      case TOKEN.number:
      case TOKEN.float:
        return Number(this.#text.toString('latin1', start, end));
      default:
        return BigInt(this.#text.toString('latin1', start, end));
    }
  }

  #unescape(name: number, start: number, end: number): string {
    const spelled = this.#text.toString('utf8', start, end);
    if (name < 0) return unescapeMeasurement(spelled);
    return this.#body[start - 1] === QUOTE ? unescapeString(spelled) : unescapeName(spelled);
  }

  #tokenizeAny(start: number, end: number, tokens: Tokens): boolean {
    const body = this.#body;
    tokens.count = 0;
    let at = readTags(body, skipSpaces(body, start, end), end, tokens);
    if (at < 0 || at === end || body[at] !== SPACE) return false;
    const tagCount = tokens.count;
    at = readFields(body, skipSpaces(body, at, end), end, tokens);
    if (at < 0 || (at < end && body[at] !== SPACE)) return false;
    const count = tokens.count;
    at = skipSpaces(body, at, end);
    if (at < end && !readTime(body, at, end, tokens)) return false;
    // Points of another layout are learned even when they are not UTF-8: their names are the same bytes again or they are not.
    return this.#names.learn(tokens, count, tagCount) && !(tokens.count > count && this.#names.hasTime);
  }
}

/**
 * A tokenizer of the points of a body. The token of the measurement is the first and is named `measurement`; that of the
 * timestamp is the last, if there is one, and is named `time`. Their names start at -1. Integers are told without their
 * suffix, with sign and zeros as they stand, and fit their 64 bits.
 */
export function lineProtocolTokenizer(body: Uint8Array): LayoutTokenizer {
  return new LineProtocolTokenizer(body);
}
