import { describe, expect, it } from 'vitest';
import { REJECT } from '../../src/chain/chain.ts';
import { Deadlines } from '../../src/chain/deadlines.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { ChainExhaustedError, SinkError } from '../../src/core/errors.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import type { Work } from '../../src/tiers/tier.ts';
import { defaultChain } from './default-chain.ts';
import { batchOf, checkBooksAfterEach, checkReceipt, failureOf, rigOf } from './rig.ts';

checkBooksAfterEach();

const LATE = 'no answer within 10000 ms';

/** A tier whose run is the given function; declares two reasons and lands rows as delivered. */
function tierOf(run: (work: Work) => Promise<undefined>, settlesOnAbort = false) {
  return {
    kind: 'made',
    reasons: ['ambiguous', 'unavailable'] as const,
    lands: 'delivered' as const,
    settlesOnAbort,
    run,
  };
}

describe('deadline', () => {
  it.each([true, false])('passes on the rows of a hung tier (settles on abort: %s)', async (settlesOnAbort) => {
    const { chain, tiers } = defaultChain({ settlesOnAbort });
    const { engine, clock } = rigOf(chain);
    tiers.primary.hold();
    const submitted = engine.submit(batchOf(3));
    await clock.advance(9_999);
    expect(tiers['schema-retry'].runs).toHaveLength(0);
    await clock.advance(1);
    const receipt = await submitted;
    checkReceipt(receipt);
    expect(receipt.trail).toMatchObject([
      {
        tier: 'primary',
        latencyMs: 10_000,
        left: [{ reason: 'ambiguous', rows: 3, detail: `primary: ${LATE}` }],
      },
      { tier: 'schema-retry', rowsLanded: 3 },
    ]);
    expect(tiers.primary.runs[0]?.work.signal.aborted).toBe(true);
    const before = JSON.stringify(receipt);
    tiers.primary.release();
    await clock.advance(0);
    expect(JSON.stringify(receipt), 'a late success is ignored').toBe(before);
  });

  it('passes on rows from a second tier that hangs too, and waits longer for tiers that store', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, clock } = rigOf(chain);
    for (const tier of Object.values(tiers)) tier.hold();
    const failed = failureOf(engine.submit(batchOf(3)));
    await clock.advance(20_000);
    expect(tiers['raw-persist'].held).toBe(1);
    await clock.advance(59_999);
    expect(tiers['raw-persist'].runs[0]?.work.signal.aborted).toBe(false);
    await clock.advance(1);
    const error = await failed;
    expect(error).toBeInstanceOf(ChainExhaustedError);
    checkReceipt((error as ChainExhaustedError).receipt);
  });

  it('is the one set for the tier', async () => {
    const { chain, tiers } = defaultChain({ limits: { primary: { timeoutMs: 250 } } });
    const { engine, clock } = rigOf(chain);
    tiers.primary.hold();
    const submitted = engine.submit(batchOf(1));
    await clock.advance(250);
    expect((await submitted).trail[0]).toMatchObject({ latencyMs: 250, left: [{ reason: 'ambiguous' }] });
  });

  it('of a tier that does not declare ambiguous is a crash that says what happened', async () => {
    const only = fakeTier({ reasons: ['unavailable'] });
    const chain = defineChain({ entry: 'only', tiers: { only }, edges: { only: { otherwise: REJECT } } });
    const { engine, clock } = rigOf(chain);
    only.hold();
    const failed = failureOf(engine.submit(batchOf(1)));
    await clock.advance(10_000);
    expect((await failed) as ChainExhaustedError).toMatchObject({
      receipt: { rejections: [{ reason: 'crashed', detail: `only: ${LATE}` }] },
    });
  });

  it('hands the caller the whole receipt when the entry settles long after later tiers ran', async () => {
    let settle: () => void = () => {};
    const entry = tierOf(async (work) => {
      work.enter();
      await new Promise<void>((resolve) => {
        settle = resolve;
      });
      return undefined;
    }, true);
    const second = fakeTier();
    const third = fakeTier();
    const chain = defineChain({
      entry: 'entry',
      tiers: { entry, second, third },
      edges: { entry: { otherwise: 'second' }, second: { otherwise: 'third' }, third: { otherwise: REJECT } },
    });
    const { engine, clock } = rigOf(chain);
    second.failNext('refused');
    third.hold();
    const submitted = engine.submit(batchOf(2));
    await clock.advance(10_000);
    expect(third.held).toBe(1);
    settle();
    await clock.advance(1);
    third.release();
    expect(await submitted).toMatchObject({ delivered: 2, trail: [{}, {}, { tier: 'third' }] });
  });

  it('hands the caller the failure when later tiers failed before the entry settled', async () => {
    let settle: () => void = () => {};
    const entry = tierOf(async (work) => {
      work.enter();
      await new Promise<void>((resolve) => {
        settle = resolve;
      });
      return undefined;
    }, true);
    const second = fakeTier();
    const chain = defineChain({
      entry: 'entry',
      tiers: { entry, second },
      edges: { entry: { otherwise: 'second' }, second: { otherwise: REJECT } },
    });
    const { engine, clock } = rigOf(chain);
    second.failNext('refused');
    const failed = failureOf(engine.submit(batchOf(2)));
    await clock.advance(10_000);
    settle();
    expect(await failed).toBeInstanceOf(ChainExhaustedError);
  });

  it('of the first call starts with that call, not with the work before it', async () => {
    const slow = tierOf(async (work) => {
      if (work.batch.id === 'slow') await work.wait(9_000);
      expect(work.enter()).toBeUndefined();
      if (work.batch.id === 'slow') await work.wait(5_000);
      return undefined;
    });
    const chain = defineChain({ entry: 'slow', tiers: { slow }, edges: { slow: { otherwise: REJECT } } });
    const { engine, clock } = rigOf(chain);
    // Arms the timer that the slow batch's call will find.
    await engine.submit(batchOf(1, { id: 'quick' }));
    const submitted = engine.submit(batchOf(1, { id: 'slow' }));
    await clock.advance(14_000);
    expect(await submitted).toMatchObject({ delivered: 1 });
  });

  it('ends with the call: a tier may take its time afterwards', async () => {
    const slow = tierOf(async (work) => {
      work.enter();
      work.leave();
      await work.wait(60_000);
      return undefined;
    });
    const chain = defineChain({ entry: 'slow', tiers: { slow }, edges: { slow: { otherwise: REJECT } } });
    const { engine, clock } = rigOf(chain);
    const submitted = engine.submit(batchOf(1));
    await clock.advance(60_000);
    expect(await submitted).toMatchObject({ delivered: 1 });
  });

  it('of a tier that enters twice is that of the last call', async () => {
    const twice = tierOf(async (work) => {
      work.enter();
      await work.wait(6_000);
      work.enter();
      await work.wait(6_000);
      return undefined;
    });
    const chain = defineChain({ entry: 'twice', tiers: { twice }, edges: { twice: { otherwise: REJECT } } });
    const { engine, clock } = rigOf(chain);
    const submitted = engine.submit(batchOf(1));
    await clock.advance(12_000);
    expect(await submitted).toMatchObject({ delivered: 1, trail: [{ attempts: 2 }] });
  });

  it('and ticket of a first call are handed back when a tier enters again without leaving', async () => {
    const refusals: unknown[] = [];
    const twice = tierOf(async (work) => {
      refusals.push(work.enter(), work.enter());
      return undefined;
    });
    const chain = defineChain({ entry: 'twice', tiers: { twice }, edges: { twice: { otherwise: REJECT } } });
    const { engine, clock } = rigOf(chain, { breakers: { twice: { circuit: 'open', rounds: 1 } } });
    await clock.advance(1_000);
    await engine.submit(batchOf(1));
    await clock.advance(0);
    expect([refusals, engine.breaker('twice')?.circuit]).toEqual([[undefined, 'circuit-open'], 'closed']);
  });
});

