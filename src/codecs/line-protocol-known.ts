/**
 * The fast way through a point whose names are those of the point before, and whose values are spelled as nearly all are.
 *
 * K4 accepts nothing that the general way would not accept with the same tokens; it gives up instead, on anything out of
 * the ordinary: another name or order, an escape, more than one space, a number that needs a closer look.
 * K5 the row ends before a line end, at which every loop over names and bare values stops by itself.
 */
import { type KnownNames, MEASUREMENT, TIME } from './line-protocol-names.ts';
import { KEY_BYTES_MAX } from './line-protocol-point.ts';
import { TOKEN, TOKEN_STRIDE, type Tokens } from './tokens.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const EQUALS = 61;
const BACKSLASH = 92;
const SMALL_I = 105;

/** Not 0 for what ends a measurement or needs a closer look. */
export const ENDS_MEASUREMENT = new Uint8Array(256).fill(1, 0, SPACE + 1);
for (const byte of [COMMA, BACKSLASH, 127]) ENDS_MEASUREMENT[byte] = 1;
/** The same for the value of a tag, which holds no equals sign. */
export const ENDS_VALUE = ENDS_MEASUREMENT.slice();
ENDS_VALUE[EQUALS] = 1;

/**
 * What a byte adds to the sum that tells what a number is made of: digits in the low 8 bits, then points, then 4 bits each of
 * minus signs and of `i`, then all else. What ends a number adds nothing.
 */
const POINT_UNIT = 1 << 8;
const MINUS_UNIT = 1 << 16;
const INTEGER_UNIT = 1 << 20;
const WEIGHT = new Int32Array(256).fill(1 << 24);
WEIGHT.fill(1, DIGIT_0, DIGIT_9 + 1);
WEIGHT[DOT] = POINT_UNIT;
WEIGHT[MINUS] = MINUS_UNIT;
WEIGHT[SMALL_I] = INTEGER_UNIT;
for (const byte of [COMMA, SPACE, LF, CR]) WEIGHT[byte] = 0;

/** As many as a sign, 18 digits and an `i` have, so that no part of the sum overflows. */
const NUMBER_BYTES_MAX = 20;
const INTEGER_DIGITS_MAX = 18;
const EXACT_DIGITS = 15;

/**
 * Whether the known name, which is `length` bytes long, and its equals sign stand at `start`. Compared are four bytes at a time,
 * the last four of which may overlap those before.
 */
function isKnownAt(view: DataView, start: number, known: number, length: number): boolean {
  const last = length - 3;
  if (start + length + 4 > view.byteLength) return false;
  const mask = last < 0 ? -1 >>> (-last << 3) : -1;
  if (((view.getInt32(start, true) ^ view.getInt32(known, true)) & mask) !== 0) return false;
  for (let offset = 4; offset <= length; offset += 4) {
    const at = Math.min(offset, last);
    if (view.getInt32(start + at, true) !== view.getInt32(known + at, true)) return false;
  }
  return true;
}

/** @returns where measurement and tags end, which is at a space; -1 to give up */
function readTags(body: Uint8Array, start: number, names: KnownNames, data: Int32Array): number {
  const { view, spans, tagCount } = names;
  let at = start;
  while (ENDS_MEASUREMENT[body[at] as number] === 0) at += 1;
  if (at === start) return -1;
  data[0] = -1;
  data[1] = MEASUREMENT;
  data[2] = TOKEN.text;
  data[3] = start;
  data[4] = at;
  for (let index = 1; index < tagCount; index += 1) {
    const name = at + 1;
    const known = spans[index * 2] as number;
    const length = (spans[index * 2 + 1] as number) - known;
    if (body[at] !== COMMA || !isKnownAt(view, name, known, length)) return -1;
    const from = name + length + 1;
    at = from;
    while (ENDS_VALUE[body[at] as number] === 0) at += 1;
    if (at === from) return -1;
    const token = index * TOKEN_STRIDE;
    data[token] = name;
    data[token + 1] = from - 1;
    data[token + 2] = TOKEN.text;
    data[token + 3] = from;
    data[token + 4] = at;
  }
  return body[at] === SPACE && at - start <= KEY_BYTES_MAX ? at : -1;
}

