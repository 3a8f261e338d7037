import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { readSettlement, settlementKey } from '../../src/reconcile/settlement.ts';
import { CHAIN, createScene, entryOf, type Scene } from './scene.ts';

function lines(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `{"id":"${prefix}-${n}"}`);
}

function names(scene: Scene): string[] {
  return scene.events.map(({ name }) => name);
}

describe('the worker', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  it('drains every object, each lane in order, and settles each with a proof', async () => {
    for (let n = 0; n < 12; n += 1) {
      const orderingKey = `key-${n % 3}`;
      await scene.put(n % 3, [
        entryOf(lines(`${n}a`, 5), { orderingKey }),
        entryOf(lines(`${n}b`, 5), { orderingKey }),
      ]);
    }
    const report = await scene.until(scene.worker().drain());
    expect(report).toMatchObject({ drained: true, done: { settled: 12, delivered: 120, lost: 0 } });
    for (const lane of [0, 1, 2]) {
      const texts = scene.chain.landings.filter((l) => l.orderingKey === `key-${lane}`).map((l) => l.text);
      const expected = [0, 1, 2, 3].flatMap((k) => {
        const n = lane + 3 * k;
        return [...lines(`${n}a`, 5), ...lines(`${n}b`, 5)];
      });
      expect(texts).toEqual(expected);
    }
    const ledger = await scene.report();
    expect(ledger).toMatchObject({ objects: 12, settled: 12, rows: 120, delivered: 120, balanced: true });
    for (const { settlement } of ledger.perObject) {
      expect(settlement?.proof).toMatchObject({ checked: 'lookup', missing: [] });
      expect(settlement?.proof.sourceDigest).toBe(settlement?.proof.sinkDigest);
    }
  });

  it('skips what the sink holds and counts it as held', async () => {
    const entry = entryOf(lines('a', 6));
    await scene.put(0, [entry]);
    scene.chain.rows.set(`${entry.key}-1`, 'held').set(`${entry.key}-4`, 'held');
    await scene.until(scene.worker().drain());
    expect(scene.chain.rewrites).toBe(0);
    expect(scene.chain.landings.map(({ text }) => text)).toEqual(
      lines('a', 6).filter((_line, n) => n !== 1 && n !== 4),
    );
    expect(await scene.report()).toMatchObject({ delivered: 4, alreadyHeld: 2, balanced: true });
  });

  it('gives rows their original identity when an entry holds only some rows of a batch', async () => {
    const key = 'f'.repeat(32);
    await scene.put(0, [entryOf(lines('a', 3), { key, rows: [4, 9, 17] })]);
    await scene.until(scene.worker().drain());
    expect([...scene.chain.rows.keys()]).toEqual([`${key}-4`, `${key}-9`, `${key}-17`]);
  });

  it('puts poison rows into quarantine byte for byte, and lands the others', async () => {
    const poison = '{"id":"b",  "odd\\u0000": "\u00e9  "}';
    const entry = entryOf(['{"id":"a"}', poison, '{"id":"c"}'], {
      rows: [5, 6, 7],
      attributes: { source: 'x' },
    });
    const job = await scene.put(0, [entry]);
    scene.chain.judge = (text) =>
      text === poison ? { reason: 'refused', detail: 'CHECK failed: odd' } : undefined;
    await scene.until(scene.worker().drain());
    expect(scene.chain.rows.size).toBe(2);
    const [row, ...others] = await scene.quarantine.list();
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      ref: job.ref,
      batchKey: entry.key,
      row: 1,
      originalRow: 6,
      reason: 'refused',
      detail: 'CHECK failed: odd',
      attempts: 1,
      attributes: { source: 'x' },
      state: 'held',
    });
    expect(Buffer.from(row?.body ?? []).toString()).toBe(`${poison}\n`);
    expect(await scene.report()).toMatchObject({ rows: 3, delivered: 2, quarantined: 1, balanced: true });
    expect(names(scene)).toContain('rowsQuarantined');
  });

  it('accepts a chain that throws its receipt', async () => {
    await scene.put(0, [entryOf(lines('a', 4))]);
    scene.chain.rejectsByThrowing = true;
    scene.chain.judge = (text) => (text.includes('a-2') ? { reason: 'undecodable' } : undefined);
    await scene.until(scene.worker().drain());
    expect(await scene.report()).toMatchObject({ delivered: 3, quarantined: 1, balanced: true });
  });

  it.each(['unavailable', 'throttled', 'ambiguous', 'circuit-open', 'partitioned', 'crashed'])(
    'never quarantines for %s: it waits and lands the rows later, in order',
    async (reason) => {
      await scene.put(0, [entryOf(lines('a', 3)), entryOf(lines('b', 3))]);
      await scene.put(0, [entryOf(lines('c', 3))]);
      let refusals = 6;
      scene.chain.judge = (text) => (text.includes('b-1') && refusals-- > 0 ? { reason } : undefined);
      const report = await scene.until(scene.worker().drain());
      expect(report).toMatchObject({ drained: true, done: { settled: 2, postponed: 6 } });
      expect(await scene.quarantine.counts()).toEqual([]);
      expect(scene.chain.landings.map(({ text }) => text).filter((text) => text.includes('"c'))).toEqual(
        lines('c', 3),
      );
      expect(scene.chain.landings.at(-1)?.text).toBe('{"id":"c-2"}');
      expect(await scene.report()).toMatchObject({ delivered: 9, alreadyHeld: 0, balanced: true });
    },
  );

  it('puts rows aside that crash a tier every time, so that their lane goes on', async () => {
    await scene.put(0, [entryOf(lines('a', 3))]);
    await scene.put(0, [entryOf(lines('b', 3))]);
    scene.chain.judge = (text) => (text.includes('a-1') ? { reason: 'crashed' } : undefined);
    const report = await scene.until(scene.worker().drain({ patienceMs: 600_000 }));
    expect(report).toMatchObject({ drained: true, done: { settled: 2, postponed: 7 } });
    expect(await scene.quarantine.counts()).toMatchObject([{ reason: 'crashed', held: 1 }]);
    expect(await scene.report()).toMatchObject({ delivered: 5, quarantined: 1, balanced: true });
  });

  it('backs off between attempts and honours what the sink asks for', async () => {
    await scene.put(0, [entryOf(lines('a', 1))]);
    let n = 0;
    scene.chain.judge = () => {
      n += 1;
      if (n <= 3) return { reason: 'unavailable' };
      return n === 4 ? { reason: 'throttled', retryAfterMs: 45_000 } : undefined;
    };
    await scene.until(scene.worker().drain());
    const delays = scene.events.flatMap(({ name, event }) =>
      name === 'jobPostponed' && 'delayMs' in event ? [event.delayMs] : [],
    );
    expect(delays).toEqual([250, 500, 1000, 45_000]);
  });

  it('gives up when only postponed jobs are left and patience ends, and loses nothing', async () => {
    await scene.put(0, [entryOf(lines('a', 3))]);
    await scene.put(1, [entryOf(lines('b', 3))]);
    scene.chain.judge = (text) => (text.includes('"a') ? { reason: 'unavailable' } : undefined);
    const report = await scene.until(scene.worker().drain({ patienceMs: 5000 }));
    expect(report).toMatchObject({ drained: false, lastObstacle: 'unavailable', done: { settled: 1 } });
    expect(report.left.rows).toBe(3);
    expect(report.durationMs).toBeLessThan(60_000);
    expect(await scene.report()).toMatchObject({ rows: 6, delivered: 3, pending: 3, balanced: true });
    scene.chain.judge = () => undefined;
    expect(await scene.until(scene.worker().drain())).toMatchObject({ drained: true });
  });

  it('counts rows that landed before an interruption as what they were, not as held', async () => {
    await scene.put(0, [entryOf(lines('a', 10))]);
    let isDown = true;
    scene.chain.degrade = (text) => /-[0-2]"/.test(text);
    scene.chain.judge = (text) => (isDown && /-[5-9]"/.test(text) ? { reason: 'unavailable' } : undefined);
    await scene.until(scene.worker().drain({ patienceMs: 2000 }));
    isDown = false;
    await scene.until(scene.worker().drain());
    expect(await scene.report()).toMatchObject({ delivered: 7, degraded: 3, alreadyHeld: 0, balanced: true });
  });

  it('delivers nothing of an object whose bytes changed, says so, and keeps the lane waiting', async () => {
    const job = await scene.put(0, [entryOf(lines('a', 3))]);
    await scene.put(0, [entryOf(lines('b', 3))]);
    scene.store.damage(job.ref, (body) => body.fill(0, 10, 20));
    const report = await scene.until(scene.worker().drain({ patienceMs: 3000 }));
    expect(report).toMatchObject({ drained: false, lastObstacle: 'STORAGE_CORRUPT' });
    expect(scene.chain.seen).toEqual([]);
    expect(names(scene)).toContain('storageFailed');
  });

  it('delivers nothing when the object is sound but not the one that was announced', async () => {
    const job = await scene.put(0, [entryOf(lines('a', 3))], false);
    await scene.queue.announce({ ...job, sha256: '0'.repeat(64) });
    const report = await scene.until(scene.worker().drain({ patienceMs: 1000 }));
    expect(report.lastObstacle).toBe('STORAGE_JOB_MISMATCH');
    expect(scene.chain.seen).toEqual([]);
  });

  it('delivers nothing when the job announced another number of rows', async () => {
    const job = await scene.put(0, [entryOf(lines('a', 3))], false);
    await scene.queue.announce({ ...job, rows: 4 });
    const report = await scene.until(scene.worker().drain({ patienceMs: 1000 }));
    expect(report.lastObstacle).toBe('STORAGE_ROWS_MISMATCH');
    expect(scene.chain.seen).toEqual([]);
  });

  it('does not settle while keys are missing, lists them next to the object, and sends them again', async () => {
    const entry = entryOf(lines('a', 4));
    const job = await scene.put(0, [entry]);
    // The sink answers well and forgets.
    const { chain } = scene;
    let forgets = true;
    const { lookup } = chain.sink;
    chain.sink.lookup = (keys) => {
      if (forgets && chain.rows.size > 0) forgets = !chain.rows.delete(`${entry.key}-2`);
      return lookup(keys);
    };
    await scene.until(scene.worker().drain({ patienceMs: 50 }));
    const reasons = scene.events.flatMap(({ event }) => ('reason' in event ? [event.reason] : []));
    expect(reasons).toContain('missing-after-replay');
    expect(scene.store.keys.filter((key) => key.includes('.incomplete-'))).toHaveLength(1);
    expect(await scene.report()).toMatchObject({ pending: 4, missing: 1, balanced: true });
    await scene.until(scene.worker().drain());
    expect(chain.rows.size).toBe(4);
    expect(await readSettlement(scene.store, job.ref)).toMatchObject({ state: 'valid' });
    expect(await scene.report()).toMatchObject({ pending: 0, missing: 0, balanced: true });
  });

  it('waits when the sink cannot be asked what it holds', async () => {
    await scene.put(0, [entryOf(lines('a', 2))]);
    scene.chain.lookupFails = new SinkError('unavailable', 'no answer');
    const report = await scene.until(scene.worker().drain({ patienceMs: 1000 }));
    expect(report).toMatchObject({ drained: false, lastObstacle: 'unavailable' });
    expect(scene.chain.seen).toEqual([]);
  });

  it('settles by receipt when the sink cannot look up keys', async () => {
    const job = await scene.put(0, [entryOf(lines('a', 2))]);
    await scene.until(scene.worker({ sink: {} }).drain());
    const found = await readSettlement(scene.store, job.ref);
    expect(found).toMatchObject({
      settlement: { delivered: 2, proof: { checked: 'receipt', sinkDigest: null } },
    });
  });

  it('completes a job whose worker died between settlement and completion, without sending anything', async () => {
    const job = await scene.put(0, [entryOf(lines('a', 3))]);
    const dying = scene.worker({
      queue: { ...bindQueue(scene), complete: () => new Promise<boolean>(() => {}) },
    });
    void dying.drain();
    await advanceUntilKey(scene, settlementKey(job.ref));
    const sent = scene.chain.seen.length;
    const next = await scene.reopen();
    const report = await next.until(next.worker().drain());
    expect(report).toMatchObject({ drained: true, done: { settled: 0 } });
    expect(scene.chain.seen).toHaveLength(sent);
    expect(await scene.report()).toMatchObject({ settled: 1, delivered: 3, balanced: true });
  });

  it('postpones a job that throws something unexpected, and goes on with the others', async () => {
    await scene.put(0, [entryOf(lines('a', 2))]);
    await scene.put(1, [entryOf(lines('b', 2))]);
    let bugs = 2;
    scene.chain.before = async (batch) => {
      if (Buffer.from(batch.body).includes('"a') && bugs-- > 0) throw new TypeError('a bug');
    };
    const report = await scene.until(scene.worker().drain());
    expect(report).toMatchObject({
      drained: true,
      lastObstacle: 'crashed',
      done: { settled: 2, postponed: 2 },
    });
  });

  it('refuses a replay chain that stores rows again', async () => {
    await scene.put(0, [entryOf(lines('a', 2))]);
    const { chain } = scene;
    const engine = {
      submitBatch: async (...args: Parameters<typeof chain.submitBatch>) => ({
        ...(await chain.submitBatch(...args)),
        delivered: 0,
        deferred: 2,
      }),
    };
    const report = await scene.until(scene.worker({ engine }).drain({ patienceMs: 100 }));
    expect(report).toMatchObject({ drained: false, lastObstacle: 'REPLAY_CHAIN_STORES' });
  });

  it('closes after the running window and gives the job back at once', async () => {
    const key = { orderingKey: 'k' };
    await scene.put(
      0,
      ['a', 'b', 'c'].map((name) => entryOf(lines(name, 2), key)),
    );
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    scene.chain.before = () => {
      entered.resolve();
      return gate.promise;
    };
    const worker = scene.worker();
    worker.start();
    await scene.until(entered.promise);
    const closing = worker.close();
    gate.resolve();
    await scene.until(closing);
    expect(scene.chain.rows.size).toBe(2);
    const job = await scene.queue.claim('next', 1000);
    expect(job).toMatchObject({ entriesDone: 1 });
    await scene.until(worker.close());
  });

  it('drains again with the same worker, and while it is started', async () => {
    const worker = scene.worker();
    await scene.put(0, [entryOf(lines('a', 2))]);
    expect(await scene.until(worker.drain())).toMatchObject({ drained: true, done: { settled: 1 } });
    await scene.put(0, [entryOf(lines('b', 2))]);
    worker.start();
    expect(await scene.until(worker.drain())).toMatchObject({ drained: true });
    await scene.put(0, [entryOf(lines('c', 2))]);
    await scene.clock.advance(1000);
    expect(worker.stats).toMatchObject({ settled: 3, delivered: 6, running: 0 });
    await scene.until(worker.close());
    expect(scene.clock.pending).toBe(0);
  });

  it('ends a drain when its signal is aborted, after the running window', async () => {
    await scene.put(0, [
      entryOf(lines('a', 2), { orderingKey: 'k' }),
      entryOf(lines('b', 2), { orderingKey: 'k' }),
    ]);
    const stop = new AbortController();
    scene.chain.before = async () => stop.abort(new Error('enough'));
    const drain = scene.worker().drain({ signal: stop.signal });
    await expect(scene.until(drain)).rejects.toThrow('enough');
    expect(scene.chain.rows.size).toBe(2);
    expect(await scene.queue.depth()).toMatchObject({ active: 0, waiting: 1 });
  });

  it('does not spin while there is nothing to do', async () => {
    let claims = 0;
    const queue = bindQueue(scene);
    const worker = scene.worker({
      queue: {
        ...queue,
        claim: (name, leaseMs) => {
          claims += 1;
          return queue.claim(name, leaseMs);
        },
      },
    });
    worker.start();
    await scene.clock.advance(10_000);
    expect(claims).toBeLessThanOrEqual(52);
    expect(claims).toBeGreaterThan(40);
    await scene.until(worker.close());
  });

  it('keeps trying when the queue fails, and tells about it', async () => {
    await scene.put(0, [entryOf(lines('a', 2))]);
    const queue = bindQueue(scene);
    let failures = 3;
    const worker = scene.worker({
      queue: {
        ...queue,
        claim: (name, leaseMs) =>
          failures-- > 0 ? Promise.reject(new Error('queue away')) : queue.claim(name, leaseMs),
      },
    });
    worker.start();
    await scene.clock.advance(20_000);
    expect(worker.stats.settled).toBe(1);
    expect(scene.events.filter(({ name }) => name === 'storageFailed')).toHaveLength(3);
    await scene.until(worker.close());
  });

  it('names its chain in every event', async () => {
    await scene.put(0, [entryOf(lines('a', 1))]);
    await scene.until(scene.worker().drain());
    expect(scene.events.length).toBeGreaterThan(0);
    for (const { event } of scene.events) expect(event).toMatchObject({ chain: CHAIN });
  });
});

function bindQueue({ queue }: Scene) {
  return {
    announce: queue.announce.bind(queue),
    claim: queue.claim.bind(queue),
    checkpoint: queue.checkpoint.bind(queue),
    complete: queue.complete.bind(queue),
    postpone: queue.postpone.bind(queue),
    depth: queue.depth.bind(queue),
    close: queue.close.bind(queue),
  };
}

async function advanceUntilKey(scene: Scene, key: string): Promise<void> {
  for (let n = 0; n < 1000 && !scene.store.keys.includes(key); n += 1) await scene.clock.advance(50);
}
