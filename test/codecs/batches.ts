import { expect } from 'vitest';
import { decodeRow, framer } from '../../src/codecs/codecs.ts';
import type { LayoutTokenizer } from '../../src/codecs/layout.ts';
import { TOKEN, TOKEN_STRIDE, type Tokenizer, Tokens } from '../../src/codecs/tokens.ts';
import { Batch, type Format } from '../../src/core/batch.ts';
import { InputError } from '../../src/core/errors.ts';

export function batchOf(body: Uint8Array | string, format: Format): Batch {
  return new Batch({ body, format }, 'test', framer, 0);
}

/** The rows of a body as text. */
export function rowsOf(body: Uint8Array | string, format: Format): string[] {
  const { frame } = batchOf(body, format);
  return Array.from({ length: frame.rowCount }, (_, row) => Buffer.from(frame.row(row)).toString());
}

/** The error that a row fails with. */
export function faultOf(run: () => unknown): InputError {
  try {
    run();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('decoded');
}

type Cells = readonly (readonly [name: string, value: unknown])[];

function decoded(batch: Batch, row: number): Cells | undefined {
  try {
    return Object.entries(decodeRow(batch, row) as object);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return undefined;
  }
}

/** Names and values by tokens; integer-like names first, as an object has them. */
function tokenized(tokenizer: Tokenizer, tokens: Tokens, start: number, end: number): Cells | undefined {
  if (!tokenizer.tokenize(start, end, tokens)) return undefined;
  const record: Record<string, unknown> = Object.create(null);
  for (let index = 0; index < tokens.count; index += 1) {
    record[tokenizer.name(tokens, index)] = tokenizer.value(tokens, index);
  }
  expect(Object.keys(record)).toHaveLength(tokens.count);
  return Object.entries(record);
}

const INTEGER = /^-?[0-9]+$/;

/** How the span of a token may be spelled, by kind. */
const SPELLINGS: Readonly<Record<number, RegExp>> = {
  [TOKEN.number]: /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/,
  [TOKEN.signed]: INTEGER,
  [TOKEN.unsigned]: INTEGER,
  [TOKEN.time]: INTEGER,
};

function expectSpelled(body: Uint8Array, tokens: Tokens): void {
  for (let index = 0; index < tokens.count; index += 1) {
    const [, , kind = 0, start, end] = tokens.data.subarray(index * TOKEN_STRIDE);
    const spelling = SPELLINGS[kind];
    if (!spelling) continue;
    const text = Buffer.from(body).toString('latin1', start, end);
    expect(text).toMatch(spelling);
    if (kind === TOKEN.number) expect(text.replace(/[eE].*|[^0-9]/g, '').length).toBeLessThanOrEqual(15);
  }
}

/**
 * Expects a tokenizer to accept the rows of a body that decode, with the same names and values (N1), whatever rows it saw
 * before, and a layout to stand for the same names. @returns how many rows were accepted
 */
export function expectTokensAsDecoded(
  body: Uint8Array,
  format: Format,
  tokenizerOf: (body: Uint8Array) => LayoutTokenizer,
): number {
  const batch = batchOf(body, format);
  const tokenizer = tokenizerOf(batch.body);
  const tokens = new Tokens();
  const layouts = new Map<number, string[]>();
  let accepted = 0;
  for (let row = 0; row < batch.rowCount; row += 1) {
    const bytes = batch.frame.row(row);
    const start = bytes.byteOffset - batch.body.byteOffset;
    const expected = decoded(batch, row);
    expect(tokenized(tokenizer, tokens, start, start + bytes.length)).toEqual(expected);
    if (!expected) continue;
    accepted += 1;
    expectSpelled(batch.body, tokens);
    const names = Array.from({ length: tokens.count }, (_, index) => tokenizer.name(tokens, index));
    const known = layouts.get(tokenizer.layout) ?? names;
    const [shorter, longer] = known.length < names.length ? [known, names] : [names, known];
    expect(longer.slice(0, shorter.length)).toEqual(shorter);
    layouts.set(tokenizer.layout, longer);
  }
  return accepted;
}
