/**
 * Which entries of an object are replayed side by side: those that follow each other, up to the first of an ordering key
 * that is among them already. So each key keeps its order, and the sink gets as much at once as it takes.
 */
import type { JournalEntry } from '../journal/journal.ts';

export const WINDOW_ENTRIES_MAX = 64;
const BYTES_MAX = 4 * 1024 * 1024;

/** Entries from `from` on; one at least, if there is one. */
export function windowAt(entries: readonly JournalEntry[], from: number): readonly JournalEntry[] {
  const keys = new Set<string>();
  let bytes = 0;
  let to = from;
  for (; to < Math.min(entries.length, from + WINDOW_ENTRIES_MAX); to += 1) {
    const { orderingKey, body } = entries[to] as JournalEntry;
    bytes += body.length;
    if (to > from && (bytes > BYTES_MAX || (orderingKey !== undefined && keys.has(orderingKey)))) break;
    if (orderingKey !== undefined) keys.add(orderingKey);
  }
  return entries.slice(from, to);
}
