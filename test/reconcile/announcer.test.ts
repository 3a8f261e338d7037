import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/core/errors.ts';
import { Announcer, type AnnouncerOptions } from '../../src/reconcile/announcer.ts';
import type { Job } from '../../src/reconcile/queue.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';

const MARKER = '/data/unannounced.json';

/** A queue that can be away, and tells everything that reached it. */
class Recorder {
  readonly calls: string[] = [];
  isAway = false;
  attempts = 0;
  #gate: Promise<void> | undefined;

  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  async #reach(call: string): Promise<void> {
    this.attempts += 1;
    await this.#gate;
    if (this.isAway)
      throw new StorageError('QUEUE_UNAVAILABLE', 'no answer', { hint: 'Start it.', retryable: true });
    this.calls.push(call);
  }

  async announce({ order }: Job): Promise<'added'> {
    await this.#reach(`${order}`);
    return 'added';
  }

  doubt(): Promise<void> {
    return this.#reach('doubt');
  }
}

async function rig(changes: Partial<AnnouncerOptions> = {}) {
  const clock = new ManualClock();
  const fs = changes.fs ?? new MemoryFileSystem();
  await fs.mkdir('/data');
  const metrics = createMetrics('c');
  const queue = new Recorder();
  const failures: string[] = [];
  const announcer = new Announcer({
    queue,
    chain: 'c',
    clock,
    random: () => 1,
    fs,
    directory: '/data',
    emit: (name, event) =>
      void (name === 'storageFailed' && 'message' in event && failures.push(event.message)),
    metrics,
    ...changes,
  });
  const read = (series: string): number =>
    Number(new RegExp(`^${series}\\{.*\\} (\\S+)$`, 'm').exec(metrics.render())?.[1]);
  return { clock, fs, queue, failures, announcer, read };
}

const job = (order: number): Job => contractJob(0, order);

