/**
 * What every queue of reconcile jobs must do (Q1 to Q4 of `reconcile/queue.ts`), as a list that any test
 * runner can run: `for (const c of queueContract(make)) it(c.name, c.run)`.
 */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { ClaimedJob, Job, Queue } from '../reconcile/queue.ts';

/** One empty queue that several workers may open. */
export interface QueueHarness {
  /** Another client of the same queue, as a second process would have. */
  open(): Promise<Queue>;
  /** Lets this many milliseconds pass for leases and delays. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

const LEASE_MS = 1000;

/** A job for tests; jobs of equal lane and order are the same job. */
export function contractJob(lane: number, order: number): Job {
  const sha256 = hash('sha256', `${lane}/${order}`);
  const ref = `chain=contract/part=${lane}/${String(order).padStart(16, '0')}-${sha256.slice(0, 32)}.parquet`;
  return { id: hash('sha256', ref).slice(0, 32), chain: 'contract', ref, lane, order, rows: 10, sha256 };
}

type Body = (queue: Queue, harness: QueueHarness) => Promise<void>;

/** @param make gives a new, empty queue for each case */
export function queueContract(make: () => Promise<QueueHarness>): ContractCase[] {
  const cases: readonly [string, Body][] = [...ANNOUNCING, ...ORDER, ...LEASES, ...DELAYS];
  return cases.map(([name, body]) => ({
    name,
    run: async () => {
      const harness = await make();
      try {
        await body(await harness.open(), harness);
      } finally {
        await harness.close();
      }
    },
  }));
}

let claims = 0;

function workerName(): string {
  claims += 1;
  return `worker-${claims}`;
}

async function claimed(queue: Queue, worker: string): Promise<ClaimedJob> {
  const job = await queue.claim(worker, LEASE_MS);
  assert.ok(job, `${worker} found no job to claim`);
  return job;
}

async function announceAll(queue: Queue, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) await queue.announce(job);
}

const ANNOUNCING: readonly [string, Body][] = [
  [
    'gives back a job exactly as it was announced, with no attempts and no progress',
    async (queue) => {
      const job = contractJob(3, 7);
      assert.equal(await queue.announce(job), 'added');
      assert.deepEqual({ ...(await claimed(queue, workerName())) }, { ...job, attempts: 0, entriesDone: 0 });
    },
  ],
  [
    'adds a job once however often it is announced, also while it runs (Q3)',
    async (queue) => {
      const job = contractJob(0, 1);
      const worker = workerName();
      assert.equal(await queue.announce(job), 'added');
      assert.equal(await queue.announce(job), 'known');
      await claimed(queue, worker);
      assert.equal(await queue.announce(job), 'known');
      assert.equal(await queue.complete(job, worker), true);
      assert.equal(await queue.claim(workerName(), LEASE_MS), undefined);
    },
  ],
  [
    'adds a job once when two clients announce it at the same time (Q3)',
    async (queue, harness) => {
      const other = await harness.open();
      const job = contractJob(0, 1);
      const answers = await Promise.all([queue.announce(job), other.announce(job)]);
      assert.deepEqual([...answers].sort(), ['added', 'known']);
    },
  ],
  [
    'takes a job again after it was completed',
    async (queue) => {
      const job = contractJob(0, 1);
      const worker = workerName();
      await queue.announce(job);
      await claimed(queue, worker);
      await queue.complete(job, worker);
      assert.equal(await queue.announce(job), 'added');
    },
  ],
  [
    'takes many jobs at once as it takes one by one, when it can (Q1, Q3)',
    async (queue) => {
      if (!queue.announceAll) return;
      assert.deepEqual(await queue.announceAll([]), []);
      const jobs = Array.from({ length: 600 }, (_, n) => contractJob(n % 3, 600 - n));
      const running = jobs.at(-1) as Job;
      await announceAll(queue, [running, ...jobs.slice(0, 5)]);
      const worker = workerName();
      assert.equal((await claimed(queue, worker)).id, running.id);
      const expected = jobs.map((job, at) => (at < 5 || job === running ? 'known' : 'added'));
      assert.deepEqual(await queue.announceAll(jobs), expected);
      assert.deepEqual(await queue.announceAll([contractJob(0, 0), contractJob(9, 1), contractJob(9, 1)]), [
        'added',
        'added',
        'known',
      ]);
      assert.equal((await queue.depth()).waiting, 601);
      assert.equal(await queue.complete(running, worker), true);
      const orders = [];
      for (let n = 0; n < 4; n += 1) orders.push((await claimed(queue, workerName())).order);
      assert.deepEqual(orders, [0, 1, 2, 4]);
    },
  ],
  [
    'knows the jobs it holds and no others, when it can tell',
    async (queue) => {
      const jobs = Array.from({ length: 1200 }, (_, order) => contractJob(order % 5, order));
      await announceAll(queue, jobs.slice(0, 600));
      const known = await queue.knows?.(jobs.map((job) => job.id));
      if (known)
        assert.deepEqual(
          [...known].sort(),
          jobs
            .slice(0, 600)
            .map((job) => job.id)
            .sort(),
        );
    },
  ],
  [
    'counts waiting, active and postponed jobs, and the rows of all',
    async (queue) => {
      await announceAll(queue, [contractJob(0, 1), contractJob(0, 2), contractJob(1, 3), contractJob(2, 4)]);
      const worker = workerName();
      const first = await claimed(queue, worker);
      await claimed(queue, workerName());
      await queue.postpone(first, worker, 500, 'unavailable');
      const depth = await queue.depth();
      assert.equal(depth.postponed, 1);
      assert.equal(depth.active, 1);
      assert.equal(depth.waiting, 2);
      assert.equal(depth.rows, 40);
    },
  ],
];

