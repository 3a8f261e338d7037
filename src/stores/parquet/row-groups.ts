/** Cuts entries into row groups: what a reader skips or reads as a whole. */
import type { JournalEntry } from '../../journal/journal.ts';

export interface RowGroupLimits {
  /** Bytes of body; one entry may exceed it. */
  readonly bytesMax: number;
  readonly rowsMax: number;
}

/** Runs of entries, in order. */
export function* rowGroups(
  entries: readonly JournalEntry[],
  { bytesMax, rowsMax }: RowGroupLimits,
): Generator<readonly JournalEntry[]> {
  let start = 0;
  let end = 0;
  let bytes = 0;
  for (const { body } of entries) {
    if (end > start && (bytes + body.length > bytesMax || end - start >= rowsMax)) {
      yield entries.slice(start, end);
      start = end;
      bytes = 0;
    }
    bytes += body.length;
    end += 1;
  }
  if (start < end) yield entries.slice(start);
}
