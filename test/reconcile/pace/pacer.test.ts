import { describe, expect, it } from 'vitest';
import type { LiveCounts } from '../../../src/reconcile/pace/live-load.ts';
import { Pacer, type PacerOptions, type Turn } from '../../../src/reconcile/pace/pacer.ts';
import { checkPace, type PaceSettings } from '../../../src/reconcile/pace/settings.ts';
import { Subset, sixteenthOf } from '../../../src/reconcile/pace/subset.ts';
import type { Answer } from '../../../src/reconcile/pace/verdict.ts';

const ROWS = 100;

class Rig {
  nowMs = 0;
  readonly told: string[] = [];
  readonly pacer: Pacer;

  constructor(settings: PaceSettings = {}, hooks: Partial<PacerOptions> = {}) {
    this.pacer = new Pacer({
      pacing: checkPace(settings),
      random: () => 0.5,
      listener: {
        paused: (reason, delayMs) => this.told.push(`paused ${reason} ${delayMs}`),
        resumed: (pausedMs) => this.told.push(`resumed ${pausedMs}`),
      },
      ...hooks,
    });
  }

  /** Sends as soon as it may. */
  send(key = 'k'): Turn {
    for (;;) {
      const offer = this.pacer.offer(key, ROWS, this.nowMs);
      if (offer.state === 'go') return offer.turn;
      const waitMs = offer.state === 'away' ? offer.retryAfterMs : offer.untilMs - this.nowMs;
      if (!Number.isFinite(waitMs)) throw new Error('waits for an answer');
      this.nowMs += waitMs;
    }
  }

  answer(turn: Turn, latencyMs = 10, { reason, retryAfterMs = 0 }: Partial<Answer> = {}): void {
    this.nowMs += latencyMs;
    const landed = reason === undefined ? turn.rows : 0;
    this.pacer.answered(turn, { reason, retryAfterMs, landed, isPlain: true }, this.nowMs);
  }

  drain(entries: number, latencyMs = 10): void {
    for (let n = 0; n < entries; n += 1) this.answer(this.send(), latencyMs);
  }
}

describe('the rate of a pacer', () => {
  it('is out of the way within a second of good answers', () => {
    const rig = new Rig();
    rig.drain(60);
    expect(rig.nowMs).toBeLessThan(1_000);
    expect(rig.pacer.rowsPerSecond(rig.nowMs)).toBeGreaterThan((ROWS * 1_000) / 10);
  });

  it.each(['throttled', 'ambiguous', 'over-budget', 'crashed'])(
    'falls below what had landed at %s',
    (reason) => {
      const rig = new Rig();
      rig.drain(300);
      rig.answer(rig.send(), 10, { reason });
      expect(rig.pacer.rowsPerSecond(rig.nowMs)).toBeLessThan(10_000 * 0.75);
      expect(rig.pacer.isPaused).toBe(false);
    },
  );

  it('falls once for all that was out together (A3)', () => {
    const rig = new Rig({ rowsPerSecondStart: 1e6 });
    const out = [rig.send(), rig.send(), rig.send(), rig.send()];
    for (const turn of out) rig.answer(turn, 0.1, { reason: 'throttled' });
    expect(rig.pacer.rowsPerSecond(rig.nowMs)).toBeCloseTo(700_000);
  });

  it('never grows by rows that it had not held back (C2)', () => {
    const rig = new Rig({ rowsPerSecondStart: 1e6 });
    rig.drain(100);
    expect(rig.pacer.rowsPerSecond(rig.nowMs)).toBeLessThan(1e6 * 1.05);
  });

  it('leaves half of the capacity to live traffic, and all of it comes back (A4)', () => {
    const live = { accepted: 0, delivered: 0, degraded: 0, inFlight: 0 };
    const read = (): LiveCounts => ({ ...live });
    const rig = new Rig({ rowsPerSecondStart: 8_000, rowsPerSecondMax: 8_000 }, { live: read });
    expect(rig.pacer.rowsPerSecond(0)).toBe(8_000);
    for (let n = 1; n <= 100; n += 1) {
      live.accepted += 100;
      live.delivered += 100;
      rig.nowMs = n * 100;
      rig.pacer.rowsPerSecond(rig.nowMs);
    }
    expect(rig.pacer.rowsPerSecond(rig.nowMs)).toBe(4_000);
    for (let n = 1; n <= 100; n += 1) {
      live.accepted += 700;
      live.delivered += 700;
      rig.nowMs += 100;
      rig.pacer.rowsPerSecond(rig.nowMs);
    }
    expect(rig.pacer.rowsPerSecond(rig.nowMs)).toBeCloseTo(1_000, -1);
    expect(rig.pacer.rowsPerSecond(rig.nowMs + 3_000)).toBe(8_000);
  });
});

describe('the window of a pacer', () => {
  it('shrinks when answers stay far slower than the quickest', () => {
    const rig = new Rig({ rowsPerSecondStart: 1e9 });
    rig.drain(20, 10);
    for (let n = 0; n < 6; n += 1) rig.answer(rig.send(), 400);
    rig.send();
    expect(rig.pacer.offer('k', ROWS, rig.nowMs)).toEqual({ state: 'wait', untilMs: Number.POSITIVE_INFINITY });
  });

  it('takes one stall for nothing', () => {
    const rig = new Rig({ rowsPerSecondStart: 1e9 });
    rig.drain(20, 10);
    rig.answer(rig.send(), 900);
    for (let n = 0; n < 4; n += 1) rig.send();
    expect(rig.pacer.inFlight).toBe(4);
  });
});