describe('an announcer', () => {
  it('resolves when the queue has the job, and keeps nothing then', async () => {
    const { queue, announcer, fs, read } = await rig();
    await announcer.announce(job(1));
    expect([queue.calls, read('jobs_unannounced')]).toEqual([['1'], 0]);
    expect(await fs.stat(MARKER)).toBeUndefined();
  });

  it('keeps what a queue that is away does not take, and announces it in order before anything newer (U1, U2)', async () => {
    const { clock, queue, failures, announcer, fs, read } = await rig();
    queue.isAway = true;
    for (const order of [1, 2, 3]) await announcer.announce(job(order));
    // Nobody waits for a queue that is known to be away.
    expect([queue.attempts, failures.length, read('jobs_unannounced')]).toEqual([1, 1, 3]);
    expect(failures[0]).toContain('no answer; 1 jobs wait to be announced');
    expect(await fs.stat(MARKER)).toBeDefined();
    queue.isAway = false;
    await announcer.announce(job(4));
    expect(queue.calls).toEqual([]);
    await clock.advance(250);
    expect(queue.calls).toEqual(['1', '2', '3', '4']);
    expect(await fs.stat(MARKER)).toBeUndefined();
    await announcer.announce(job(5));
    expect([queue.calls.at(-1), read('jobs_unannounced')]).toEqual(['5', 0]);
  });

  it('announces what came while the last kept one was told, and a job that is kept twice once', async () => {
    const { clock, queue, announcer } = await rig();
    queue.isAway = true;
    for (const order of [1, 1]) await announcer.announce(job(order));
    queue.isAway = false;
    const release = queue.hold();
    await clock.advance(250);
    await announcer.announce(job(2));
    release();
    await announcer.close();
    expect(queue.calls).toEqual(['1', '2']);
  });

  it('forgets nobody who comes in the very moment that the last kept one was told', async () => {
    for (let turns = 0; turns < 12; turns += 1) {
      const { clock, queue, announcer } = await rig();
      queue.isAway = true;
      await announcer.announce(job(1));
      queue.isAway = false;
      const release = queue.hold();
      await clock.advance(250);
      release();
      for (let turn = 0; turn < turns; turn += 1) await undefined;
      await announcer.announce(job(2));
      await new Promise((resolve) => setImmediate(resolve));
      expect(queue.calls).toEqual(['1', '2']);
    }
  });

  it('asks less and less often, and tells each time how much waits', async () => {
    const { clock, queue, failures, announcer } = await rig();
    queue.isAway = true;
    await announcer.announce(job(1));
    await announcer.announce(job(2));
    await clock.advance(60_000);
    expect(queue.attempts).toBeGreaterThan(6);
    expect(queue.attempts).toBeLessThan(16);
    expect(failures.at(-1)).toContain('2 jobs wait');
  });

  it('leaves all to the sweep when more wait than it may keep, and says so before anything newer (U3)', async () => {
    const { clock, queue, failures, announcer, read } = await rig({ keptMax: 2 });
    queue.isAway = true;
    for (const order of [1, 2, 3, 4]) await announcer.announce(job(order));
    expect([read('jobs_unannounced'), read('jobs_left_to_sweep_total')]).toEqual([0, 4]);
    await clock.advance(250);
    expect(failures.at(-1)).toContain('others are left to the sweep');
    queue.isAway = false;
    const release = queue.hold();
    await clock.advance(500);
    // It may be stored after the sweep that the queue is told to wait for, so it is not left to that one.
    await announcer.announce(job(5));
    release();
    await announcer.close();
    expect(queue.calls).toEqual(['doubt', '5']);
    expect(read('jobs_left_to_sweep_total')).toBe(4);
  });

  it('leaves to the sweep what is too much while it tells the queue what it kept (U3)', async () => {
    const { clock, queue, announcer, read } = await rig({ keptMax: 2 });
    queue.isAway = true;
    for (const order of [1, 2]) await announcer.announce(job(order));
    queue.isAway = false;
    const release = queue.hold();
    await clock.advance(250);
    await announcer.announce(job(3));
    release();
    await announcer.close();
    expect(queue.calls).toEqual(['1', 'doubt', '3']);
    expect(read('jobs_left_to_sweep_total')).toBe(2);
  });

  it('refuses the job that is one too many for a queue that cannot be told (U3)', async () => {
    const away = new Recorder();
    away.isAway = true;
    const { announcer } = await rig({ keptMax: 2, queue: { announce: (one) => away.announce(one) } });
    for (const order of [1, 2]) await announcer.announce(job(order));
    await expect(announcer.announce(job(3))).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    await announcer.announce(job(2));
    away.isAway = false;
    await announcer.close();
    expect(away.calls).toEqual(['1', '2']);
  });

  it('tells the queue after a crash that some were never announced, before anything newer (U4)', async () => {
    const dying = await rig();
    dying.queue.isAway = true;
    await dying.announcer.announce(job(1));
    const { queue, announcer, fs } = await rig({ fs: dying.fs });
    await announcer.announce(job(2));
    await announcer.close();
    expect(queue.calls).toEqual(['doubt', '2']);
    expect(await fs.stat(MARKER)).toBeUndefined();
  });

  it('tries once more when it is closed, and leaves the rest to the sweep', async () => {
    const { clock, queue, announcer, fs } = await rig();
    queue.isAway = true;
    await announcer.announce(job(1));
    await announcer.close();
    await announcer.close();
    const { attempts } = queue;
    await clock.advance(60_000);
    expect(queue.attempts).toBe(attempts);
    expect(await fs.stat(MARKER)).toBeDefined();
  });

  it('needs no disk: a marker that cannot be written keeps nobody from anything', async () => {
    const fs = new MemoryFileSystem();
    const { clock, queue, announcer } = await rig({ fs });
    fs.open = () => Promise.reject(new Error('EROFS'));
    queue.isAway = true;
    await announcer.announce(job(1));
    queue.isAway = false;
    await clock.advance(250);
    expect(queue.calls).toEqual(['1']);
  });
});
