/**
 * The values of one row where they stand in the body: found and checked, but not made. Whoever fills columns reads
 * numbers and text straight from the bytes, and asks for a value only where that is not possible.
 *
 * N1 a row that a tokenizer accepts is one that `Codec.decode` accepts, with the same names and the same values, and the
 * other way round. N2 tokens are reused from row to row: nothing may keep them.
 */

export const TOKEN = {
  /** Text as it stands, valid UTF-8, between its quotes if it has any. */
  text: 1,
  /** Text with escapes of its format, to be had from `value`. */
  escaped: 2,
  /** A number by the grammar of JSON. */
  number: 3,
  true: 4,
  false: 5,
  null: 6,
  /** A JSON array or object, whole and valid. */
  nested: 7,
  /** A cell of csv without quotes: text that may mean anything. */
  cell: 8,
  /** Line protocol: a signed 64-bit integer, without its `i`. */
  signed: 9,
  /** Line protocol: an unsigned 64-bit integer, without its `u`. */
  unsigned: 10,
  /** Line protocol: the timestamp of the point. */
  time: 11,
  /** Line protocol: a float that is not spelled as JSON would (`.5`, `1.`, `007`), or of more than 15 digits. */
  float: 12,
} as const;

/** Numbers per token in `Tokens.data`. */
export const TOKEN_STRIDE = 5;

export class Tokens {
  count = 0;
  /** Per token: start and end of its name, kind, start and end of its value; names of csv are -1 and the cell's place. */
  data = new Int32Array(TOKEN_STRIDE * 64);

  add(keyStart: number, keyEnd: number, kind: number, start: number, end: number): void {
    const at = this.count * TOKEN_STRIDE;
    if (at === this.data.length) this.#grow();
    const { data } = this;
    data[at] = keyStart;
    data[at + 1] = keyEnd;
    data[at + 2] = kind;
    data[at + 3] = start;
    data[at + 4] = end;
    this.count += 1;
  }

  #grow(): void {
    const larger = new Int32Array(this.data.length * 2);
    larger.set(this.data);
    this.data = larger;
  }
}

/** Made for one body. */
export interface Tokenizer {
  /**
   * Finds the values of the row in bytes `start` to `end` of the body, after clearing `tokens`.
   * @returns false when the row is not the format; `Codec.decode` says why
   */
  tokenize(start: number, end: number, tokens: Tokens): boolean;
  /** Name of token `index`. */
  name(tokens: Tokens, index: number): string;
  /** Where names mostly repeat: see `LayoutTokenizer`. */
  readonly layout?: number;
  /** Value of token `index`, exactly as `Codec.decode` would give it. */
  value(tokens: Tokens, index: number): unknown;
}
