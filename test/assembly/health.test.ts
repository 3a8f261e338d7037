import { beforeEach, describe, expect, it } from 'vitest';
import { pipelineHealth } from '../../src/assembly/health.ts';
import { StorageError } from '../../src/core/errors.ts';
import { EventBus } from '../../src/core/events.ts';
import type { QueueDepth } from '../../src/reconcile/queue.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const MINUTE = 60_000;
const EMPTY: QueueDepth = { waiting: 0, active: 0, postponed: 0, rows: 0 };

let clock: ManualClock;
let bus: EventBus;
let worker: { movedMs: number };
let depth: () => Promise<QueueDepth>;
let head: () => Promise<undefined>;
beforeEach(() => {
  clock = new ManualClock();
  bus = new EventBus();
  worker = { movedMs: 0 };
  depth = async () => EMPTY;
  head = async () => undefined;
});

function open() {
  const queue = { depth: () => depth() };
  const store = { head: () => head() };
  return pipelineHealth({ chain: 'c', queue, store, worker, clock, bus, stalledAfterMs: 5 * MINUTE });
}

function waitingSince(oldestMs: number, rows = 10): QueueDepth {
  return { waiting: 2, active: 0, postponed: 1, rows, oldestMs };
}

const away = async (): Promise<never> => {
  throw new StorageError('STORAGE_UNAVAILABLE', 'at https://user:secret@host', { hint: '' });
};

describe('the health of a pipeline', () => {
  it('is ok while queue and store answer and nothing waits', async () => {
    const health = open();
    await clock.advance(60 * MINUTE);
    expect(await health()).toEqual({ ok: true, reasons: [], jobs: { waiting: 0, active: 0, postponed: 0 } });
  });

  it('is not ok while queue or store cannot be reached, and tells codes alone', async () => {
    depth = away;
    head = away;
    const health = open();
    const answer = await health();
    expect(answer).toMatchObject({
      ok: false,
      reasons: [
        'the queue cannot be reached (STORAGE_UNAVAILABLE)',
        'the store cannot be reached (STORAGE_UNAVAILABLE)',
      ],
    });
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it('is not ok when there is no answer in time', async () => {
    head = () => new Promise(() => {});
    const answer = open()();
    await clock.advance(3_000);
    expect(await answer).toMatchObject({
      ok: false,
      reasons: ['the store cannot be reached (no answer in 3000 ms)'],
    });
  });

  it('is not ok when jobs wait and nothing has moved for too long, until something moves', async () => {
    const announcedMs = clock.wallNow();
    depth = async () => waitingSince(announcedMs);
    const health = open();
    await clock.advance(5 * MINUTE - 1);
    expect(await health()).toMatchObject({ ok: true });
    await clock.advance(1_001);
    expect(await health()).toMatchObject({
      ok: false,
      reasons: ['3 jobs wait and nothing has moved for 301 s'],
    });
    worker.movedMs = clock.now();
    await clock.advance(1_001);
    expect(await health()).toMatchObject({ ok: true });
  });

  it('takes what another worker completed for movement', async () => {
    const announcedMs = clock.wallNow();
    let rows = 10;
    depth = async () => waitingSince(announcedMs, rows);
    const health = open();
    await health();
    await clock.advance(6 * MINUTE);
    rows = 9;
    expect(await health()).toMatchObject({ ok: true });
  });

  it('does not hold jobs against it that came just now', async () => {
    const health = open();
    await clock.advance(60 * MINUTE);
    depth = async () => waitingSince(clock.wallNow() - 1_000);
    expect(await health()).toMatchObject({ ok: true });
  });

  it('is not ok for a minute after storage failed, unless that was about one object', async () => {
    const health = open();
    const failed = { chain: 'c', operation: 'put', message: 'm' };
    bus.emit('storageFailed', { ...failed, code: 'STORAGE_CORRUPT' });
    expect(await health()).toMatchObject({ ok: true });
    bus.emit('storageFailed', { ...failed, code: 'STORAGE_FULL' });
    await clock.advance(1_000);
    expect(await health()).toMatchObject({ ok: false, reasons: ['storage failed (STORAGE_FULL)'] });
    await clock.advance(MINUTE);
    expect(await health()).toMatchObject({ ok: true });
  });

  it('asks once for all who ask within a second', async () => {
    let asked = 0;
    depth = async () => {
      asked += 1;
      return EMPTY;
    };
    const health = open();
    await Promise.all([health(), health(), health()]);
    expect(asked).toBe(1);
  });
});
