/** `" Ok"` becomes the declared word `ok`: the same but for case, spaces round it and composition, and only one such. */
import { type Conversion, converted } from '../reader.ts';
import type { Rule } from './rule.ts';

export function foldWord(text: string): string {
  return text.trim().normalize('NFC').toLowerCase();
}

/** Declared words by what is left of them when they are folded; those that then coincide are none. */
export function foldWords(words: readonly string[]): ReadonlyMap<string, string | undefined> {
  const folded = new Map<string, string | undefined>();
  for (const word of words) folded.set(foldWord(word), folded.has(foldWord(word)) ? undefined : word);
  return folded;
}

export function wordFromText(
  text: string,
  folded: ReadonlyMap<string, string | undefined>,
): Conversion | undefined {
  const word = folded.get(foldWord(text));
  return word === undefined ? undefined : converted(word, 'word-from-text', false);
}

export const wordFromTextRule: Rule = { loss: 'case and spaces' };