const ORDER: readonly [string, Body][] = [
  [
    'runs one job of a lane at a time, in order of `order`, however announced (Q1)',
    async (queue) => {
      await announceAll(queue, [contractJob(0, 30), contractJob(0, 10), contractJob(0, 20)]);
      for (const order of [10, 20, 30]) {
        const worker = workerName();
        const job = await claimed(queue, worker);
        assert.equal(job.order, order);
        assert.equal(await queue.claim(workerName(), LEASE_MS), undefined, 'the lane is busy');
        await queue.complete(job, worker);
      }
    },
  ],
  [
    'keeps a lane to one job when an older one is announced while a newer one runs (Q1)',
    async (queue) => {
      const worker = workerName();
      await queue.announce(contractJob(0, 20));
      const newer = await claimed(queue, worker);
      await queue.announce(contractJob(0, 10));
      assert.equal(await queue.claim(workerName(), LEASE_MS), undefined);
      assert.equal(await queue.complete(newer, worker), true);
      assert.equal((await claimed(queue, workerName())).order, 10);
    },
  ],
  [
    'runs lanes beside each other',
    async (queue) => {
      await announceAll(queue, [contractJob(0, 1), contractJob(1, 2), contractJob(2, 3)]);
      const lanes = new Set<number>();
      for (let n = 0; n < 3; n += 1) lanes.add((await claimed(queue, workerName())).lane);
      assert.deepEqual([...lanes].sort(), [0, 1, 2]);
    },
  ],
  [
    'gives a worker that names lanes jobs of these alone, and leaves the others to others',
    async (queue) => {
      await announceAll(queue, [contractJob(0, 1), contractJob(1, 2), contractJob(12, 3), contractJob(2, 4)]);
      const lanes = new Set([2, 12]);
      const first = workerName();
      const job = await queue.claim(first, LEASE_MS, lanes);
      assert.equal(job?.lane, 12, 'the oldest head of its lanes');
      assert.equal((await queue.claim(workerName(), LEASE_MS, lanes))?.lane, 2);
      assert.equal(await queue.claim(workerName(), LEASE_MS, lanes), undefined);
      assert.equal(await queue.claim(workerName(), LEASE_MS, new Set([5])), undefined);
      assert.deepEqual(
        [(await claimed(queue, workerName())).lane, (await claimed(queue, workerName())).lane],
        [0, 1],
      );
    },
  ],
  [
    'gives the lane whose head has the highest priority first, and never turns a lane round (Q6)',
    async (queue) => {
      await announceAll(queue, [
        { ...contractJob(0, 1), priority: 'low' },
        contractJob(1, 2),
        { ...contractJob(2, 9), priority: 'critical' },
        contractJob(3, 3),
        { ...contractJob(3, 4), priority: 'critical' },
      ]);
      const jobs = [];
      for (let at = 0; at < 4; at += 1) jobs.push(await claimed(queue, workerName()));
      assert.deepEqual(
        jobs.map(({ lane, order, priority = 'normal' }) => [lane, order, priority]),
        [
          [2, 9, 'critical'],
          [1, 2, 'normal'],
          [3, 3, 'normal'],
          [0, 1, 'low'],
        ],
      );
    },
  ],
  [
    'gives each job to one of two racing claimers, and no lane to both (Q1)',
    async (queue, harness) => {
      const other = await harness.open();
      await announceAll(
        queue,
        Array.from({ length: 40 }, (_, order) => contractJob(order % 4, order)),
      );
      const seen = new Map<number, number[]>();
      for (let round = 0; round < 40; round += 1) {
        const names = [workerName(), workerName()] as const;
        const jobs = await Promise.all([queue.claim(names[0], LEASE_MS), other.claim(names[1], LEASE_MS)]);
        assert.ok(jobs[0]?.lane !== jobs[1]?.lane || jobs[0] === undefined, 'one lane went to both claimers');
        for (const [at, job] of jobs.entries()) {
          if (!job) continue;
          seen.set(job.lane, [...(seen.get(job.lane) ?? []), job.order]);
          assert.equal(await (at === 0 ? queue : other).complete(job, names[at] ?? ''), true);
        }
      }
      for (const orders of seen.values())
        assert.deepEqual(
          orders,
          orders.toSorted((a, b) => a - b),
        );
      assert.equal([...seen.values()].flat().length, 40);
    },
  ],
  [
    'drains 10,000 jobs, each once, each lane in its order',
    async (queue) => {
      const jobs = Array.from({ length: 10_000 }, (_, n) => contractJob(n % 16, (n * 7919) % 10_000));
      await announceAll(queue, jobs);
      const lastByLane = new Map<number, number>();
      for (let n = 0; n < jobs.length; n += 1) {
        const worker = workerName();
        const job = await claimed(queue, worker);
        assert.ok(job.order > (lastByLane.get(job.lane) ?? -1), `lane ${job.lane} went back to ${job.order}`);
        lastByLane.set(job.lane, job.order);
        assert.equal(await queue.complete(job, worker), true);
      }
      assert.equal(await queue.claim(workerName(), LEASE_MS), undefined);
      assert.deepEqual({ ...(await queue.depth()) }, { waiting: 0, active: 0, postponed: 0, rows: 0 });
    },
  ],
];

