import { describe, expect, it } from 'vitest';
import { REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import type { RunOptions } from '../../src/chain/run-batches.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { BackpressureError, ChainExhaustedError, SubmitAbortedError } from '../../src/core/errors.ts';
import type { Receipt } from '../../src/core/outcome.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';
import { defaultChain } from './default-chain.ts';
import { batchOf, checkBooksAfterEach, checkReceipt, failureOf, type Rig, rigOf } from './rig.ts';

checkBooksAfterEach();

const ROW_BYTES = '{"n":0}\n'.length;

function amplifying(amplification: number, budgetBytes: number, settlesOnAbort = false) {
  const only = fakeTier({ amplification, settlesOnAbort });
  const rest = fakeTier();
  const chain = defineChain({
    entry: 'only',
    tiers: { only, rest },
    edges: { only: { otherwise: 'rest' }, rest: { otherwise: REJECT } },
    limits: { only: { budgetBytes } },
  });
  return { chain, only, rest };
}

describe('byte budget', () => {
  it('sends a batch that does not fit past the tier without calling it', async () => {
    const { chain, only, rest } = amplifying(3, 4 * 3 * ROW_BYTES);
    const { engine, metrics } = rigOf(chain);
    only.hold();
    const first = engine.submit(batchOf(3));
    const second = await engine.submit(batchOf(2));
    expect(second.trail[0]).toMatchObject({ attempts: 0, left: [{ reason: 'over-budget', rows: 2 }] });
    expect(metrics.read('fallback_budget_reserved_bytes', { tier: 'only' })).toEqual([3 * 3 * ROW_BYTES]);
    const third = engine.submit(batchOf(1));
    await only.whenHeld(2);
    only.release();
    checkReceipt(await first);
    checkReceipt(await third);
    expect([only.runs.length, rest.runs.length]).toEqual([2, 1]);
  });

  it('lets nobody in who is larger than the whole of it', async () => {
    const { chain, only } = amplifying(1, 10);
    const { engine } = rigOf(chain);
    expect((await engine.submit(batchOf(5))).trail[0]?.left).toMatchObject([{ reason: 'over-budget' }]);
    expect(only.runs).toHaveLength(0);
  });

  it.each(['lands', 'leaves', 'throws', 'throws at once', 'hangs', 'is aborted'])(
    'has its lease back when the tier %s',
    async (how) => {
      const { chain, only } = amplifying(2, 1_000);
      const { engine, clock } = rigOf(chain);
      const controller = new AbortController();
      if (how === 'leaves') only.failNext('unavailable', [1]);
      if (how === 'throws') only.throwNext(new Error('boom'));
      if (how === 'throws at once') only.throwNext(new Error('boom'), 'sync');
      if (how === 'hangs' || how === 'is aborted') only.hold();
      const settled = engine.submit(batchOf(3), { signal: controller.signal }).catch((error: unknown) => error);
      if (how === 'is aborted') controller.abort();
      await clock.advance(10_000);
      await settled;
      expect(engine.stations.map(({ reservedBytes }) => reservedBytes)).toEqual([0, 0]);
    },
  );
});

describe('backpressure', () => {
  it('refuses before any work is done, and takes the same batch later', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain, { inFlightBytesMax: 4 * ROW_BYTES });
    tiers.primary.hold();
    const first = engine.submit(batchOf(3));
    const error = await failureOf(engine.submit(batchOf(2)));
    expect(error).toBeInstanceOf(BackpressureError);
    expect(error).toMatchObject({ code: 'BACKPRESSURE', retryable: true });
    expect((error as BackpressureError).retryAfterMs).toBeGreaterThan(0);
    expect([tiers.primary.runs.length, engine.ledger.accepted]).toEqual([1, 3]);
    tiers.primary.release();
    await first;
    expect(await engine.submit(batchOf(2))).toMatchObject({ delivered: 2 });
  });

  it('never refuses a batch when nothing else is in flight', async () => {
    const { chain } = defaultChain();
    const { engine } = rigOf(chain, { inFlightBytesMax: 1 });
    expect(await engine.submit(batchOf(5))).toMatchObject({ delivered: 5 });
  });
});

