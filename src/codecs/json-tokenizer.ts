/** The members of one JSON object where they stand. A row that is no object is one token named `value`. */
import { findQuote, LEVELS_MAX, skipNested, skipNumber, skipSpace, skipWord } from './json-skip.ts';
import { parseExactJson } from './json-text.ts';
import { TOKEN, TOKEN_STRIDE, type Tokenizer, type Tokens } from './tokens.ts';

const QUOTE = 34;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const COLON = 58;
const COMMA = 44;
const NO_NAME = -1;

/** Adds the value at `at` under the name given. @returns the offset after it, or -1 */
export function addValue(
  body: Uint8Array,
  at: number,
  end: number,
  keyStart: number,
  keyEnd: number,
  tokens: Tokens,
  levelsMax?: number,
): number {
  if (at >= end) return -1;
  const byte = body[at] as number;
  if (byte === QUOTE) {
    const quote = findQuote(body, at + 1, end);
    if (quote === -1) return -1;
    const close = quote < 0 ? ~quote : quote;
    tokens.add(keyStart, keyEnd, quote < 0 ? TOKEN.escaped : TOKEN.text, at + 1, close);
    return close + 1;
  }
  if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
    const after = skipNested(body, at, end, levelsMax);
    if (after >= 0) tokens.add(keyStart, keyEnd, TOKEN.nested, at, after);
    return after;
  }
  if (byte === 45 || (byte >= 48 && byte <= 57)) {
    const after = skipNumber(body, at, end);
    if (after >= 0) tokens.add(keyStart, keyEnd, TOKEN.number, at, after);
    return after;
  }
  const after = skipWord(body, at, end);
  if (after < 0) return -1;
  tokens.add(keyStart, keyEnd, byte === 116 ? TOKEN.true : byte === 102 ? TOKEN.false : TOKEN.null, at, after);
  return after;
}

/** Adds the member whose name starts at `from`. @returns the offset after its value, or -1 */
function addMember(body: Uint8Array, from: number, end: number, tokens: Tokens): number {
  if (from >= end || body[from] !== QUOTE) return -1;
  const quote = findQuote(body, from + 1, end);
  if (quote === -1) return -1;
  const colon = skipSpace(body, (quote < 0 ? ~quote : quote) + 1, end);
  if (colon >= end || body[colon] !== COLON) return -1;
  return addValue(body, skipSpace(body, colon + 1, end), end, from + 1, quote, tokens);
}

function addObject(body: Uint8Array, from: number, end: number, tokens: Tokens): number {
  let at = skipSpace(body, from + 1, end);
  if (at < end && body[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    at = addMember(body, at, end, tokens);
    if (at < 0) return -1;
    at = skipSpace(body, at, end);
    if (at >= end) return -1;
    if (body[at] === CLOSE_BRACE) return at + 1;
    if (body[at] !== COMMA) return -1;
    at = skipSpace(body, at + 1, end);
  }
}

/** Names with escapes are told by a negative end: the complement of the offset of their closing quote. */
export function jsonTokenizer(body: Uint8Array): Tokenizer {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const plainText = (start: number, end: number): string =>
    JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string;
  return {
    tokenize(start, end, tokens) {
      tokens.count = 0;
      const from = skipSpace(body, start, end);
      const after =
        from < end && body[from] === OPEN_BRACE
          ? addObject(body, from, end, tokens)
          : addValue(body, from, end, NO_NAME, NO_NAME, tokens, LEVELS_MAX);
      return after >= 0 && skipSpace(body, after, end) === end;
    },
    name(tokens, index) {
      const start = tokens.data[index * TOKEN_STRIDE] as number;
      const end = tokens.data[index * TOKEN_STRIDE + 1] as number;
      if (start === NO_NAME) return 'value';
      return end < 0 ? plainText(start, ~end) : bytes.toString('utf8', start, end);
    },
    value(tokens, index) {
      const kind = tokens.data[index * TOKEN_STRIDE + 2] as number;
      const start = tokens.data[index * TOKEN_STRIDE + 3] as number;
      const end = tokens.data[index * TOKEN_STRIDE + 4] as number;
      switch (kind) {
        case TOKEN.text:
          return bytes.toString('utf8', start, end);
        case TOKEN.escaped:
          return plainText(start, end);
        case TOKEN.true:
          return true;
        case TOKEN.false:
          return false;
        case TOKEN.null:
          return null;
        default:
          return parseExactJson(bytes.toString('utf8', start, end));
      }
    },
  };
}
