import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddedQueue } from '../../src/reconcile/embedded-queue.ts';
import { STATE_SCHEMA } from '../../src/reconcile/state-schema.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { contractJob, queueContract } from '../../src/testing/queue-contract.ts';
import { createWorkplace, type Workplace } from './workplace.ts';

describe('the embedded queue', () => {
  const contract = queueContract(async () => {
    const place = await createWorkplace();
    const clock = new ManualClock();
    return {
      open: async () => embeddedQueue({ state: await place.open(), clock }),
      pass: (ms) => clock.advance(ms),
      close: () => place.close(),
    };
  });
  for (const c of contract) it(c.name, { timeout: 60_000 }, c.run);
});

describe('the embedded queue on its file', () => {
  let place: Workplace;
  const clock = new ManualClock();

  beforeEach(async () => {
    place = await createWorkplace();
  });
  afterEach(() => place.close());

  it('remembers jobs, leases and progress when it is opened again', async () => {
    const state = await place.open();
    const queue = embeddedQueue({ state, clock });
    await queue.announce(contractJob(0, 1));
    const job = await queue.claim('a', 1000);
    expect(job && (await queue.checkpoint(job, 'a', 1000, 3, 'three'))).toBe(true);
    await state.close();
    const again = embeddedQueue({ state: await place.open(), clock });
    expect(await again.claim('b', 1000)).toBeUndefined();
    await clock.advance(1001);
    expect(await again.claim('b', 1000)).toMatchObject({ attempts: 1, entriesDone: 3, progress: 'three' });
  });

  it('lets a lease end although the wall clock was set back by a day', async () => {
    const queue = embeddedQueue({ state: await place.open(), clock });
    await queue.announce(contractJob(0, 1));
    await queue.claim('dead', 1000);
    clock.stepWall(-86_400_000);
    expect(await queue.claim('alive', 1000)).toMatchObject({ attempts: 1 });
  });

  it('lets the owner renew a lease that ran out while nobody took the lane', async () => {
    const queue = embeddedQueue({ state: await place.open(), clock });
    const job = contractJob(0, 1);
    await queue.announce(job);
    await queue.claim('slow', 1000);
    await clock.advance(5000);
    expect(await queue.checkpoint(job, 'slow', 1000, 1)).toBe(true);
    expect(await queue.claim('other', 1000)).toBeUndefined();
  });

  it('takes the lane from an expired job when an older one is claimed', async () => {
    const queue = embeddedQueue({ state: await place.open(), clock });
    const newer = contractJob(0, 20);
    await queue.announce(newer);
    await queue.claim('slow', 1000);
    await queue.announce(contractJob(0, 10));
    await clock.advance(1001);
    expect(await queue.claim('other', 1000)).toMatchObject({ order: 10 });
    expect(await queue.checkpoint(newer, 'slow', 1000, 1)).toBe(false);
  });

  it('claims and counts only the jobs of its chain', async () => {
    const state = await place.open();
    await embeddedQueue({ state, clock }).announce(contractJob(0, 1));
    const queue = embeddedQueue({ state, clock, chain: 'orders' });
    expect(await queue.claim('a', 1000)).toBeUndefined();
    expect(await queue.depth()).toEqual({ waiting: 0, active: 0, postponed: 0, rows: 0 });
    await queue.announce({ ...contractJob(0, 2), chain: 'orders' });
    expect(await queue.claim('a', 1000)).toMatchObject({ chain: 'orders' });
  });

  it('tells when its oldest job was announced, whatever became of that one but an end', async () => {
    const queue = embeddedQueue({ state: await place.open(), clock });
    const oldestMs = clock.wallNow();
    await queue.announce(contractJob(0, 2));
    await clock.advance(5000);
    await queue.announce(contractJob(0, 2));
    await queue.announce(contractJob(1, 1));
    expect(await queue.depth()).toMatchObject({ waiting: 2, oldestMs });
    const job = contractJob(0, 2);
    await queue.claim('a', 1000);
    await queue.claim('b', 1000);
    expect(await queue.depth()).toMatchObject({ active: 2, oldestMs });
    await queue.postpone(job, 'b', 1000, 'unavailable');
    expect(await queue.depth()).toMatchObject({ postponed: 1, oldestMs });
    await clock.advance(1000);
    await queue.claim('c', 1000);
    await queue.claim('d', 1000);
    await queue.complete(job, 'd');
    expect(await queue.depth()).toMatchObject({ active: 1, oldestMs: oldestMs + 5000 });
  });

  it('opens a state file whose jobs have no time yet', async () => {
    const old = new DatabaseSync(place.file);
    old.exec(STATE_SCHEMA.replace(/,\s*announced_ms INTEGER,\s*priority INTEGER/, ''));
    old.exec(
      "INSERT INTO jobs (id, chain, ref, lane, ord, rows, sha256) VALUES ('j', 'contract', 'r', 3, 1, 10, 's')",
    );
    old.close();
    const queue = embeddedQueue({ state: await place.open(), clock });
    expect(await queue.depth()).toEqual({ waiting: 1, active: 0, postponed: 0, rows: 10 });
    const oldestMs = clock.wallNow();
    await queue.announce(contractJob(0, 1));
    expect(await queue.depth()).toMatchObject({ waiting: 2, oldestMs });
  });

  it('claims the oldest head first, so that no lane starves', async () => {
    const queue = embeddedQueue({ state: await place.open(), clock });
    await queue.announce(contractJob(0, 50));
    await queue.announce(contractJob(9, 5));
    expect(await queue.claim('a', 1000)).toMatchObject({ lane: 9 });
  });
});
