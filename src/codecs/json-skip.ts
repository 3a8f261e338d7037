/**
 * Checks JSON in place: each function takes the offset where something starts and gives the offset after it, or -1 when
 * it is not that. Nothing is built and nothing recurses.
 *
 * Accepted is exactly what JSON.parse accepts of valid UTF-8, within two limits: of nesting, because code that writes and
 * keeps values exactly recurses, and of the digits of integers. `end` is never crossed.
 */

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const COLON = 58;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const LETTER_U = 117;

/** Arrays and objects within each other, the row itself included. */
export const LEVELS_MAX = 1_000;
/** Within the object that is the row. */
const MEMBER_LEVELS_MAX = LEVELS_MAX - 1;

/**
 * Digits of an integer: the time to read one as a bigint grows faster than its length. A number with a point or an exponent
 * is a double, and may have any length.
 */
export const INTEGER_DIGITS_MAX = 4_300;

/** What a backslash may stand before, `u` aside: `"\/bfnrt`. */
const IS_ESCAPE = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) IS_ESCAPE[byte] = 1;

const IS_HEX = new Uint8Array(256);
for (const byte of Buffer.from('0123456789abcdefABCDEF')) IS_HEX[byte] = 1;

export function skipSpace(body: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = body[at] as number;
    if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return at;
    at += 1;
  }
  return at;
}

function isTail(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** After the UTF-8 sequence of several bytes at `at`: shortest form only, no surrogates, nothing above U+10FFFF. */
export function skipSequence(body: Uint8Array, at: number, end: number): number {
  const first = body[at] as number;
  const second = at + 1 < end ? (body[at + 1] as number) : 0;
  if (!isTail(second)) return -1;
  if (first >= 0xc2 && first <= 0xdf) return at + 2;
  const third = at + 2 < end ? (body[at + 2] as number) : 0;
  if (!isTail(third)) return -1;
  if (first >= 0xe0 && first <= 0xef) {
    const isShortest = first !== 0xe0 || second >= 0xa0;
    const isCharacter = first !== 0xed || second < 0xa0;
    return isShortest && isCharacter ? at + 3 : -1;
  }
  if (!isTail(at + 3 < end ? (body[at + 3] as number) : 0)) return -1;
  if (first === 0xf0) return second >= 0x90 ? at + 4 : -1;
  if (first === 0xf4) return second < 0x90 ? at + 4 : -1;
  return first > 0xf0 && first < 0xf4 ? at + 4 : -1;
}

/** After the escape whose backslash is at `at`. */
function skipEscape(body: Uint8Array, at: number, end: number): number {
  const letter = at + 1 < end ? (body[at + 1] as number) : 0;
  if (IS_ESCAPE[letter] === 1) return at + 2;
  if (letter !== LETTER_U || at + 6 > end) return -1;
  for (let place = at + 2; place < at + 6; place += 1) {
    if (IS_HEX[body[place] as number] !== 1) return -1;
  }
  return at + 6;
}

/**
 * The offset of the closing quote of the string whose opening quote is just before `from`.
 * A string with escapes gives the bitwise complement of that offset less one (never -1), so that the sign tells.
 */
export function findQuote(body: Uint8Array, from: number, end: number): number {
  let at = from;
  let isPlain = true;
  while (at < end) {
    const byte = body[at] as number;
    if (byte === QUOTE) return isPlain ? at : ~at;
    if (byte < 32) return -1;
    if (byte === BACKSLASH) {
      isPlain = false;
      at = skipEscape(body, at, end);
      if (at < 0) return -1;
    } else if (byte < 128) at += 1;
    else {
      at = skipSequence(body, at, end);
      if (at < 0) return -1;
    }
  }
  return -1;
}

/** After the string whose opening quote is at `at`. */
function skipString(body: Uint8Array, at: number, end: number): number {
  const quote = findQuote(body, at + 1, end);
  if (quote === -1) return -1;
  return (quote < 0 ? ~quote : quote) + 1;
}

function skipDigits(body: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (((body[at] as number) - ZERO) & 0xff) <= 9) at += 1;
  return at;
}

