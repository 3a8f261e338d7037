import { describe, expect, it } from 'vitest';
import { EngineClosedError, SubmitAbortedError } from '../../src/core/errors.ts';
import { defaultChain, type TierName } from './default-chain.ts';
import { batchOf, checkBooksAfterEach, checkReceipt, failureOf, rigOf } from './rig.ts';

checkBooksAfterEach();

const WAYS: Readonly<Record<TierName, string | undefined>> = {
  primary: undefined,
  'schema-retry': 'unavailable',
  'schema-coerce': 'schema-mismatch',
  'raw-persist': 'undecodable',
};
const NAMES = Object.keys(WAYS) as TierName[];

/** Counts the listeners on a signal. */
function watchedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  return { controller, signal, listeners: () => listeners };
}

describe('abort', () => {
  it('before submit does no work and leaves all rows with the caller', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    const reason = new Error('enough');
    const error = await failureOf(engine.submit(batchOf(3), { signal: AbortSignal.abort(reason) }));
    expect(error).toBeInstanceOf(SubmitAbortedError);
    expect(error).toMatchObject({ cause: reason, receipt: { records: 3, rejected: 3, trail: [] } });
    checkReceipt((error as SubmitAbortedError).receipt);
    expect([tiers.primary.runs.length, engine.ledger.accepted]).toEqual([0, 0]);
  });

  describe.each([true, false])('with tiers that settle on abort: %s', (settlesOnAbort) => {
    it.each(NAMES)('in %s leaves the tier behind at once', async (name) => {
      const { chain, tiers } = defaultChain({ settlesOnAbort });
      const { engine, metrics, events } = rigOf(chain);
      const { controller, signal, listeners } = watchedSignal();
      const way = WAYS[name];
      if (way) tiers.primary.failNext(way, [1, 2]);
      tiers[name].hold();
      const failed = failureOf(engine.submit(batchOf(3), { signal }));
      await tiers[name].whenHeld(1);
      const reason = new Error('enough');
      controller.abort(reason);
      const error = await failed;
      expect(error).toBeInstanceOf(SubmitAbortedError);
      expect(error).toMatchObject({ code: 'SUBMIT_ABORTED', cause: reason });
      const { receipt } = error as SubmitAbortedError;
      checkReceipt(receipt);
      expect(receipt).toMatchObject(way ? { delivered: 1, rejected: 2 } : { delivered: 0, rejected: 3 });
      expect(receipt.rejections).toMatchObject([{ reason: 'ambiguous', detail: 'aborted by the caller' }]);
      expect(metrics.total('fallback_records_total', { disposition: 'rejected' })).toBe(receipt.rejected);
      expect(events('batchRejected')).toHaveLength(1);
      expect(listeners()).toBe(0);
      expect(tiers[name].runs[0]?.work.signal.aborted).toBe(true);
      const before = JSON.stringify(receipt);
      tiers[name].release();
      await new Promise(setImmediate);
      expect(JSON.stringify(receipt), 'what a tier says later is ignored').toBe(before);
    });
  });

  it('rejects rows that still wait for other tiers, each counted once', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, metrics } = rigOf(chain);
    const controller = new AbortController();
    tiers.primary.answer({
      residue: [
        { rows: [0], reason: 'unavailable' },
        { rows: [1], reason: 'schema-mismatch' },
        { rows: [2, 3], reason: 'undecodable' },
      ],
    });
    tiers['schema-retry'].hold();
    const failed = failureOf(engine.submit(batchOf(5), { signal: controller.signal }));
    await tiers['schema-retry'].whenHeld(1);
    controller.abort();
    const { receipt } = (await failed) as SubmitAbortedError;
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, rejected: 4 });
    expect(metrics.total('fallback_records_total', { disposition: 'rejected' })).toBe(4);
    expect([tiers['schema-coerce'].runs.length, tiers['raw-persist'].runs.length]).toEqual([0, 0]);
  });

  it('after the batch landed changes nothing, and its listener is gone', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    const { controller, signal, listeners } = watchedSignal();
    tiers.primary.failNext('unavailable');
    const receipt = await engine.submit(batchOf(2), { signal });
    expect(listeners()).toBe(0);
    controller.abort();
    expect(receipt).toMatchObject({ delivered: 2, rejected: 0 });
  });

  it('by a listener of a transition rejects what has not landed, each row once', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, metrics } = rigOf(chain);
    const controller = new AbortController();
    tiers.primary.answer({
      residue: [
        { rows: [0], reason: 'unavailable' },
        { rows: [1, 2], reason: 'undecodable' },
      ],
    });
    engine.on('tierTransitioned', () => controller.abort());
    const error = await failureOf(engine.submit(batchOf(4), { signal: controller.signal }));
    const { receipt } = error as SubmitAbortedError;
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, rejected: 3 });
    expect(metrics.total('fallback_records_total', { disposition: 'rejected' })).toBe(3);
  });

  it('by a listener of the last transition keeps what landed', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    const controller = new AbortController();
    tiers.primary.failNext('undecodable');
    engine.on('batchDeferred', () => controller.abort());
    expect(await engine.submit(batchOf(2), { signal: controller.signal })).toMatchObject({ deferred: 2 });
  });

  it('is seen by a tier that reads its signal only afterwards', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    const controller = new AbortController();
    tiers.primary.hold();
    const failed = failureOf(engine.submit(batchOf(2), { signal: controller.signal }));
    await tiers.primary.whenHeld(1);
    controller.abort();
    await failed;
    const work = tiers.primary.runs[0]?.work;
    expect(work?.signal.aborted).toBe(true);
    await expect(work?.wait(1_000)).rejects.toThrow('aborted by the caller');
  });

  it('refuses calls that a tier left behind tries to make', async () => {
    const { chain, tiers } = defaultChain({ limits: { primary: { timeoutMs: 50 } } });
    const { engine, clock } = rigOf(chain);
    const controller = new AbortController();
    tiers.primary.hold();
    const failed = failureOf(engine.submit(batchOf(2), { signal: controller.signal }));
    await tiers.primary.whenHeld(1);
    controller.abort();
    await failed;
    const work = tiers.primary.runs[0]?.work;
    expect(work?.enter()).toBe('crashed');
    let sent = 0;
    await expect(
      work?.call(async () => {
        sent += 1;
      }),
    ).rejects.toMatchObject({ reason: 'crashed' });
    expect(sent).toBe(0);
    await clock.advance(1_000);
  });

  it('of one batch does not touch another', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    const controller = new AbortController();
    tiers.primary.hold();
    const failed = failureOf(engine.submit(batchOf(2), { signal: controller.signal }));
    const kept = engine.submit(batchOf(2));
    await tiers.primary.whenHeld(2);
    controller.abort();
    await failed;
    tiers.primary.release();
    expect(await kept).toMatchObject({ delivered: 2 });
  });
});

