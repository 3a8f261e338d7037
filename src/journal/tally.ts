/** Counts of entries by priority: kept, never computed, so that `depth` costs nothing however much there is. */
import { PRIORITIES, type Priority } from '../core/batch.ts';
import type { JournalDepth, PriorityDepth } from './journal.ts';
import type { PlaceTable } from './place-table.ts';

const NOBODY: readonly undefined[] = PRIORITIES.map(() => undefined);

export class Tally {
  /** By index into PRIORITIES, as the other two. */
  readonly entries = PRIORITIES.map(() => 0);
  readonly rows = PRIORITIES.map(() => 0);
  readonly bytes = PRIORITIES.map(() => 0);
  /** Time of the oldest entry of each priority. */
  readonly oldestMs: (number | undefined)[] = [...NOBODY];
  /** Time of the oldest entry of all. */
  firstMs: number | undefined;
  count = 0;

  add(priority: number, rows: number, bytes: number, receivedAtMs: number): void {
    this.entries[priority] = (this.entries[priority] ?? 0) + 1;
    this.rows[priority] = (this.rows[priority] ?? 0) + rows;
    this.bytes[priority] = (this.bytes[priority] ?? 0) + bytes;
    this.oldestMs[priority] ??= receivedAtMs;
    this.firstMs ??= receivedAtMs;
    this.count += 1;
  }

  /** Adds the counts of another tally, or takes them away; the times stay. */
  merge(other: Tally, sign: 1 | -1): void {
    for (let priority = 0; priority < PRIORITIES.length; priority += 1) {
      this.entries[priority] = (this.entries[priority] ?? 0) + sign * (other.entries[priority] ?? 0);
      this.rows[priority] = (this.rows[priority] ?? 0) + sign * (other.rows[priority] ?? 0);
      this.bytes[priority] = (this.bytes[priority] ?? 0) + sign * (other.bytes[priority] ?? 0);
    }
    this.count += sign * other.count;
  }

  toDepth(): JournalDepth {
    const byPriority = {} as Record<Priority, PriorityDepth>;
    let rows = 0;
    let bytes = 0;
    for (let at = 0; at < PRIORITIES.length; at += 1) {
      const depth = {
        entries: this.entries[at] ?? 0,
        rows: this.rows[at] ?? 0,
        bytes: this.bytes[at] ?? 0,
        oldestMs: this.oldestMs[at],
      };
      rows += depth.rows;
      bytes += depth.bytes;
      byPriority[PRIORITIES[at] as Priority] = depth;
    }
    return { entries: this.count, rows, bytes, oldestMs: this.firstMs, byPriority };
  }
}

/** Counts places from `from` on, without those that were lost. */
export function tallyOf(places: PlaceTable, from: number, lost: ReadonlySet<number> | undefined): Tally {
  const tally = new Tally();
  const { priorities, rowCounts, bodyBytes, receivedAtMs } = places.columns;
  for (let at = from; at < places.count; at += 1) {
    if (lost?.has(places.seqAt(at))) continue;
    tally.add(priorities[at] ?? 0, rowCounts[at] ?? 0, bodyBytes[at] ?? 0, receivedAtMs[at] ?? 0);
  }
  return tally;
}
