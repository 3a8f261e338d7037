/**
 * Fills typed columns from tokens, as little as it takes to measure the tokenizers: numbers as doubles, 64-bit integers,
 * booleans, and texts as codes of a dictionary. Names are looked up when the layout changes, not per row.
 */
import type { LayoutTokenizer } from '../../src/codecs/layout.ts';
import { TOKEN, TOKEN_STRIDE, type Tokens } from '../../src/codecs/tokens.ts';

const POWERS = Float64Array.from({ length: 23 }, (_, power) => 10 ** power);
const SLOTS = 1 << 14;

/** A number of at most 15 digits, which makes both of its parts exact. */
function readDecimal(body: Uint8Array, start: number, end: number): number {
  const isNegative = body[start] === 45;
  let mantissa = 0;
  let decimals = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at += 1) {
    const byte = body[at] as number;
    if (byte === 46) decimals = end - at - 1;
    else mantissa = mantissa * 10 + (byte - 48);
  }
  const value = decimals === 0 ? mantissa : mantissa / (POWERS[decimals] as number);
  return isNegative ? -value : value;
}

/** Texts by code, in the order of their first occurrence. */
class Dictionary {
  readonly body: Uint8Array;
  readonly slots = new Int32Array(SLOTS).fill(-1);
  readonly starts = new Int32Array(SLOTS);
  readonly ends = new Int32Array(SLOTS);
  size = 0;

  constructor(body: Uint8Array) {
    this.body = body;
  }

  codeOf(start: number, end: number): number {
    const { body, slots } = this;
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (body[at] as number), 0x01000193);
    for (let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const code = slots[slot] as number;
      if (code < 0) return this.#add(slot, start, end);
      if (this.#isSame(code, start, end)) return code;
    }
  }

  #add(slot: number, start: number, end: number): number {
    this.slots[slot] = this.size;
    this.starts[this.size] = start;
    this.ends[this.size] = end;
    this.size += 1;
    return this.size - 1;
  }

  #isSame(code: number, start: number, end: number): boolean {
    const known = this.starts[code] as number;
    if ((this.ends[code] as number) - known !== end - start) return false;
    for (let at = start; at < end; at += 1) if (this.body[at] !== this.body[known + at - start]) return false;
    return true;
  }
}

/** One column; what kind of values it gets, the first of them decides. */
export class Column {
  readonly kind: number;
  readonly doubles: Float64Array;
  readonly words: Int32Array;
  readonly codes: Int32Array;
  readonly dictionary: Dictionary;

  constructor(kind: number, rows: number, body: Uint8Array) {
    const isWide = kind === TOKEN.time || kind === TOKEN.signed;
    this.kind = kind;
    this.doubles = new Float64Array(kind === TOKEN.number ? rows : 0);
    this.words = new Int32Array(isWide ? rows * 2 : 0);
    this.codes = new Int32Array(kind === TOKEN.number || isWide ? 0 : rows);
    this.dictionary = new Dictionary(body);
  }
}

const TWO_32 = 2 ** 32;

/** Two's complement in two words, low one first, of up to 19 digits. */
function putInteger(words: Int32Array, row: number, body: Uint8Array, start: number, end: number): void {
  const from = body[start] === 45 ? start + 1 : start;
  const split = Math.max(from, end - 9);
  let high = 0;
  let low = 0;
  for (let at = from; at < split; at += 1) high = high * 10 + (body[at] as number) - 48;
  for (let at = split; at < end; at += 1) low = low * 10 + (body[at] as number) - 48;
  const upper = Math.floor(high / 65_536) * 1e9;
  const lower = (high % 65_536) * 1e9 + low + (upper % 65_536) * 65_536;
  let lowWord = (lower % TWO_32) | 0;
  let highWord = (Math.floor(lower / TWO_32) + Math.floor(upper / 65_536)) | 0;
  if (from > start) {
    lowWord = -lowWord | 0;
    highWord = (lowWord === 0 ? -highWord : ~highWord) | 0;
  }
  words[row * 2] = lowWord;
  words[row * 2 + 1] = highWord;
}

function put(column: Column, row: number, body: Uint8Array, kind: number, start: number, end: number): void {
  if (kind === TOKEN.number) column.doubles[row] = readDecimal(body, start, end);
  else if (kind === TOKEN.signed || kind === TOKEN.time) putInteger(column.words, row, body, start, end);
  else if (kind === TOKEN.true || kind === TOKEN.false) column.codes[row] = kind === TOKEN.true ? 1 : 0;
  else column.codes[row] = column.dictionary.codeOf(start, end);
}

/** Columns by name, for a body whose rows all have the same kinds of values. */
export class Columns {
  readonly byName = new Map<string, Column>();
  readonly #body: Uint8Array;
  readonly #tokenizer: LayoutTokenizer;
  readonly #rows: number;
  #layout = -1;
  #places: Column[] = [];

  constructor(body: Uint8Array, tokenizer: LayoutTokenizer, rows: number) {
    this.#body = body;
    this.#tokenizer = tokenizer;
    this.#rows = rows;
  }

  fill(tokens: Tokens, row: number): void {
    if (this.#layout !== this.#tokenizer.layout || this.#places.length < tokens.count) this.#lookUp(tokens);
    const { data, count } = tokens;
    const places = this.#places;
    for (let index = 0; index < count; index += 1) {
      const at = index * TOKEN_STRIDE;
      const column = places[index] as Column;
      put(column, row, this.#body, data[at + 2] as number, data[at + 3] as number, data[at + 4] as number);
    }
  }

  #lookUp(tokens: Tokens): void {
    this.#layout = this.#tokenizer.layout;
    this.#places = Array.from({ length: tokens.count }, (_, index) => {
      const name = this.#tokenizer.name(tokens, index);
      const kind = tokens.data[index * TOKEN_STRIDE + 2] as number;
      const column = this.byName.get(name) ?? new Column(kind, this.#rows, this.#body);
      this.byName.set(name, column);
      return column;
    });
  }
}
