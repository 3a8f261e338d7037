import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/testing/manual-clock.ts';

describe('ManualClock', () => {
  it('runs due timers in order of due time, then of scheduling, each at its own time', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.schedule(20, () => seen.push(`b@${clock.now()}`));
    clock.schedule(10, () => seen.push(`a@${clock.now()}`));
    clock.schedule(20, () => seen.push(`c@${clock.now()}`));
    clock.schedule(21, () => seen.push('late'));
    await clock.advance(20);
    expect(seen).toEqual(['a@10', 'b@20', 'c@20']);
    expect(clock.pending).toBe(1);
    expect(clock.nextDueMs).toBe(1);
  });

  it('runs timers that were scheduled on the way when they fall due in the same advance', async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const tick = (): void => {
      seen.push(clock.now());
      clock.schedule(10, tick);
    };
    clock.schedule(10, tick);
    await clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
  });

  it('serves promises between two timers', async () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const first = new Promise<void>((resolve) => clock.schedule(1, resolve));
    void first.then(() => Promise.resolve()).then(() => seen.push('promise'));
    clock.schedule(1, () => seen.push('second timer'));
    await clock.advance(1);
    expect(seen).toEqual(['promise', 'second timer']);
  });

  it('does not run a cancelled timer', async () => {
    const clock = new ManualClock();
    const cancel = clock.schedule(1, () => expect.unreachable());
    cancel();
    cancel();
    await clock.advance(5);
    expect(clock.pending).toBe(0);
  });

  it('steps the wall clock without moving monotonic time or timers', async () => {
    const clock = new ManualClock({ nowMs: 7, wallMs: 1000 });
    clock.schedule(100, () => expect.unreachable());
    clock.stepWall(-500);
    await clock.advance(10);
    expect([clock.now(), clock.wallNow()]).toEqual([17, 510]);
  });
});
