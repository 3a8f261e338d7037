import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Priority } from '../../src/core/batch.ts';
import { BackpressureError, ConfigError } from '../../src/core/errors.ts';
import type { Events } from '../../src/core/events.ts';
import { controlFlow, type FlowControlOptions } from '../../src/journal/flow-control.ts';
import type { Journal, JournalDepth, RawEntry } from '../../src/journal/journal.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { RecordedMetrics } from '../chain/recorded-metrics.ts';

/** Bytes, rows and ages that a real journal would have, without the disk. Appends wait while it is held. */
class Shelf implements Pick<Journal, 'append' | 'checkpoint' | 'depth'> {
  readonly entries: RawEntry[] = [];
  isHeld = false;
  #waiting: (() => void)[] = [];

  async append(entry: RawEntry): Promise<number> {
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.entries.push(entry) - 1;
  }

  release(): void {
    this.isHeld = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Takes the oldest `count` away, as a store that owns them lets a journal do. */
  async checkpoint(count: number): Promise<void> {
    this.entries.splice(0, count);
  }

  get depth(): JournalDepth {
    const none = { entries: 0, rows: 0, bytes: 0, oldestMs: undefined };
    return {
      byPriority: { critical: none, normal: none, low: none },
      entries: this.entries.length,
      rows: this.entries.reduce((sum, { rowCount }) => sum + rowCount, 0),
      bytes: this.entries.reduce((sum, { body }) => sum + body.length, 0),
      oldestMs: this.entries[0]?.receivedAtMs,
    };
  }
}

function rig(options: Partial<FlowControlOptions> = {}) {
  const shelf = new Shelf();
  const clock = new ManualClock();
  const metrics = new RecordedMetrics();
  const levels: string[] = [];
  let hurried = 0;
  const journal = controlFlow(shelf as unknown as Journal, {
    chain: 'c',
    clock,
    random: () => 0,
    metrics,
    emit: (name, event) => {
      if (name === 'journalPressed') levels.push((event as Events['journalPressed']).level);
    },
    hurry: () => {
      hurried += 1;
    },
    bytesMax: 1000,
    rowsMax: 1000,
    ...options,
  });
  const entryOf = (bytes: number, priority: Priority, rowCount: number): RawEntry =>
    ({ body: new Uint8Array(bytes), priority, rowCount, receivedAtMs: clock.wallNow() }) as unknown as RawEntry;
  const append = (bytes: number, priority: Priority = 'normal', rowCount = 1): Promise<number> =>
    journal.append(entryOf(bytes, priority, rowCount));
  return { shelf, journal, clock, metrics, levels, append, hurried: () => hurried };
}

describe('watermarks of a journal', () => {
  it('take low records up to 80 %, normal ones up to 90 %, critical ones up to all of it', async () => {
    const { append, metrics, levels } = rig();
    await append(800);
    await expect(append(1, 'low', 7)).rejects.toBeInstanceOf(BackpressureError);
    await append(100);
    await expect(append(1, 'normal', 3)).rejects.toThrow(/at 90 % .* normal records are taken up to 90 %/);
    await append(99, 'critical');
    await append(1, 'critical');
    await expect(append(1, 'critical')).rejects.toBeInstanceOf(BackpressureError);
    expect(levels).toEqual(['no-low', 'no-normal', 'full']);
    const refused = (priority: string) => metrics.total('journal_refused_rows_total', { priority });
    expect([refused('low'), refused('normal'), refused('critical')]).toEqual([7, 3, 1]);
    expect(metrics.read('journal_fill_ratio')).toEqual([1]);
  });

  it.each([
    ['rows', { rowsMax: 10, bytesMax: 1e9 }],
    ['bytes', { rowsMax: 1e9, bytesMax: 10 }],
  ])('hold for %s alone', async (_, limits) => {
    const { append } = rig(limits);
    for (let n = 0; n < 9; n += 1) await append(1, 'normal', 1);
    await expect(append(1)).rejects.toBeInstanceOf(BackpressureError);
  });

  it('hold for the age of the oldest entry where that is asked for', async () => {
    const { append, clock } = rig({ ageMsMax: 60_000 });
    await append(1);
    await clock.advance(50_000);
    await expect(append(1, 'low')).rejects.toBeInstanceOf(BackpressureError);
    await append(1, 'normal');
    await clock.advance(10_000);
    await expect(append(1, 'critical')).rejects.toBeInstanceOf(BackpressureError);
  });

  it('count what is on its way to the medium', async () => {
    const { append, shelf } = rig();
    shelf.isHeld = true;
    const first = append(900);
    await expect(append(1)).rejects.toBeInstanceOf(BackpressureError);
    shelf.release();
    await first;
  });

  it('count nothing twice where the journal counts what is not acknowledged by itself', async () => {
    const { append, shelf } = rig({ countsOpen: true });
    shelf.isHeld = true;
    const waiting = append(950);
    // Held here, and so in the depth of no journal: nobody counts it.
    const next = append(1, 'low');
    shelf.release();
    expect([await waiting, await next]).toEqual([0, 1]);
    await expect(append(1)).rejects.toBeInstanceOf(BackpressureError);
  });

  it('forget what could not be stored', async () => {
    const { append, shelf } = rig();
    const { append: kept } = shelf;
    shelf.append = async () => {
      throw new Error('the disk is gone');
    };
    for (let n = 0; n < 5; n += 1) await expect(append(300)).rejects.toThrow('the disk is gone');
    shelf.append = kept;
    expect(await append(1, 'low')).toBe(0);
  });

  it('hurry the packing from one half on, and tell when the pressure is gone', async () => {
    const { append, hurried, journal, levels } = rig();
    await append(499);
    await append(1);
    expect(hurried()).toBe(0);
    await append(1);
    expect(hurried()).toBe(1);
    await journal.checkpoint(3);
    expect(levels).toEqual(['hurried', 'calm']);
  });

  it('ask to come again when the measured drain will have made room', async () => {
    const { append, journal, clock } = rig();
    const refusal = async () => (await append(1).catch((error: unknown) => error)) as BackpressureError;
    for (let n = 0; n < 9; n += 1) await append(100);
    expect((await refusal()).retryAfterMs).toBe(5_000);
    await clock.advance(10_000);
    await journal.checkpoint(1);
    await append(100);
    // A tenth of the watermark in 10 s; half of that has to go.
    expect((await refusal()).retryAfterMs).toBe(5_000);
    await clock.advance(100);
    await journal.checkpoint(2);
    await append(200);
    expect((await refusal()).retryAfterMs).toBe(1_000);
  });

  it('spread those who come again over a fifth of the time, and never later than in 72 s', async () => {
    for (const [chance, retryAfterMs] of [
      [0, 5_000],
      [0.5, 5_500],
      [1, 6_000],
    ] as const) {
      const { append } = rig({ random: () => chance });
      await append(950);
      await expect(append(1)).rejects.toMatchObject({ retryAfterMs });
    }
    const { append, journal, clock } = rig({ random: () => 1 });
    await append(1);
    await append(950);
    await clock.advance(1e9);
    await journal.checkpoint(1);
    await expect(append(1)).rejects.toMatchObject({ retryAfterMs: 72_000 });
  });

  it('refuse marks that mean nothing', () => {
    for (const bytesMax of [0, -1, Number.NaN]) expect(() => rig({ bytesMax })).toThrow(ConfigError);
  });

  it('are passed by one entry at most, and refuse nobody below them', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        bytes: fc.integer({ min: 1, max: 300 }),
        priority: fc.constantFrom<Priority>('low', 'normal', 'critical'),
      }),
      fc.record({ kind: fc.constant('drain' as const), count: fc.integer({ min: 1, max: 4 }) }),
    );
    const parts = { low: 0.8, normal: 0.9, critical: 1 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { append, journal, shelf } = rig();
        for (const one of steps) {
          if (one.kind === 'drain') {
            await journal.checkpoint(one.count);
            continue;
          }
          const before = shelf.depth.bytes;
          const isTaken = await append(one.bytes, one.priority).then(
            () => true,
            () => false,
          );
          expect(isTaken).toBe(before < 1000 * parts[one.priority]);
          expect(shelf.depth.bytes).toBeLessThan(1000 + 300);
        }
      }),
      { numRuns: 300 },
    );
  });
});
