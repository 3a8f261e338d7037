/** Tokens for formats whose records are made as a whole: a token says only which member of which row it is. */
import type { Batch } from '../core/batch.ts';
import { InputError } from '../core/errors.ts';
import { TOKEN_STRIDE, type Tokenizer, type Tokens } from './tokens.ts';

/** No store fills such a token itself. */
const MADE = 0;
const NO_NAME = -1;

/** `tokenize` is told the index of the row instead of offsets. */
export function recordTokenizer(
  batch: Batch,
  decodeRecord: (batch: Batch, row: number) => Readonly<Record<string, unknown>>,
): Tokenizer {
  let row = -1;
  let members: readonly (readonly [string, unknown])[] = [];
  const load = (wanted: number): void => {
    if (wanted === row) return;
    members = Object.entries(decodeRecord(batch, wanted));
    row = wanted;
  };
  const memberOf = (tokens: Tokens, index: number): readonly [string, unknown] => {
    load(tokens.data[index * TOKEN_STRIDE + 3] as number);
    return members[tokens.data[index * TOKEN_STRIDE + 4] as number] ?? ['value', undefined];
  };
  return {
    tokenize(start, _end, tokens) {
      tokens.count = 0;
      try {
        load(start);
      } catch (error) {
        if (error instanceof InputError) return false;
        throw error;
      }
      members.forEach((_, index) => {
        tokens.add(NO_NAME, index, MADE, start, index);
      });
      return true;
    },
    name: (tokens, index) => memberOf(tokens, index)[0],
    value: (tokens, index) => memberOf(tokens, index)[1],
  };
}
