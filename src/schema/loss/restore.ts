/** Old values computed back from new cells. */
import type { Change } from '../change.ts';
import { RULES } from '../rules/rules.ts';

/**
 * The old value of a lossless change, from its kind and its new cell alone; absent values come back as `undefined`.
 * Numbers are a bigint where a double would not be exact, and a cell that conformed under another name comes back as
 * the cell.
 * @returns undefined when the change is not lossless
 */
export function restore({
  kind,
  lossless,
  after,
}: Pick<Change, 'kind' | 'lossless' | 'after'>): { readonly value: unknown } | undefined {
  const { restore: inverse } = RULES[kind];
  return lossless && inverse && after !== undefined ? { value: inverse(after) } : undefined;
}
