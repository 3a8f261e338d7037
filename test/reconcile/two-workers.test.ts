import { rm } from 'node:fs/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/reconcile/queue.ts';
import { createScene, entryOf, type Scene } from './scene.ts';

function lines(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `{"id":"${prefix}-${n}"}`);
}

/** Row texts of one lane, in the order they should land. */
function expectedOf(lane: number, objects: number): string[] {
  return Array.from({ length: objects }, (_, n) =>
    [0, 1, 2].flatMap((e) => lines(`${lane}.${n}.${e}`, 4)),
  ).flat();
}

async function fill(scene: Scene, lanes: number, objects: number): Promise<void> {
  for (let n = 0; n < objects; n += 1) {
    for (let lane = 0; lane < lanes; lane += 1) {
      const orderingKey = `lane-${lane}`;
      const entries = [0, 1, 2].map((e) => entryOf(lines(`${lane}.${n}.${e}`, 4), { orderingKey }));
      await scene.put(lane, entries);
    }
  }
}

function expectAllInOrder(scene: Scene, lanes: number, objects: number): void {
  for (let lane = 0; lane < lanes; lane += 1) {
    const landed = scene.chain.landings.filter(({ orderingKey }) => orderingKey === `lane-${lane}`);
    expect(landed.map(({ text }) => text)).toEqual(expectedOf(lane, objects));
  }
  expect(scene.chain.rows.size).toBe(lanes * objects * 12);
}

describe('workers that share a queue', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  it('lose nothing and keep the order when one of them dies inside an object', async () => {
    await fill(scene, 3, 4);
    const other = await scene.reopen();
    let batches = 0;
    // The dying worker's chain answers nine batches and then never again; its renewals stop with it.
    const dead = scene.worker({
      queue: {
        announce: (job) => scene.queue.announce(job),
        claim: (name, leaseMs) => (batches > 9 ? Promise.resolve(undefined) : scene.queue.claim(name, leaseMs)),
        checkpoint: (...args) =>
          batches > 9 ? Promise.reject(new Error('dead')) : scene.queue.checkpoint(...args),
        complete: (...args) => (batches > 9 ? new Promise(() => {}) : scene.queue.complete(...args)),
        postpone: () => new Promise(() => {}),
        depth: () => scene.queue.depth(),
        close: async () => {},
      },
      engine: {
        submitBatch: (batch, options) => {
          batches += 1;
          return batches > 9 ? new Promise(() => {}) : scene.chain.submitBatch(batch, options);
        },
      },
    });
    dead.start();
    const drain = other.worker({ concurrency: 2 }).drain();
    expect(await scene.until(drain)).toMatchObject({ drained: true });
    expectAllInOrder(scene, 3, 4);
    expect(await scene.report()).toMatchObject({ rows: 144, pending: 0, balanced: true, settled: 12 });
  });

  it('share the work and settle each object once', async () => {
    await fill(scene, 4, 3);
    const other = await scene.reopen();
    const workers = [scene.worker({ concurrency: 2 }), other.worker({ concurrency: 2 })];
    const reports = await scene.until(Promise.all(workers.map((worker) => worker.drain())));
    expectAllInOrder(scene, 4, 3);
    expect(scene.chain.rewrites).toBe(0);
    expect(reports.reduce((sum, { done }) => sum + done.settled, 0)).toBe(12);
  });

  it('stop at once when the lease was lost, and leave quarantine and settlement to the new owner', async () => {
    const job = await scene.put(0, [entryOf(lines('a', 4)), entryOf(lines('b', 4))]);
    const gate = Promise.withResolvers<void>();
    const slow = scene.worker({
      leaseMs: 1000,
      concurrency: 1,
      engine: {
        submitBatch: async (batch) => {
          await gate.promise;
          return scene.chain.submitBatch(batch);
        },
      },
      // A process that is stopped as a whole renews nothing.
      queue: {
        ...portOf(scene),
        checkpoint: async (...args) => {
          await gate.promise;
          return scene.queue.checkpoint(...args);
        },
      },
    });
    slow.start();
    await scene.clock.advance(500);
    const other = await scene.reopen();
    const drain = other.until(other.worker().drain());
    expect(await drain).toMatchObject({ drained: true, done: { settled: 1, delivered: 8 } });
    scene.chain.judge = () => ({ reason: 'refused' });
    gate.resolve();
    await scene.clock.advance(5000);
    expect(slow.stats).toMatchObject({ settled: 0, lost: 1, running: 0 });
    expect(await scene.quarantine.list()).toEqual([]);
    expect(await scene.report()).toMatchObject({ delivered: 8, quarantined: 0, balanced: true });
    expect(job.rows).toBe(8);
    await scene.until(slow.close());
  });

  it('refill a wiped queue from the store, in order, and send nothing twice', async () => {
    await fill(scene, 2, 3);
    scene.chain.judge = () => (scene.chain.seen.length > 7 ? { reason: 'unavailable' } : undefined);
    await scene.until(scene.worker().drain({ patienceMs: 100 }));
    await scene.state.close();
    for (const end of ['', '-wal', '-shm']) await rm(`${scene.place.file}${end}`, { force: true });
    scene.chain.judge = () => undefined;
    const wiped = await scene.reopen();
    const report = await wiped.until(wiped.worker().drain());
    expect(report.drained).toBe(true);
    expect(report.sweep.settled + report.sweep.announced).toBe(6);
    expectAllInOrder(scene, 2, 3);
    expect(scene.chain.rewrites).toBe(0);
    expect(await scene.report()).toMatchObject({ rows: 72, pending: 0, balanced: true });
  });

  it('claim nothing before the store was swept, so that older objects go first after a wipe', async () => {
    const orderingKey = 'k';
    await scene.put(0, [entryOf(['{"n":1}'], { orderingKey })], false);
    await scene.put(0, [entryOf(['{"n":2}'], { orderingKey })], false);
    await scene.put(0, [entryOf(['{"n":3}'], { orderingKey })]);
    scene.store.failNext('list');
    const worker = scene.worker();
    worker.start();
    await scene.clock.advance(5000);
    expect(scene.chain.landings.map(({ text }) => text)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
    await scene.until(worker.close());
  });

  it('claim under a new name each time, which is the fence of the queue', async () => {
    await fill(scene, 2, 2);
    const names: string[] = [];
    const port = portOf(scene);
    const claim = (name: string, leaseMs: number) => {
      names.push(name);
      return port.claim(name, leaseMs);
    };
    await scene.until(scene.worker({ queue: { ...port, claim } }).drain());
    expect(names.length).toBeGreaterThan(4);
    expect(new Set(names).size).toBe(names.length);
  });

  it('conserve every row under any mix of refusals, outages and dead workers', async () => {
    const step = fc.record({ passing: fc.nat(3), poison: fc.nat(6), killAfter: fc.nat(5), wipe: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        const world = await createScene();
        try {
          await fill(world, 2, 2);
          let current = world;
          for (const { passing, poison, killAfter, wipe } of steps) {
            world.chain.judge = (text) => judge(text, passing, poison);
            await crashAfter(current, killAfter);
            if (wipe) {
              await current.state.close();
              for (const end of ['', '-wal', '-shm']) await rm(`${world.place.file}${end}`, { force: true });
            }
            current = await current.reopen();
            expect(await current.report()).toMatchObject({ rows: 48, balanced: true });
          }
          world.chain.judge = (text) => judge(text, 0, steps[0]?.poison ?? 0);
          const report = await current.until(current.worker().drain());
          expect(report.drained).toBe(true);
          const account = await current.report();
          expect(account).toMatchObject({ rows: 48, pending: 0, balanced: true });
          const aside = (await current.quarantine.list()).map(({ body }) =>
            Buffer.from(body).toString().trim(),
          );
          const everywhere = [...world.chain.rows.values(), ...aside].sort();
          expect(everywhere).toEqual([...expectedOf(0, 2), ...expectedOf(1, 2)].sort());
          expect(account.quarantined).toBe(aside.length);
        } finally {
          await world.close();
        }
      }),
      { numRuns: 10 },
    );
  });
});