describe('call()', () => {
  async function runCalls(run: (work: Work) => Promise<undefined>) {
    const made = tierOf(run);
    const chain = defineChain({ entry: 'made', tiers: { made }, edges: { made: { otherwise: REJECT } } });
    const rig = rigOf(chain);
    return { ...rig, submitted: rig.engine.submit(batchOf(2)) };
  }

  it('fails alone when it is late, and the tier goes on', async () => {
    const seen: unknown[] = [];
    const { clock, submitted } = await runCalls(async (work) => {
      await work
        .call(
          (signal) =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(new Error('torn down')));
            }),
        )
        .catch((error: unknown) => seen.push(error));
      seen.push(await work.call(async () => 'second'));
      return undefined;
    });
    await clock.advance(10_000);
    const receipt = await submitted;
    expect(seen).toMatchObject([{ reason: 'ambiguous', message: `made: ${LATE}` }, 'second']);
    expect(receipt).toMatchObject({ delivered: 2, trail: [{ attempts: 2 }] });
  });

  it('does not wait for a sender that ignores its signal', async () => {
    const { clock, submitted } = await runCalls(async (work) => {
      await work.call(() => new Promise(() => {})).catch(() => {});
      return undefined;
    });
    await clock.advance(10_000);
    expect(await submitted).toMatchObject({ delivered: 2 });
  });

  it('each has its own deadline when several are open', async () => {
    const seen: string[] = [];
    const { clock, engine, submitted } = await runCalls(async (work) => {
      const hang = (name: string) =>
        work.call(() => new Promise(() => {})).catch(() => seen.push(`${name}@${clock.now()}`));
      const first = hang('first');
      await work.wait(4_000);
      const second = hang('second');
      await work.call(async () => seen.push('third'));
      await Promise.all([first, second]);
      return undefined;
    });
    await clock.advance(14_000);
    expect(seen).toEqual(['third', 'first@10000', 'second@14000']);
    expect((await submitted).trail[0]?.attempts).toBe(3);
    expect(engine.breaker('made')?.circuit).toBe('closed');
  });

  it('throws what the sender throws, also before it made a promise', async () => {
    const seen: unknown[] = [];
    const { submitted } = await runCalls(async (work) => {
      for (const send of [
        () => Promise.reject(new SinkError('unavailable', 'no')),
        () => {
          throw new TypeError('bug');
        },
      ]) {
        await work.call(send).catch((error: unknown) => seen.push(error));
      }
      return undefined;
    });
    await submitted;
    expect(seen).toMatchObject([{ reason: 'unavailable' }, { message: 'bug' }]);
  });
});

describe('Deadlines', () => {
  function callAt(calledMs: number, expired: number[]) {
    return { calledMs, earlier: undefined, later: undefined, expire: () => expired.push(calledMs) };
  }

  it('expires each call once, at its time, with one timer for all', async () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock, 100);
    const expired: number[] = [];
    const calls = [];
    for (let at = 0; at < 50; at += 10) {
      const call = callAt(at, expired);
      deadlines.add(call);
      calls.push(call);
      await clock.advance(10);
    }
    expect(clock.pending).toBe(1);
    for (const index of [0, 2, 4]) deadlines.remove(calls[index] ?? callAt(0, expired));
    await clock.advance(59);
    expect(expired).toEqual([]);
    await clock.advance(1_000);
    expect([expired, clock.pending]).toEqual([[10, 30], 0]);
    deadlines.remove(calls[1] ?? callAt(0, expired));
  });

  it('holds no timer once it is closed', () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock, 100);
    deadlines.add(callAt(0, []));
    deadlines.close();
    deadlines.close();
    expect(clock.pending).toBe(0);
  });
});
