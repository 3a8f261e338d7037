import { describe, expect, it } from 'vitest';
import { watchBacklog } from '../../src/assembly/watch-backlog.ts';
import type { JournalDepth, PriorityDepth } from '../../src/journal/journal.ts';
import type { QueueDepth } from '../../src/reconcile/queue.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

interface Scene {
  readonly clock: ManualClock;
  queue: QueueDepth;
  readonly journal: { depth: JournalDepth };
  quarantined: { reason: string; held: number }[];
  watch(withJournal: boolean): () => void;
  /** The value of a series, or undefined when there is none. */
  read(series: string): number | undefined;
}

const NONE: PriorityDepth = { entries: 0, rows: 0, bytes: 0, oldestMs: undefined };
const EMPTY: JournalDepth = { ...NONE, byPriority: { critical: NONE, normal: NONE, low: NONE } };

function scene(): Scene {
  const clock = new ManualClock({ wallMs: 1_000_000 });
  const metrics = createMetrics('c');
  const made: Scene = {
    clock,
    queue: { waiting: 0, active: 0, postponed: 0, rows: 0 },
    journal: { depth: EMPTY },
    quarantined: [],
    watch: (withJournal) =>
      watchBacklog({
        chain: 'c',
        backlog: {
          queue: { depth: async () => made.queue },
          quarantine: {
            counts: async () => made.quarantined.map((one) => ({ ...one, released: 0, discarded: 0 })),
          },
        },
        metrics,
        clock,
        ...(withJournal ? { journal: made.journal } : {}),
      }),
    read: (series) => {
      const line = metrics
        .render()
        .split('\n')
        .find((text) => text.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
  };
  return made;
}

const LAG = 'replay_lag_seconds{chain="c"}';

describe('the gauges of a backlog', () => {
  it('say how old the oldest deferred row is, wherever it waits', async () => {
    const made = scene();
    const stop = made.watch(true);
    await made.clock.advance(0);
    expect(made.read(LAG)).toBe(0);
    made.journal.depth = { ...EMPTY, entries: 1, oldestMs: 990_000 };
    expect(made.read(LAG)).toBe(10);
    made.queue = { waiting: 0, active: 0, postponed: 1, rows: 5, oldestMs: 940_000 };
    await made.clock.advance(1_000);
    expect(made.read(LAG)).toBe(61);
    made.journal.depth = { ...EMPTY, entries: 1, oldestMs: 900_000 };
    expect(made.read(LAG)).toBe(101);
    made.journal.depth = EMPTY;
    made.queue = { waiting: 0, active: 0, postponed: 0, rows: 0 };
    await made.clock.advance(1_000);
    expect(made.read(LAG)).toBe(0);
    stop();
  });

  it('grow between two counts, and are never negative when the wall clock is set back', async () => {
    const made = scene();
    made.queue = { waiting: 1, active: 0, postponed: 0, rows: 5, oldestMs: 1_000_000 };
    const stop = made.watch(true);
    await made.clock.advance(500);
    expect(made.read(LAG)).toBe(0.5);
    made.clock.stepWall(-60_000);
    expect(made.read(LAG)).toBe(0);
    stop();
  });

  it('are those of queue and quarantine alone where the journal belongs to another process', async () => {
    const made = scene();
    made.queue = { waiting: 1, active: 1, postponed: 1, rows: 5, oldestMs: 999_000 };
    made.quarantined = [{ reason: 'refused', held: 7 }];
    const stop = made.watch(false);
    await made.clock.advance(0);
    expect(made.read(LAG)).toBe(1);
    expect(made.read('deferred_reconciliation_queue_depth{chain="c"}')).toBe(3);
    expect(made.read('quarantine_rows{chain="c",reason="refused"}')).toBe(7);
    expect(made.read('journal_depth_rows{chain="c"}')).toBeUndefined();
    stop();
  });

  it('are no longer counted once watching has stopped', async () => {
    const made = scene();
    const stop = made.watch(true);
    await made.clock.advance(0);
    stop();
    expect(made.clock.pending).toBe(0);
  });
});
