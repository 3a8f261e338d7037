import { describe, expect, it } from 'vitest';
import { Lease, LeaseLostError } from '../../src/reconcile/lease.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';

type Answer = boolean | Error | Promise<boolean>;

function leaseOn(answer: (call: number) => Answer) {
  const clock = new ManualClock();
  const calls: (readonly [number, string | undefined])[] = [];
  const queue = {
    checkpoint: async (_job: unknown, _worker: string, _leaseMs: number, done: number, progress?: string) => {
      calls.push([done, progress]);
      const given = answer(calls.length);
      if (given instanceof Error) throw given;
      return given;
    },
  };
  const job = { ...contractJob(0, 1), attempts: 0, entriesDone: 2, progress: 'two' };
  return { clock, calls, lease: new Lease({ queue, job, worker: 'w', leaseMs: 900, clock }) };
}

describe('a lease', () => {
  it('is renewed every third of its length, with the progress last known', async () => {
    const { clock, calls, lease } = leaseOn(() => true);
    await clock.advance(299);
    expect(calls).toEqual([]);
    await clock.advance(1);
    await lease.checkpoint(3, 'three');
    await clock.advance(600);
    expect(calls).toEqual([
      [2, 'two'],
      [3, 'three'],
      [3, 'three'],
      [3, 'three'],
    ]);
    await lease.end();
    await lease.end();
    expect(clock.pending).toBe(0);
  });

  it('aborts its signal when the queue says that it was lost, and refuses further checkpoints', async () => {
    const { clock, calls, lease } = leaseOn((call) => call < 2);
    await clock.advance(700);
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
    await expect(lease.checkpoint(3, '')).rejects.toBeInstanceOf(LeaseLostError);
    expect(calls).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('throws from the checkpoint that finds it lost', async () => {
    const { lease } = leaseOn(() => false);
    await expect(lease.checkpoint(3, '')).rejects.toMatchObject({ code: 'LEASE_LOST', retryable: true });
  });

  it('outlives a queue that is away for less than its length, and no longer one', async () => {
    const { clock, lease } = leaseOn((call) => (call === 2 ? true : new Error('away')));
    await clock.advance(899);
    expect(lease.signal.aborted).toBe(false);
    await clock.advance(1500);
    expect(lease.signal.aborted).toBe(true);
  });

  it('never lets a renewal overtake a checkpoint', async () => {
    const gate = Promise.withResolvers<boolean>();
    const { clock, calls, lease } = leaseOn((call) => (call === 1 ? gate.promise : true));
    const first = lease.checkpoint(3, 'three');
    await clock.advance(300);
    const second = lease.checkpoint(4, 'four');
    expect(calls).toEqual([[3, 'three']]);
    gate.resolve(true);
    await Promise.all([first, second]);
    expect(calls.at(-1)).toEqual([4, 'four']);
    await lease.end();
  });
});
