/** Finds the cells of CSV records where they stand, in one pass over their bytes and without allocating. */
import { InputError } from '../core/errors.ts';
import { undouble } from './csv-cells.ts';
import { type Header, QUOTE, readHeader } from './csv-header.ts';
import type { LayoutTokenizer } from './layout.ts';
import { TOKEN, TOKEN_STRIDE, type Tokens } from './tokens.ts';
import { Utf8Check } from './utf8-check.ts';

const NO_HEADER: Header = { names: [], delimiter: 0 };

/** The header, or none when it cannot be read: then no row is a record, and decoding it says why. */
function headerOf(body: Uint8Array): Header {
  try {
    return readHeader(body, { row: 0, offset: 0 });
  } catch (error) {
    if (error instanceof InputError) return NO_HEADER;
    throw error;
  }
}

/** Whether the quote that `scanQuoted` passed last held a doubled quote: a register. */
let hasDoubled = false;

/** @returns the offset of the quote that closes the cell whose text is at `start`; -1 when there is none */
function scanQuoted(body: Uint8Array, start: number, end: number): number {
  hasDoubled = false;
  for (let at = start; at < end; at += 1) {
    if (body[at] === QUOTE) {
      if (at + 1 === end || body[at + 1] !== QUOTE) return at;
      hasDoubled = true;
      at += 1;
    }
  }
  return -1;
}

class CsvTokenizer implements LayoutTokenizer {
  /** The header names the cells of all rows. */
  readonly layout = 1;
  readonly #body: Uint8Array;
  readonly #text: Buffer;
  readonly #utf8: Utf8Check;
  readonly #header: Header;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.#utf8 = new Utf8Check(body);
    this.#header = headerOf(body);
  }

  tokenize(start: number, end: number, tokens: Tokens): boolean {
    const body = this.#body;
    const { delimiter, names } = this.#header;
    const count = names.length;
    tokens.count = 0;
    let at = start;
    for (let place = 0; place < count; place += 1) {
      if (at < end && body[at] === QUOTE) {
        const close = scanQuoted(body, at + 1, end);
        if (close < 0) return false;
        tokens.add(-1, place, hasDoubled ? TOKEN.escaped : TOKEN.text, at + 1, close);
        at = close + 1;
      } else {
        const from = at;
        while (at < end && body[at] !== delimiter) at += 1;
        tokens.add(-1, place, at === from ? TOKEN.null : TOKEN.cell, from, at);
      }
      if (at === end) return place + 1 === count && this.#utf8.isValid(start, end);
      if (body[at] !== delimiter) return false;
      at += 1;
    }
    return false;
  }

  name(tokens: Tokens, index: number): string {
    return this.#header.names[tokens.data[index * TOKEN_STRIDE + 1] as number] ?? '';
  }

  value(tokens: Tokens, index: number): unknown {
    const at = index * TOKEN_STRIDE;
    const kind = tokens.data[at + 2];
    if (kind === TOKEN.null) return null;
    const text = this.#text.toString('utf8', tokens.data[at + 3], tokens.data[at + 4]);
    return kind === TOKEN.escaped ? undouble(text) : text;
  }
}

/** A tokenizer of the records of a body, which starts with its header. */
export function csvTokenizer(body: Uint8Array): LayoutTokenizer {
  return new CsvTokenizer(body);
}
