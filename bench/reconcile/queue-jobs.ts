/**
 * Jobs through the queue in Redis beside the least that Redis could do for as many: XADD of the same bytes, in pipelines.
 * In a process of its own; prints jobs per second.
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { bullmqQueue } from '../../src/assembly/bullmq-queue.ts';
import { jobOf } from '../../src/reconcile/job.ts';
import type { Job, Queue } from '../../src/reconcile/queue.ts';

export interface JobRates {
  readonly xadd: number;
  readonly announce: number;
  readonly endToEnd: number;
}

const JOBS = 4_000;
const LANES = 16;
const CLAIMANTS = 4;
const IN_FLIGHT = 256;
const LEASE_MS = 10_000;
const CHAIN = 'bench';

function makeJobs(count: number): readonly Job[] {
  return Array.from({ length: count }, (_, order) => {
    const sha256 = randomUUID().replaceAll('-', '').repeat(2);
    const lane = order % LANES;
    const name = `${String(order).padStart(16, '0')}-${sha256.slice(0, 32)}.parquet`;
    const ref = `chain=${CHAIN}/date=2026-01-01/hour=00/part=${String(lane).padStart(2, '0')}/${name}`;
    return jobOf(CHAIN, { ref, lane, order, rows: 1_000, sha256 });
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function xadd(client: Redis, jobs: readonly Job[]): Promise<void> {
  const stream = `bench:${randomUUID()}`;
  for (let at = 0; at < jobs.length; at += IN_FLIGHT) {
    const pipeline = client.pipeline();
    for (const job of jobs.slice(at, at + IN_FLIGHT)) pipeline.xadd(stream, '*', 'job', JSON.stringify(job));
    await pipeline.exec();
  }
  await client.del(stream);
}

/** A queue that takes many at once does so; one that does not is given many at a time. */
async function announce(queue: Queue, jobs: readonly Job[]): Promise<void> {
  if (queue.announceAll) {
    await queue.announceAll(jobs);
    return;
  }
  const left = jobs.values();
  const announceRest = async (): Promise<void> => {
    for (const job of left) await queue.announce(job);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, announceRest));
}

/** As many claimants as one worker has jobs at a time. @returns how many jobs came */
async function claimAndComplete(queue: Queue): Promise<number> {
  let done = 0;
  const work = async (_: unknown, claimant: number): Promise<void> => {
    for (let claim = 0; ; claim += 1) {
      const name = `${claimant}/${claim}`;
      const job = await queue.claim(name, LEASE_MS);
      if (!job) return;
      if (!(await queue.complete(job, name))) throw new Error(`${job.id} was lost`);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: CLAIMANTS }, work));
  while (done < JOBS) await work(undefined, CLAIMANTS + done);
  return done;
}

async function measure(url: string, client: Redis): Promise<JobRates> {
  const queue = bullmqQueue({ connection: url, chain: CHAIN, namespace: `bench-${randomUUID()}` });
  const jobs = makeJobs(JOBS);
  const fill = await queue.beginFill?.();
  await fill?.end();
  const before = await timed(() => xadd(client, jobs));
  const announced = await timed(() => announce(queue, jobs));
  const between = await timed(() => xadd(client, jobs));
  const claimed = await timed(() => claimAndComplete(queue));
  await queue.close();
  const rate = (ms: number): number => (JOBS / ms) * 1_000;
  return {
    xadd: rate((before + between) / 2),
    announce: rate(announced),
    endToEnd: rate(announced + claimed),
  };
}

const url = process.argv[2] ?? '';
const client = new Redis(url);
await measure(url, client);
const rates = await measure(url, client);
client.disconnect();
process.stdout.write(`${JSON.stringify(rates)}\n`);
process.exit(0);