describe('the gate of a pacer', () => {
  it.each(['unavailable', 'circuit-open', 'unauthorised', 'missing-target', 'partitioned'])(
    'sends nothing after %s, then one entry, then a subset that grows',
    (reason) => {
      const rig = new Rig();
      rig.answer(rig.send(), 10, { reason });
      expect(rig.told).toEqual([`paused ${reason} 750`]);
      expect(rig.pacer.jobsMax(rig.nowMs)).toBe(0);
      expect(rig.pacer.offer('k', ROWS, rig.nowMs)).toMatchObject({ state: 'away', reason, retryAfterMs: 750 });
      rig.nowMs += 750;
      expect(rig.pacer.jobsMax(rig.nowMs)).toBe(2);
      expect(rig.pacer.offer('k', ROWS, rig.nowMs)).toEqual({ state: 'wait', untilMs: rig.nowMs + 500 });
      const probe = rig.send('other');
      expect(rig.pacer.offer('third', ROWS, rig.nowMs).state).toBe('wait');
      rig.answer(probe);
      expect(rig.told.at(-1)).toBe('resumed 760');
      expect(rig.pacer.sixteenths).toBe(1);
      const grown = [1];
      while (rig.pacer.sixteenths < 16) {
        rig.nowMs += 250;
        rig.pacer.jobsMax(rig.nowMs);
        grown.push(rig.pacer.sixteenths);
      }
      expect(grown).toEqual(Array.from({ length: 16 }, (_, n) => n + 1));
    },
  );

  it('pauses longer with each failed probe, up to the longest', () => {
    const rig = new Rig({ pauseMs: 100, pauseMaxMs: 500 });
    const pauses: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const beforeMs = rig.nowMs;
      const turn = rig.send(`k${n}`);
      pauses.push(turn.sentMs - beforeMs);
      rig.answer(turn, 10, { reason: 'unavailable' });
    }
    expect(pauses).toEqual([0, 75, 150, 300, 375, 375]);
    expect(rig.told).toHaveLength(1);
  });

  it('keeps a Retry-After to the end (A5)', () => {
    const rig = new Rig();
    rig.answer(rig.send(), 10, { reason: 'throttled', retryAfterMs: 1_500 });
    expect(rig.pacer.offer('k', ROWS, rig.nowMs)).toEqual({ state: 'wait', untilMs: rig.nowMs + 1_500 });
    const later = new Rig();
    later.answer(later.send(), 10, { reason: 'throttled', retryAfterMs: 45_000 });
    expect(later.pacer.offer('k', ROWS, later.nowMs)).toMatchObject({ state: 'away', retryAfterMs: 45_000 });
  });

  it('asks a partitioned sink with one entry every 10 to 30 s, until it is whole (A2)', () => {
    let isPartitioned = true;
    const rig = new Rig({}, { isPartitioned: () => isPartitioned });
    const sentMs: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const turn = rig.send(`k${n}`);
      sentMs.push(turn.sentMs);
      rig.answer(turn, 10, n % 2 === 0 ? {} : { reason: 'unavailable' });
    }
    for (const [n, atMs] of sentMs.entries()) {
      const gapMs = atMs - (sentMs[n - 1] ?? 0);
      expect(gapMs).toBeGreaterThanOrEqual(10_000);
      expect(gapMs).toBeLessThanOrEqual(30_010);
    }
    isPartitioned = false;
    expect(rig.pacer.jobsMax(rig.nowMs)).toBe(2);
    rig.answer(rig.send());
    expect(rig.pacer.sixteenths).toBe(1);
  });

  it('takes unavailable for a strain where others land, and for an outage where nobody does', () => {
    const rig = new Rig();
    rig.drain(50);
    rig.answer(rig.send('odd'), 10, { reason: 'unavailable' });
    expect(rig.pacer.isPaused).toBe(false);
    rig.nowMs += 1_500;
    rig.answer(rig.send('odd'), 10, { reason: 'unavailable' });
    expect(rig.pacer.isPaused).toBe(true);
  });

  it('learns from a circuit that opened elsewhere', () => {
    const rig = new Rig();
    rig.drain(5);
    rig.pacer.troubled('unavailable', true, 4_000, rig.nowMs);
    expect(rig.pacer.offer('k', ROWS, rig.nowMs)).toMatchObject({ state: 'away', retryAfterMs: 4_000 });
  });
});

describe('the subset of keys', () => {
  const keys = Array.from({ length: 4_000 }, (_, n) => `sensor-${n}`);

  it('is the same for everybody, spread evenly, and part of every larger one (S1)', () => {
    const counts = new Array(16).fill(0);
    for (const key of keys) counts[sixteenthOf(key)] += 1;
    for (const count of counts) expect(Math.abs(count - 250)).toBeLessThan(80);
    expect(['a', 'b', 'sensor-17'].map(sixteenthOf)).toEqual(['a', 'b', 'sensor-17'].map(sixteenthOf));
    const subset = new Subset(0);
    let before = keys.filter((key) => subset.has(key));
    for (let step = 1; step < 16; step += 1) {
      subset.landed();
      subset.advance(step * 250, 0);
      const now = keys.filter((key) => subset.has(key));
      expect(now.length).toBeGreaterThan(before.length);
      expect(before.every((key) => subset.has(key))).toBe(true);
      before = now;
    }
    expect(before).toEqual(keys);
  });

  it('waits for the answer to what was sent, and does not grow when that was bad (S2)', () => {
    const subset = new Subset(0);
    subset.sent();
    subset.advance(250, 1);
    subset.advance(500, 1);
    expect(subset.sixteenths).toBe(1);
    subset.advance(750, 0);
    expect(subset.sixteenths).toBe(2);
  });
});
