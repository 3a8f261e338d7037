/**
 * How many of those who wait make one group.
 *
 * All of them, where a sync takes long: each sync then acknowledges as many as there are. Where the sync is quicker than
 * the work between two of them, half of them: one half is encoded and written while the other half is synced, so
 * that neither the disk nor this thread waits for the other.
 */
import type { Clock } from '../core/clock.ts';

/** Fewer than these are not worth a sync of their own. */
const HALF_MIN = 32;
/** Weight of the newest measurement. */
const WEIGHT = 0.1;

function follow(mean: number, value: number): number {
  return mean === 0 ? value : mean + WEIGHT * (value - mean);
}

export class GroupPace {
  readonly #clock: Clock;
  #syncMs = 0;
  #workMsPerEntry = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  /** The work between two syncs, for so many entries, began at `startedMs`, and just ended. */
  worked(startedMs: number, entries: number): void {
    this.#workMsPerEntry = follow(this.#workMsPerEntry, (this.now() - startedMs) / entries);
  }

  synced(startedMs: number): void {
    this.#syncMs = follow(this.#syncMs, this.now() - startedMs);
  }

  /** Entries of the next group at most. @param outstanding entries that wait or are being synced */
  entriesMax(outstanding: number): number {
    const half = Math.ceil(outstanding / 2);
    const isQuick = this.#syncMs < this.#workMsPerEntry * outstanding;
    return isQuick && half >= HALF_MIN ? half : Number.POSITIVE_INFINITY;
  }
}
