/** One telling of the story: the data, the chains it goes through, and the words that belong to this data. */
import type { ChainPlan, Item, PlannedFeed } from './plan.ts';

export interface Script {
  /** Where the data is from. */
  readonly about: string;
  readonly chains: readonly ChainPlan[];
  readonly feeds: readonly PlannedFeed[];
  readonly items: readonly Item[];
  /** What the records of a scene are. */
  readonly words: Readonly<Record<'clean' | 'drift' | 'foreign', string>>;
}

/** Records that the items of each phase carry. */
export function recordsOf(script: Pick<Script, 'feeds' | 'items'>, phase?: Item['phase']): number {
  return script.items
    .filter((item) => phase === undefined || item.phase === phase)
    .reduce((sum, { feed, offset, batches }) => {
      const places = script.feeds.find(({ id }) => id === feed)?.batches ?? [];
      const from = places.findIndex((place) => place.offset === offset);
      return sum + places.slice(from, from + batches).reduce((rows, place) => rows + place.rows, 0);
    }, 0);
}