const LEASES: readonly [string, Body][] = [
  [
    'gives the job of a dead worker to another when the lease ends, with its progress (Q2)',
    async (queue, harness) => {
      const dead = workerName();
      await queue.announce(contractJob(0, 1));
      const job = await claimed(queue, dead);
      assert.equal(await queue.checkpoint(job, dead, LEASE_MS, 4, '{"delivered":4}'), true);
      await harness.pass(LEASE_MS - 200);
      assert.equal(await queue.claim(workerName(), LEASE_MS), undefined, 'the lease still runs');
      await harness.pass(400);
      const again = await claimed(queue, workerName());
      assert.equal(again.id, job.id);
      assert.equal(again.attempts, 1);
      assert.equal(again.entriesDone, 4);
      assert.equal(again.progress, '{"delivered":4}');
    },
  ],
  [
    'keeps a job for a worker that renews its lease',
    async (queue, harness) => {
      const worker = workerName();
      await queue.announce(contractJob(0, 1));
      const job = await claimed(queue, worker);
      for (let n = 1; n <= 3; n += 1) {
        await harness.pass(LEASE_MS * 0.7);
        assert.equal(await queue.checkpoint(job, worker, LEASE_MS, n), true);
        assert.equal(await queue.claim(workerName(), LEASE_MS), undefined);
      }
      assert.equal(await queue.complete(job, worker), true);
    },
  ],
  [
    'tells a worker that lost its lease so, and changes nothing for the one that has it',
    async (queue, harness) => {
      const slow = workerName();
      const quick = workerName();
      await queue.announce(contractJob(0, 1));
      const job = await claimed(queue, slow);
      await harness.pass(LEASE_MS + 200);
      const taken = await claimed(queue, quick);
      assert.equal(await queue.checkpoint(job, slow, LEASE_MS, 9, 'stale'), false);
      assert.equal(await queue.postpone(job, slow, 60_000, 'stale'), false);
      assert.equal(await queue.complete(job, slow), false);
      assert.equal(await queue.checkpoint(taken, quick, LEASE_MS, 1), true);
      assert.equal(await queue.complete(taken, quick), true);
    },
  ],
  [
    'answers false, without an error, for a job it does not hold',
    async (queue) => {
      const job = contractJob(0, 1);
      assert.equal(await queue.checkpoint(job, workerName(), LEASE_MS, 0), false);
      assert.equal(await queue.complete(job, workerName()), false);
      assert.equal(await queue.postpone(job, workerName(), 10, 'unavailable'), false);
    },
  ],
];

const DELAYS: readonly [string, Body][] = [
  [
    'makes a lane wait for its postponed head, and the other lanes not (Q4)',
    async (queue, harness) => {
      const worker = workerName();
      await announceAll(queue, [contractJob(0, 1), contractJob(0, 2), contractJob(1, 3)]);
      const head = await claimed(queue, worker);
      assert.equal(head.order, 1);
      assert.equal(await queue.postpone(head, worker, 1000, 'unavailable'), true);
      assert.equal((await claimed(queue, workerName())).lane, 1);
      assert.equal(await queue.claim(workerName(), LEASE_MS), undefined, 'order 2 overtook order 1');
      await harness.pass(1200);
      const again = await claimed(queue, workerName());
      assert.equal(again.order, 1);
      assert.equal(again.attempts, 1);
    },
  ],
  [
    'keeps the progress of a postponed job',
    async (queue, harness) => {
      const worker = workerName();
      await queue.announce(contractJob(0, 1));
      const job = await claimed(queue, worker);
      await queue.checkpoint(job, worker, LEASE_MS, 2, 'two');
      await queue.postpone(job, worker, 100, 'throttled');
      await harness.pass(300);
      const again = await claimed(queue, workerName());
      assert.equal(again.entriesDone, 2);
      assert.equal(again.progress, 'two');
    },
  ],
  [
    'gives a job that was postponed by 0 ms back at once',
    async (queue) => {
      const worker = workerName();
      await queue.announce(contractJob(0, 1));
      const job = await claimed(queue, worker);
      await queue.postpone(job, worker, 0, 'closed');
      assert.equal((await claimed(queue, workerName())).id, job.id);
    },
  ],
];