describe('engine.run', () => {
  /** Collects receipts while the clock is moved along. */
  function collect(
    rig: Rig,
    batches: AsyncIterable<BatchInput> | Iterable<BatchInput>,
    options: RunOptions = {},
  ) {
    const receipts: Receipt[] = [];
    const done = (async () => {
      for await (const receipt of rig.engine.run(batches, options)) receipts.push(receipt);
    })();
    done.catch(() => {});
    return { receipts, done };
  }

  const numbered = (count: number): BatchInput[] =>
    Array.from({ length: count }, (_, n) => batchOf(1, { id: `b${n}` }));

  it('yields receipts in submit order whatever the order of landing', async () => {
    const { chain, tiers } = defaultChain();
    const rig = rigOf(chain);
    tiers.primary.failNext('unavailable');
    tiers['schema-retry'].hold();
    const { receipts, done } = collect(rig, numbered(5), { inFlightMax: 3 });
    await tiers['schema-retry'].whenHeld(1);
    await rig.clock.advance(0);
    expect([receipts.length, tiers.primary.runs.length]).toEqual([0, 3]);
    tiers['schema-retry'].release();
    await done;
    const keys = tiers.primary.runs.map(({ work }) => work.batch.id);
    expect(keys).toEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
    expect(receipts.map(({ batchKey }) => batchKey)).toEqual(
      tiers.primary.runs.map(({ work }) => work.batch.key),
    );
  });

  it('keeps at most the window in flight and pulls no further', async () => {
    const { chain, tiers } = defaultChain();
    const rig = rigOf(chain);
    let pulled = 0;
    function* source() {
      for (const batch of numbered(10)) {
        pulled += 1;
        yield batch;
      }
    }
    tiers.primary.hold();
    const { receipts, done } = collect(rig, source(), { inFlightMax: 4 });
    await tiers.primary.whenHeld(4);
    await rig.clock.advance(100);
    expect([pulled, tiers.primary.runs.length]).toEqual([4, 4]);
    tiers.primary.release();
    await done;
    expect([pulled, receipts.length]).toEqual([10, 10]);
  });

  it('yields a receipt as soon as it is there, while the source is silent', async () => {
    const { chain } = defaultChain();
    const rig = rigOf(chain);
    let go: () => void = () => {};
    async function* source() {
      yield batchOf(1, { id: 'first' });
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      yield batchOf(1, { id: 'second' });
    }
    const { receipts, done } = collect(rig, source());
    await rig.clock.advance(1);
    expect(receipts).toHaveLength(1);
    go();
    await done;
    expect(receipts).toHaveLength(2);
  });

  it('waits out backpressure and keeps the order of the source', async () => {
    const { chain, tiers } = defaultChain();
    const rig = rigOf(chain, { inFlightBytesMax: 4 * ROW_BYTES });
    tiers.primary.hold();
    const big = batchOf(4, { id: 'big' });
    const { receipts, done } = collect(rig, [batchOf(2, { id: 'first' }), big, batchOf(1, { id: 'small' })]);
    await tiers.primary.whenHeld(1);
    await rig.clock.advance(500);
    expect(tiers.primary.runs).toHaveLength(1);
    tiers.primary.release();
    await rig.clock.advance(500);
    await done;
    expect(tiers.primary.runs.map(({ work }) => work.batch.id)).toEqual(['first', 'big', 'small']);
    expect(receipts.map(({ records }) => records)).toEqual([2, 4, 1]);
  });

  it('throws a failure in its turn, after the receipts before it and after the others have landed', async () => {
    const { chain, tiers } = defaultChain();
    const rig = rigOf(chain);
    tiers.primary.answerAlways((work) =>
      work.batch.id === 'b1' ? { residue: [{ rows: 'all', reason: 'undecodable' }] } : undefined,
    );
    tiers['raw-persist'].failNext('unavailable');
    let isReturned = false;
    function* source() {
      try {
        yield* numbered(100);
      } finally {
        isReturned = true;
      }
    }
    const { receipts, done } = collect(rig, source(), { inFlightMax: 4 });
    expect(await failureOf(done)).toBeInstanceOf(ChainExhaustedError);
    expect([receipts.length, isReturned]).toEqual([1, true]);
    expect(tiers.primary.runs.length).toBeLessThan(10);
  });

  it('throws what the source throws, once everything in flight has landed', async () => {
    const { chain, tiers } = defaultChain();
    const rig = rigOf(chain);
    async function* source() {
      yield* numbered(2);
      throw new Error('the source broke');
    }
    tiers.primary.hold();
    const { receipts, done } = collect(rig, source());
    await tiers.primary.whenHeld(2);
    await rig.clock.advance(1);
    tiers.primary.release();
    await expect(done).rejects.toThrow('the source broke');
    expect([receipts.length, rig.engine.ledger.delivered]).toEqual([2, 2]);
  });

  it('stops on abort while batches are in flight, and leaves them with the caller', async () => {
    const { chain, tiers } = defaultChain();
    const rig = rigOf(chain);
    const controller = new AbortController();
    tiers.primary.hold();
    const { done } = collect(rig, numbered(5), { signal: controller.signal, inFlightMax: 2 });
    await tiers.primary.whenHeld(2);
    controller.abort();
    expect(await failureOf(done)).toBeInstanceOf(SubmitAbortedError);
    expect(rig.engine.ledger).toMatchObject({ accepted: 2, rejected: 2 });
  });

  it('stops on abort while the source is silent', async () => {
    const { chain } = defaultChain();
    const rig = rigOf(chain);
    const controller = new AbortController();
    let isReturned = false;
    const silent: AsyncIterable<BatchInput> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          isReturned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const { done } = collect(rig, silent, { signal: controller.signal });
    await rig.clock.advance(1);
    const reason = new Error('enough');
    controller.abort(reason);
    expect([await failureOf(done), isReturned]).toEqual([reason, true]);
  });

  it('stops on abort while it waits out backpressure', async () => {
    const { chain, tiers } = defaultChain();
    const rig = rigOf(chain, { inFlightBytesMax: ROW_BYTES });
    tiers.primary.hold();
    const other = rig.engine.submit(batchOf(1));
    const controller = new AbortController();
    const { done } = collect(rig, numbered(1), { signal: controller.signal });
    await rig.clock.advance(120);
    controller.abort();
    await rig.clock.advance(50);
    expect(await failureOf(done)).toBe(controller.signal.reason);
    tiers.primary.release();
    await other;
  });

  it('gives the source back when the consumer stops early', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    let isReturned = false;
    async function* source() {
      try {
        yield* numbered(100);
      } finally {
        isReturned = true;
      }
    }
    for await (const receipt of engine.run(source(), { inFlightMax: 3 })) {
      expect(receipt.delivered).toBe(1);
      break;
    }
    expect(isReturned).toBe(true);
    expect(tiers.primary.runs.length).toBeLessThan(10);
  });

  it('leaves no listener on the signal', async () => {
    const { chain } = defaultChain();
    const rig = rigOf(chain);
    const { signal } = new AbortController();
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
    await collect(rig, numbered(20), { signal }).done;
    expect(listeners).toBe(0);
  });
});
