import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { embeddedQueue } from '../../src/reconcile/embedded-queue.ts';
import type { Queue } from '../../src/reconcile/queue.ts';
import type { StateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';
import { createWorkplace, type Workplace } from './workplace.ts';

const LEASE_MS = 100;

interface ModelJob {
  readonly lane: number;
  readonly order: number;
  readonly announcedMs: number;
  attempts: number;
  entriesDone: number;
  worker: string | undefined;
  untilMs: number;
}

interface Model {
  nowMs: number;
  claims: number;
  jobs: Map<string, ModelJob>;
  /** Every claim ever made, also lost ones: stale workers keep talking. */
  held: { readonly worker: string; readonly lane: number; readonly order: number }[];
}

interface Real {
  readonly place: Workplace;
  readonly clock: ManualClock;
  state: StateDatabase;
  queue: Queue;
}

type Command = fc.AsyncCommand<Model, Real>;

function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name };
}

function heads(model: Model): ModelJob[] {
  const byLane = new Map<number, ModelJob>();
  for (const job of model.jobs.values()) {
    const head = byLane.get(job.lane);
    if (!head || job.order < head.order) byLane.set(job.lane, job);
  }
  return [...byLane.values()];
}

function isClaimable(model: Model, head: ModelJob): boolean {
  const laneHeld = [...model.jobs.values()].some(
    (job) => job.lane === head.lane && job.worker !== undefined && job.untilMs > model.nowMs,
  );
  return head.untilMs <= model.nowMs && !laneHeld;
}

const announce = fc.record({ lane: fc.nat(2), order: fc.nat(9) }).map(({ lane, order }) =>
  command(`announce ${lane}/${order}`, async (model, real) => {
    const job = contractJob(lane, order);
    const answer = await real.queue.announce(job);
    expect(answer).toBe(model.jobs.has(job.id) ? 'known' : 'added');
    if (answer === 'known') return;
    model.jobs.set(job.id, {
      lane,
      order,
      announcedMs: model.nowMs,
      attempts: 0,
      entriesDone: 0,
      worker: undefined,
      untilMs: 0,
    });
  }),
);

const claim = fc.constant(
  command('claim', async (model, real) => {
    model.claims += 1;
    const worker = `w${model.claims}`;
    const expected = heads(model)
      .filter((head) => isClaimable(model, head))
      .toSorted((a, b) => a.order - b.order || a.lane - b.lane)[0];
    const claimed = await real.queue.claim(worker, LEASE_MS);
    expect([claimed?.lane, claimed?.order, claimed?.attempts, claimed?.entriesDone]).toEqual([
      expected?.lane,
      expected?.order,
      expected?.attempts,
      expected?.entriesDone,
    ]);
    if (!expected) return;
    for (const job of model.jobs.values()) if (job.lane === expected.lane) job.worker = undefined;
    expected.worker = worker;
    expected.untilMs = model.nowMs + LEASE_MS;
    expected.attempts += 1;
    model.held.push({ worker, lane: expected.lane, order: expected.order });
  }),
);

/** Lets one of the workers that ever claimed something speak; the model says whether it still may. */
function speak(
  name: string,
  say: (queue: Queue, job: ReturnType<typeof contractJob>, worker: string) => Promise<boolean>,
  apply: (model: Model, id: string, job: ModelJob) => void,
) {
  return fc.nat().map((pick) =>
    command(`${name} ${pick}`, async (model, real) => {
      const holder = model.held[model.held.length === 0 ? 0 : pick % model.held.length];
      if (!holder) return;
      const job = contractJob(holder.lane, holder.order);
      const known = model.jobs.get(job.id);
      const mine = known?.worker === holder.worker;
      expect(await say(real.queue, job, holder.worker)).toBe(mine);
      if (known && mine) apply(model, job.id, known);
    }),
  );
}

const checkpoint = speak(
  'checkpoint',
  (queue, job, worker) => queue.checkpoint(job, worker, LEASE_MS, 5),
  (model, _id, job) => {
    job.untilMs = model.nowMs + LEASE_MS;
    job.entriesDone = 5;
  },
);

const complete = speak(
  'complete',
  (queue, job, worker) => queue.complete(job, worker),
  (model, id) => model.jobs.delete(id),
);

const postpone = speak(
  'postpone',
  (queue, job, worker) => queue.postpone(job, worker, 150, 'unavailable'),
  (model, _id, job) => {
    job.worker = undefined;
    job.untilMs = model.nowMs + 150;
  },
);

const pass = fc.integer({ min: 1, max: 120 }).map((ms) =>
  command(`pass ${ms}`, async (model, real) => {
    await real.clock.advance(ms);
    model.nowMs += ms;
  }),
);

const crash = fc.constant(
  command('crash', async (_model, real) => {
    // The old connection stays open: a killed process does not say goodbye, and its file locks are all it had.
    real.state = await real.place.open();
    real.queue = embeddedQueue({ state: real.state, clock: real.clock });
  }),
);

const count = fc.constant(
  command('depth', async (model, real) => {
    const jobs = [...model.jobs.values()];
    const resting = jobs.filter((job) => job.untilMs > model.nowMs);
    expect(await real.queue.depth()).toEqual({
      waiting: jobs.length - resting.length,
      active: resting.filter((job) => job.worker !== undefined).length,
      postponed: resting.filter((job) => job.worker === undefined).length,
      rows: jobs.length * 10,
      ...(jobs.length > 0 ? { oldestMs: Math.min(...jobs.map((job) => job.announcedMs)) } : {}),
    });
  }),
);

describe('the queue against a model', () => {
  it('agrees with the model under any sequence of calls, dead workers and crashes', async () => {
    const all = [
      announce,
      announce,
      claim,
      claim,
      checkpoint,
      complete,
      complete,
      postpone,
      pass,
      crash,
      count,
    ];
    await fc.assert(
      fc.asyncProperty(fc.commands(all, { maxCommands: 60 }), async (commands) => {
        const place = await createWorkplace();
        const clock = new ManualClock({ wallMs: 0 });
        const state = await place.open();
        const setup = async () => ({
          model: { nowMs: 0, claims: 0, jobs: new Map(), held: [] } satisfies Model,
          real: { place, clock, state, queue: embeddedQueue({ state, clock }) },
        });
        await fc.asyncModelRun(setup, commands).finally(() => place.close());
      }),
      { numRuns: 60 },
    );
  });
});