/** @returns where the fields end; -1 to give up */
function readFields(body: Uint8Array, start: number, end: number, names: KnownNames, data: Int32Array): number {
  const { view, spans, tagCount, count } = names;
  let at = start;
  for (let index = tagCount; index < count; index += 1) {
    const name = at + 1;
    const known = spans[index * 2] as number;
    const length = (spans[index * 2 + 1] as number) - known;
    if (index > tagCount && body[at] !== COMMA) return -1;
    if (!isKnownAt(view, name, known, length)) return -1;
    const from = name + length + 1;
    const token = index * TOKEN_STRIDE;
    data[token] = name;
    data[token + 1] = from - 1;
    data[token + 3] = from;
    const first = body[from] as number;
    if (first === QUOTE) at = readString(body, from + 1, end, data, token);
    else if (first <= DIGIT_9) at = readNumber(body, from, first, data, token);
    else at = readBoolean(body, from, data, token);
    if (at < 0) return -1;
  }
  return at;
}

function readString(body: Uint8Array, start: number, end: number, data: Int32Array, token: number): number {
  let at = start;
  while (at < end && body[at] !== QUOTE && body[at] !== BACKSLASH) at += 1;
  if (at === end || body[at] !== QUOTE) return -1;
  data[token + 2] = TOKEN.text;
  data[token + 3] = start;
  data[token + 4] = at;
  return at + 1;
}

function readNumber(body: Uint8Array, start: number, first: number, data: Int32Array, token: number): number {
  let sum = 0;
  let at = start;
  for (let weight = WEIGHT[first] as number; weight !== 0; weight = WEIGHT[body[at] as number] as number) {
    sum += weight;
    at += 1;
  }
  const signs = first === MINUS ? 1 : 0;
  const digits = sum & 255;
  if (digits === 0 || at - start > NUMBER_BYTES_MAX) return -1;
  const whole = start + signs;
  const unsigned = sum - signs * MINUS_UNIT;
  if (unsigned >= POINT_UNIT * 2) {
    if (unsigned !== INTEGER_UNIT + digits || digits > INTEGER_DIGITS_MAX || body[at - 1] !== SMALL_I)
      return -1;
    data[token + 2] = TOKEN.signed;
    data[token + 4] = at - 1;
    return at;
  }
  if (digits > EXACT_DIGITS || body[whole] === DOT || body[at - 1] === DOT) return -1;
  if (body[whole] === DIGIT_0 && at - whole > 1 && body[whole + 1] !== DOT) return -1;
  data[token + 2] = TOKEN.number;
  data[token + 4] = at;
  return at;
}

/** Only `true` and `false`: the other spellings are rare. */
function readBoolean(body: Uint8Array, start: number, data: Int32Array, token: number): number {
  const isTrue = body[start] === 116 && body[start + 1] === 114 && body[start + 2] === 117;
  const isFalse =
    body[start] === 102 && body[start + 1] === 97 && body[start + 2] === 108 && body[start + 3] === 115;
  const last = isTrue ? start + 3 : start + 4;
  if ((!isTrue && !isFalse) || body[last] !== 101) return -1;
  data[token + 2] = isTrue ? TOKEN.true : TOKEN.false;
  data[token + 4] = last + 1;
  return last + 1;
}

/** A timestamp from 1970 on, alone behind one space. */
function readTime(body: Uint8Array, start: number, end: number, data: Int32Array, token: number): boolean {
  const from = start + 1;
  const digits = end - from;
  const isSmall = digits < 19 || (digits === 19 && (body[from] as number) < DIGIT_9);
  if (body[start] !== SPACE || digits < 1 || !isSmall) return false;
  let at = from;
  while (((body[at] as number) - DIGIT_0) >>> 0 < 10) at += 1;
  data[token] = -1;
  data[token + 1] = TIME;
  data[token + 2] = TOKEN.time;
  data[token + 3] = from;
  data[token + 4] = end;
  return at === end;
}

/**
 * Finds the values of the row in bytes `start` to `end`.
 * @returns false when it gave up: then `tokens` hold nothing of use, and the row may be a point all the same
 */
export function tokenizeKnown(names: KnownNames, start: number, end: number, tokens: Tokens): boolean {
  const { body, count, tagCount } = names;
  const { data } = tokens;
  if (count === 0 || end >= body.length || (count + 1) * TOKEN_STRIDE > data.length) return false;
  if (body[end] !== LF && body[end] !== CR) return false;
  let at = readTags(body, start, names, data);
  if (at < 0 || count === tagCount) return false;
  at = readFields(body, at, end, names, data);
  if (at < 0) return false;
  tokens.count = count;
  if (at === end) return true;
  if (names.hasTime || !readTime(body, at, end, data, count * TOKEN_STRIDE)) return false;
  tokens.count = count + 1;
  return true;
}
