import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { windowAt } from '../../src/reconcile/replay-window.ts';
import { createScene, entryOf, type Scene } from './scene.ts';

function entries(...keys: readonly (string | undefined)[]): JournalEntry[] {
  return keys.map((orderingKey, seq) => ({ ...entryOf([`{"n":${seq}}`], { orderingKey }), seq }));
}

const seqs = (window: readonly JournalEntry[]): number[] => window.map(({ seq }) => seq);

describe('a window', () => {
  it('ends before the first key that it has already', () => {
    const all = entries('a', 'b', undefined, undefined, 'a', 'c');
    expect(seqs(windowAt(all, 0))).toEqual([0, 1, 2, 3]);
    expect(seqs(windowAt(all, 4))).toEqual([4, 5]);
    expect(windowAt(all, 6)).toEqual([]);
  });

  it('has no more than 64 entries, and no more than 4 MiB unless one alone is larger', () => {
    expect(windowAt(entries(...Array.from({ length: 100 }, (_, n) => `k${n}`)), 0)).toHaveLength(64);
    const large = entries('a', 'b', 'c').map((entry) => ({ ...entry, body: new Uint8Array(3 * 1024 * 1024) }));
    expect(seqs(windowAt(large, 0))).toEqual([0]);
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