describe('close', () => {
  it('waits for what is in flight, then closes the tiers', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    await engine.open();
    tiers.primary.hold();
    const receipt = engine.submit(batchOf(2));
    await tiers.primary.whenHeld(1);
    let isClosed = false;
    const closed = engine.close().then(() => {
      isClosed = true;
    });
    await new Promise(setImmediate);
    expect([isClosed, tiers.primary.closed]).toEqual([false, 0]);
    tiers.primary.release();
    expect(await receipt).toMatchObject({ delivered: 2 });
    await closed;
    expect(NAMES.map((name) => tiers[name].closed)).toEqual([1, 1, 1, 1]);
  });

  it('is one close however often it is called', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, clock } = rigOf(chain);
    await engine.open();
    const first = engine.close();
    expect(engine.close()).toBe(first);
    await first;
    await engine[Symbol.asyncDispose]();
    expect([tiers.primary.closed, clock.pending]).toEqual([1, 0]);
  });

  it('refuses batches from the moment it is called', async () => {
    const { chain } = defaultChain();
    const { engine } = rigOf(chain);
    const closed = engine.close();
    expect(await failureOf(engine.submit(batchOf(1)))).toBeInstanceOf(EngineClosedError);
    await closed;
    expect(await failureOf(engine.submit(batchOf(1)))).toBeInstanceOf(EngineClosedError);
  });

  it.each(['sync', 'async'])('closes every tier when one throws (%s), and says so', async (how) => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    await engine.open();
    if (how === 'async') tiers.primary.failClose(new Error('stuck'));
    else {
      tiers.primary.close = () => {
        throw new Error('stuck');
      };
    }
    await expect(engine.close()).rejects.toThrow('stuck');
    expect(NAMES.slice(1).map((name) => tiers[name].closed)).toEqual([1, 1, 1]);
  });
});
