/** What a change of a schema means for data that was written for the old one. */

/**
 * `compatible`: whatever conformed still does. `coercible`: what does not is taken under the rules of coercion, with
 * every change written down. `breaking`: some of it is refused.
 */
export const COMPATIBILITIES = ['compatible', 'coercible', 'breaking'] as const;
export type Compatibility = (typeof COMPATIBILITIES)[number];

/** A judgement with its reason; the reason of `compatible` is empty where nothing needs saying. */
export interface Verdict {
  readonly compatibility: Compatibility;
  readonly why: string;
}

export const COMPATIBLE: Verdict = { compatibility: 'compatible', why: '' };

export function compatible(why: string): Verdict {
  return { compatibility: 'compatible', why };
}

export function coercible(why: string): Verdict {
  return { compatibility: 'coercible', why };
}

export function breaking(why: string): Verdict {
  return { compatibility: 'breaking', why };
}

/** The worst of some; `compatible` of none. */
export function worstOf(all: Iterable<Compatibility>): Compatibility {
  let worst = 0;
  for (const each of all) worst = Math.max(worst, COMPATIBILITIES.indexOf(each));
  return COMPATIBILITIES[worst] ?? 'breaking';
}
