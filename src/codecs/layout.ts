/** Tokenizers whose rows mostly have the same names in the same order. */
import type { Tokenizer } from './tokens.ts';

export interface LayoutTokenizer extends Tokenizer {
  /**
   * Changes when the names do: as long as it is the same after two accepted rows, tokens at the same place have the same name,
   * and only a timestamp at the end may be missing from one of them. Whoever has looked the names up once need not again.
   */
  readonly layout: number;
}