function judge(text: string, passing: number, poison: number) {
  const digits = Number(text.replaceAll(/\D/g, ''));
  if (poison > 0 && digits % (poison + 4) === 0) return { reason: 'refused', detail: 'poison' };
  return passing > 0 && digits % (passing + 2) === 1 ? { reason: 'unavailable' } : undefined;
}

/** Runs a worker that stops speaking after some batches, and leaves its lease to run out. */
async function crashAfter(scene: Scene, batches: number): Promise<void> {
  let left = batches;
  const isDead = (): boolean => left <= 0;
  const never = (): Promise<never> => new Promise(() => {});
  const port = portOf(scene);
  const worker = scene.worker({
    leaseMs: 500,
    queue: {
      ...port,
      claim: async (...args) => (isDead() ? undefined : port.claim(...args)),
      checkpoint: (...args) => (isDead() ? never() : port.checkpoint(...args)),
      complete: (...args) => (isDead() ? never() : port.complete(...args)),
      postpone: (...args) => (isDead() ? never() : port.postpone(...args)),
    },
    engine: {
      submitBatch: async (batch, options) => {
        left -= 1;
        const receipt = await scene.chain.submitBatch(batch, options);
        return isDead() ? never() : receipt;
      },
    },
  });
  worker.start();
  await scene.clock.advance(3000);
  left = 0;
}

function portOf({ queue }: Scene) {
  return {
    announce: queue.announce.bind(queue),
    claim: queue.claim.bind(queue),
    checkpoint: (job: Job, worker: string, leaseMs: number, done: number, progress?: string) =>
      queue.checkpoint(job, worker, leaseMs, done, progress),
    complete: queue.complete.bind(queue),
    postpone: queue.postpone.bind(queue),
    depth: queue.depth.bind(queue),
    close: queue.close.bind(queue),
  };
}
