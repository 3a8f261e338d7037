import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueForgotError } from '../../src/reconcile/queue.ts';
import { createScene, entryOf, type Scene } from './scene.ts';

function lines(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `{"id":"${prefix}-${n}"}`);
}

describe('the worker of a queue that can forget', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  it('fills a queue that forgot before it claims again, and sweeps anew when it forgot meanwhile (V1)', async () => {
    const jobs = [await scene.put(0, [entryOf(lines('a', 3))]), await scene.put(0, [entryOf(lines('b', 3))])];
    const { queue } = scene;
    const calls: string[] = [];
    let isFilled = false;
    let ends = 0;
    const forgetful = {
      announce: queue.announce.bind(queue),
      checkpoint: queue.checkpoint.bind(queue),
      postpone: queue.postpone.bind(queue),
      depth: queue.depth.bind(queue),
      close: queue.close.bind(queue),
      beginFill: async () => ({
        end: async () => {
          ends += 1;
          isFilled = ends !== 1;
          calls.push(isFilled ? 'filled' : 'forgot');
          return isFilled;
        },
      }),
      claim: async (worker: string, leaseMs: number) => {
        if (!isFilled) throw new QueueForgotError();
        const job = await queue.claim(worker, leaseMs);
        if (job) calls.push(job.ref);
        return job;
      },
      complete: async (...args: Parameters<typeof queue.complete>) => {
        isFilled = false;
        return queue.complete(...args);
      },
    };
    const report = await scene.until(scene.worker({ queue: forgetful }).drain());
    expect(report).toMatchObject({ drained: true, done: { settled: 2 } });
    expect(calls.slice(0, 5)).toEqual(['forgot', 'filled', jobs[0]?.ref, 'filled', jobs[1]?.ref]);
    expect(scene.events.map(({ name }) => name)).not.toContain('storageFailed');
  });
});