/** After the number at `from`: as long as the grammar goes, so `1.` and `01` end in what cannot follow. */
export function skipNumber(body: Uint8Array, from: number, end: number): number {
  let at = from;
  if (at < end && body[at] === MINUS) at += 1;
  const whole = at;
  at = skipDigits(body, at, end);
  if (at === whole || (at > whole + 1 && body[whole] === ZERO)) return -1;
  const digits = at - whole;
  if (at < end && body[at] === 46) {
    const fraction = at + 1;
    at = skipDigits(body, fraction, end);
    if (at === fraction) return -1;
  }
  if (at < end && ((body[at] as number) | 32) === 101) {
    at += 1;
    if (at < end && (body[at] === 43 || body[at] === MINUS)) at += 1;
    const exponent = at;
    at = skipDigits(body, exponent, end);
    if (at === exponent) return -1;
  }
  return digits > INTEGER_DIGITS_MAX && at === whole + digits ? -1 : at;
}

function isWord(body: Uint8Array, at: number, end: number, word: string): boolean {
  if (at + word.length > end) return false;
  for (let index = 0; index < word.length; index += 1) {
    if (body[at + index] !== word.charCodeAt(index)) return false;
  }
  return true;
}

/** After `true`, `false` or `null`. */
export function skipWord(body: Uint8Array, at: number, end: number): number {
  const byte = body[at];
  if (byte === 116) return isWord(body, at, end, 'true') ? at + 4 : -1;
  if (byte === 102) return isWord(body, at, end, 'false') ? at + 5 : -1;
  return byte === 110 && isWord(body, at, end, 'null') ? at + 4 : -1;
}

/** After the string, number or word at `at`. */
function skipScalar(body: Uint8Array, at: number, end: number): number {
  const byte = body[at] as number;
  if (byte === QUOTE) return skipString(body, at, end);
  return byte === MINUS || (byte >= ZERO && byte <= 57) ? skipNumber(body, at, end) : skipWord(body, at, end);
}

/** After name and colon, where the value starts; the opening quote of the name is expected at `from`. */
function skipName(body: Uint8Array, from: number, end: number): number {
  if (from >= end || body[from] !== QUOTE) return -1;
  const at = skipString(body, from, end);
  if (at < 0) return -1;
  const colon = skipSpace(body, at, end);
  return colon < end && body[colon] === COLON ? skipSpace(body, colon + 1, end) : -1;
}

/** The kinds of the open arrays and objects, innermost last. */
const open = new Uint8Array(LEVELS_MAX);

/** After the closed containers at `from`, with what they leave open in `DEPTH[0]`. */
const DEPTH = new Int32Array(1);

/** After everything that ends with the value before `from`; then comma and name up to the next value, if one follows. */
function skipEnds(body: Uint8Array, from: number, end: number, depthBefore: number): number {
  let at = from;
  let depth = depthBefore;
  while (depth > 0) {
    at = skipSpace(body, at, end);
    if (at >= end) return -1;
    const kind = open[depth - 1];
    const byte = body[at];
    if (byte === COMMA) {
      at = skipSpace(body, at + 1, end);
      DEPTH[0] = depth;
      return kind === OPEN_BRACE ? skipName(body, at, end) : at;
    }
    if (byte !== (kind === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET)) return -1;
    depth -= 1;
    at += 1;
  }
  DEPTH[0] = 0;
  return at;
}

/** After the array or object at `from`, which may have `levelsMax` levels: by default, as those of a member may. */
export function skipNested(
  body: Uint8Array,
  from: number,
  end: number,
  levelsMax: number = MEMBER_LEVELS_MAX,
): number {
  let at = from;
  let depth = 0;
  do {
    if (at >= end) return -1;
    const byte = body[at] as number;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === levelsMax) return -1;
      open[depth] = byte;
      depth += 1;
      at = skipSpace(body, at + 1, end);
      const isEmpty = at < end && body[at] === (byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
      if (!isEmpty) {
        if (byte === OPEN_BRACE) at = skipName(body, at, end);
        if (at < 0) return -1;
        continue;
      }
    } else {
      at = skipScalar(body, at, end);
      if (at < 0) return -1;
    }
    at = skipEnds(body, at, end, depth);
    if (at < 0) return -1;
    depth = DEPTH[0] as number;
  } while (depth > 0);
  return at;
}
