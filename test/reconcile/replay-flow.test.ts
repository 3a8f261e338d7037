import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { ReplayFlow, type Stretch } from '../../src/reconcile/replay-flow.ts';
import { createScene, entryOf, type Scene } from './scene.ts';

function entries(...keys: readonly (string | undefined)[]): JournalEntry[] {
  return keys.map((orderingKey, seq) => ({ ...entryOf([`{"n":${seq}}`], { orderingKey }), seq }));
}

/** A flow whose entries end when the test says so. */
class Rig {
  readonly started: number[] = [];
  readonly flow: ReplayFlow<boolean>;
  isStopping = false;
  readonly #out = new Map<number, PromiseWithResolvers<boolean>>();

  constructor(all: readonly JournalEntry[], from = 0) {
    this.flow = new ReplayFlow<boolean>({
      entries: all,
      from,
      pass: ({ seq }) => {
        this.started.push(seq);
        const ending = Promise.withResolvers<boolean>();
        this.#out.set(seq, ending);
        return ending.promise;
      },
      isDone: (isDone) => isDone,
      isStopping: () => this.isStopping,
    });
  }

  end(seq: number, isDone = true): void {
    this.#out.get(seq)?.resolve(isDone);
  }

  fail(seq: number, error: Error): void {
    this.#out.get(seq)?.reject(error);
  }
}

const states = (stretch: Stretch<boolean>): unknown[] =>
  stretch.map((each) => (each?.status === 'fulfilled' ? each.value : each?.reason));

describe('a flow', () => {
  it('starts each entry as soon as the one before it of its key is done (N1)', async () => {
    const rig = new Rig(entries('a', 'b', undefined, 'a', 'a', 'c'));
    const first = rig.flow.next();
    expect(rig.started).toEqual([0, 1, 2, 5]);
    rig.end(5);
    rig.end(0);
    expect(states(await first)).toEqual([true]);
    expect(rig.started).toEqual([0, 1, 2, 5, 3]);
    rig.end(1);
    rig.end(2);
    expect(states(await rig.flow.next())).toEqual([true, true]);
    rig.end(3);
    expect(states(await rig.flow.next())).toEqual([true]);
    rig.end(4);
    expect(states(await rig.flow.next())).toEqual([true, true]);
  });

  it('starts nothing after an entry that is not done, waits for what is out, and tells what was never started (N2, N4)', async () => {
    const rig = new Rig(entries('a', 'b', 'a', 'c'), 0);
    const first = rig.flow.next();
    rig.end(1, false);
    rig.end(3);
    rig.end(0);
    expect(states(await first)).toEqual([true]);
    expect(states(await rig.flow.next())).toEqual([false, undefined, true]);
    expect(rig.started).toEqual([0, 1, 3]);
  });

  it('tells a failure where it stands', async () => {
    const rig = new Rig(entries('a', 'b'));
    const first = rig.flow.next();
    const error = new Error('lost');
    rig.fail(0, error);
    rig.end(1);
    expect(states(await first)).toEqual([error, true]);
  });

  it('starts nothing more when it is asked to stop, and goes on with nothing when it is ended', async () => {
    const rig = new Rig(entries('a', 'a', 'b', 'b'), 1);
    const first = rig.flow.next();
    expect(rig.started).toEqual([1, 2]);
    rig.isStopping = true;
    rig.end(1);
    expect(states(await first)).toEqual([true]);
    const ended = rig.flow.end();
    rig.end(2);
    await ended;
    expect(rig.started).toEqual([1, 2]);
    expect(states(await rig.flow.next())).toEqual([true]);
    expect(states(await rig.flow.next())).toEqual([undefined]);
  });

  it('has no more than 64 entries out, and no more than 4 MiB unless one alone is larger (N3)', async () => {
    const keys = Array.from({ length: 100 }, (_, n) => `k${n}`);
    const rig = new Rig(entries(...keys));
    void rig.flow.next();
    expect(rig.started).toHaveLength(64);
    const size = 3 * 1024 * 1024;
    const large = entries('a', 'b', 'c').map((entry) => ({ ...entry, body: new Uint8Array(size) }));
    const alone = new Rig(large);
    const first = alone.flow.next();
    expect(alone.started).toEqual([0]);
    alone.end(0);
    await first;
    expect(alone.started).toEqual([0, 1]);
  });

  it('runs no further ahead of an entry that does not end than a crash may cost (N3)', async () => {
    const rig = new Rig(entries('slow', ...Array.from({ length: 3_000 }, (_, n) => `k${n}`)));
    void rig.flow.next();
    for (let seq = 1; seq < 3_000; seq += 1) {
      rig.end(seq);
      if (seq % 50 === 0) await nextTurn();
    }
    expect(Math.max(...rig.started)).toBe(1_023);
  });
});

describe('entries side by side', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  const lines = (name: string): string[] => [`{"id":"${name}1"}`, `{"id":"${name}2"}`];
  const put = (...keys: readonly string[]) =>
    scene.put(
      0,
      keys.map((orderingKey, n) => entryOf(lines(`${orderingKey}${n}-`), { orderingKey })),
    );

  it('are all sent before the first has been answered, and those of one key one after the other', async () => {
    await put('a', 'b', 'c', 'a');
    const gate = Promise.withResolvers<void>();
    scene.chain.before = () => gate.promise;
    const drain = scene.worker({ pace: false }).drain();
    await scene.clock.advance(0);
    await expect.poll(() => scene.chain.seen.map(({ orderingKey }) => orderingKey)).toEqual(['a', 'b', 'c']);
    gate.resolve();
    expect(await scene.until(drain)).toMatchObject({ drained: true, done: { delivered: 8 } });
  });

  it('count once what landed beside an entry that did not, and start again with that one', async () => {
    await put('a', 'b', 'c', 'd');
    let isDown = true;
    scene.chain.judge = (_text, { orderingKey }) =>
      isDown && orderingKey === 'b' ? { reason: 'unavailable' } : undefined;
    const worker = scene.worker({ pace: false });
    worker.start();
    await expect.poll(() => scene.chain.rows.size, { interval: 1 }).toBe(6);
    await scene.clock.advance(100);
    expect(worker.stats).toMatchObject({ settled: 0, postponed: 1 });
    const claimed = await scene.queue.depth();
    expect(claimed).toMatchObject({ postponed: 1 });
    isDown = false;
    const report = await scene.until(worker.drain());
    await scene.until(worker.close());
    expect(report).toMatchObject({ drained: true });
    expect(worker.stats).toMatchObject({ settled: 1, delivered: 8, alreadyHeld: 0 });
    expect([scene.chain.rows.size, scene.chain.rewrites]).toEqual([8, 0]);
    expect(await scene.report()).toMatchObject({ balanced: true, delivered: 8, pending: 0 });
  });

  it('ask an idempotent sink for rows only where they may be in it', async () => {
    const sink = { ...scene.chain.sink, idempotent: true };
    await scene.put(0, [entryOf(lines('a')), entryOf(lines('b'), { reason: 'ambiguous' })]);
    await scene.until(scene.worker({ sink }).drain());
    // One for the entry whose outcome was unknown, one for the proof.
    expect(scene.chain.lookups).toBe(2);
    expect(scene.chain.rows.size).toBe(4);
  });
});
