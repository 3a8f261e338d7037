import { describe, expect, it } from 'vitest';
import { Waiting } from '../../src/reconcile/waiting.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

describe('a wait', () => {
  it('ends at its time', async () => {
    const clock = new ManualClock();
    let isOver = false;
    const waiting = new Waiting(clock).wait(100).then(() => {
      isOver = true;
    });
    await clock.advance(99);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await waiting;
  });

  it('ends early at news, and leaves no timer behind', async () => {
    const clock = new ManualClock();
    const news = new Waiting(clock);
    const waiting = news.wait(100);
    news.wake();
    await waiting;
    expect(clock.pending).toBe(0);
  });

  it('does not begin when news came before it, once', async () => {
    const clock = new ManualClock();
    const news = new Waiting(clock);
    news.wake();
    news.wake();
    await news.wait(100);
    void news.wait(100);
    expect(clock.pending).toBe(1);
  });
});
