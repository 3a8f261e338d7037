import { describe, expect, it } from 'vitest';
import { REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { SubmitAbortedError } from '../../src/core/errors.ts';
import { isCircuitFault, REASONS, SINK_REASONS } from '../../src/core/reason.ts';
import { METRICS } from '../../src/telemetry/names.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';
import type { Work } from '../../src/tiers/tier.ts';
import { type DefaultChainOptions, defaultChain } from './default-chain.ts';
import { batchOf, checkBooksAfterEach, failureOf, rigOf } from './rig.ts';

checkBooksAfterEach();

function openable(options: DefaultChainOptions = {}) {
  const made = defaultChain({
    limits: { primary: { breaker: { pauseMs: 1_000, ...options.limits?.primary?.breaker } } },
  });
  const rig = rigOf(made.chain);
  const submit = () => rig.engine.submit(batchOf(1));
  const open = async (reason = 'unavailable'): Promise<void> => {
    for (let i = 0; i < 5; i += 1) {
      made.tiers.primary.failNext(reason);
      await submit();
    }
    await rig.clock.advance(0);
  };
  const circuit = () => rig.engine.breaker('primary')?.circuit;
  return { ...made, ...rig, submit, open, circuit };
}

describe('the circuit of a tier', () => {
  it.each(REASONS.filter((reason) => (SINK_REASONS as readonly string[]).includes(reason)))(
    'counts %s as what it says about the sink',
    async (reason) => {
      const { circuit, open } = openable();
      await open(reason);
      expect(circuit()).toBe(isCircuitFault(reason) ? 'open' : 'closed');
    },
  );

  it.each(['refused', 'too-large'])('takes %s for an answer: it ends a run of failures', async (reason) => {
    const { tiers, circuit, submit } = openable();
    for (const failure of [...Array(4).fill('unavailable'), reason, ...Array(4).fill('unavailable')]) {
      tiers.primary.failNext(failure);
      await submit();
    }
    expect(circuit()).toBe('closed');
  });

  it('counts a crash', async () => {
    const { tiers, circuit, submit, clock } = openable();
    for (let i = 0; i < 5; i += 1) {
      tiers.primary.throwNext(new Error('boom'));
      await submit();
    }
    await clock.advance(0);
    expect(circuit()).toBe('open');
  });

  it('does not move for a mismatch that was found before any call', async () => {
    const { tiers, circuit, submit, clock, events } = openable();
    for (let i = 0; i < 3; i += 1) {
      tiers.primary.failNext('unavailable');
      await submit();
    }
    for (let i = 0; i < 20; i += 1) {
      tiers.primary.failNext('schema-mismatch', 'all', { isLocal: true });
      await submit();
    }
    expect(circuit()).toBe('closed');
    for (let i = 0; i < 2; i += 1) {
      tiers.primary.failNext('unavailable');
      await submit();
    }
    await clock.advance(0);
    expect(circuit(), 'it was no success either').toBe('open');
    await clock.advance(1_000);
    tiers.primary.failNext('schema-mismatch', 'all', { isLocal: true });
    await submit();
    expect([circuit(), events('circuitClosed').length], 'nor a probe').toEqual(['open', 0]);
  });

  it('skips an open tier without calling it, and leaves the circuits of others alone', async () => {
    const { engine, tiers, circuit, open, submit } = openable();
    await open();
    const runs = tiers.primary.runs.length;
    const receipt = await submit();
    expect(tiers.primary.runs).toHaveLength(runs);
    expect(receipt.trail).toMatchObject([
      { tier: 'primary', attempts: 0, rowsLanded: 0, left: [{ reason: 'circuit-open', rows: 1 }] },
      { tier: 'raw-persist' },
    ]);
    expect([circuit(), engine.breaker('schema-retry')?.circuit]).toEqual(['open', 'closed']);
  });

  it('probes with one batch while 50 others are passed on at once', async () => {
    const { tiers, circuit, open, submit, clock } = openable();
    await open();
    await clock.advance(1_000);
    tiers.primary.hold();
    const submitted = Array.from({ length: 51 }, submit);
    await tiers.primary.whenHeld(1);
    const others = await Promise.all(submitted.slice(1));
    expect(others.every(({ trail }) => trail[0]?.left[0]?.reason === 'circuit-open')).toBe(true);
    expect([circuit(), tiers.primary.held]).toEqual(['half-open', 1]);
    tiers.primary.release();
    expect(await submitted[0]).toMatchObject({ delivered: 1 });
    await clock.advance(0);
    expect(circuit()).toBe('closed');
  });

  it('opens again when the probe hangs past its deadline', async () => {
    const { tiers, circuit, open, submit, clock, events } = openable();
    await open();
    await clock.advance(1_000);
    tiers.primary.hold();
    const submitted = submit();
    await clock.advance(10_000);
    await submitted;
    expect([circuit(), events('circuitOpened').length]).toEqual(['open', 2]);
  });

  it.each([undefined, 60_000])(
    'opens for a sink that swallows every call, one by one (timeout %s)',
    async (timeoutMs) => {
      const { chain, tiers } = defaultChain({ limits: { primary: timeoutMs ? { timeoutMs } : {} } });
      const { engine, clock } = rigOf(chain);
      tiers.primary.hold();
      for (let i = 0; i < 5; i += 1) {
        const submitted = engine.submit(batchOf(1));
        await clock.advance(timeoutMs ?? 10_000);
        await submitted;
        await clock.advance(5_000);
      }
      expect(engine.breaker('primary')?.circuit).toBe('open');
    },
  );

  it('opens when callers give up on call after call', async () => {
    const { engine, tiers, circuit, clock } = openable();
    tiers.primary.hold();
    for (let i = 0; i < 5; i += 1) {
      const controller = new AbortController();
      const failed = failureOf(engine.submit(batchOf(1), { signal: controller.signal }));
      await tiers.primary.whenHeld(i + 1);
      controller.abort();
      expect(await failed).toBeInstanceOf(SubmitAbortedError);
    }
    await clock.advance(0);
    expect(circuit()).toBe('open');
  });

  it('is not there for a tier that asked for none', async () => {
    const { chain, tiers } = defaultChain({ limits: { primary: { breaker: false } } });
    const { engine } = rigOf(chain);
    for (let i = 0; i < 20; i += 1) {
      tiers.primary.failNext('unavailable');
      await engine.submit(batchOf(1));
    }
    expect([tiers.primary.runs.length, engine.breaker('primary')]).toEqual([20, undefined]);
    expect(Object.keys(engine.breakerStates())).toEqual(['schema-retry', 'schema-coerce', 'raw-persist']);
  });

  it('says what it does, in events and numbers', async () => {
    const { tiers, metrics, open, submit, clock, heard, engine } = openable();
    const state = () => metrics.read('circuit_breaker_state', { tier: 'primary' })[0];
    const where = { chain: 'default', tier: 'primary' };
    const states = [state()];
    await open('throttled');
    states.push(state());
    await clock.advance(1_000);
    tiers.primary.hold();
    const submitted = submit();
    await tiers.primary.whenHeld(1);
    states.push(state());
    tiers.primary.release();
    await submitted;
    await clock.advance(0);
    states.push(state());
    engine.breaker('primary')?.isolate();
    states.push(state());
    expect(states, METRICS.circuit_breaker_state.help).toEqual([0, 2, 1, 0, 3]);
    expect(heard.filter(({ name }) => name.startsWith('circuit'))).toEqual([
      { name: 'circuitOpened', event: { ...where, reason: 'throttled', retryInMs: 750 } },
      { name: 'circuitHalfOpened', event: where },
      { name: 'circuitClosed', event: where },
      { name: 'circuitOpened', event: { ...where, reason: 'throttled', retryInMs: Number.POSITIVE_INFINITY } },
    ]);
    for (const [to, times] of [
      ['open', 2],
      ['half-open', 1],
      ['closed', 1],
    ] as const) {
      expect(metrics.total('circuit_breaker_state_changes', { tier: 'primary', to }), to).toBe(times);
    }
  });

  it('is remembered over a restart, isolation included', async () => {
    const before = openable();
    await before.open();
    before.engine.breaker('schema-retry')?.isolate();
    const breakers = JSON.parse(JSON.stringify(before.engine.breakerStates()));
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain, { breakers });
    expect(engine.breakerStates()).toEqual(breakers);
    expect((await engine.submit(batchOf(1))).trail[0]?.left).toMatchObject([{ reason: 'circuit-open' }]);
    expect(tiers.primary.runs).toHaveLength(0);
    engine.breaker('schema-retry')?.release();
    expect(engine.breaker('schema-retry')?.circuit).toBe('closed');
  });

  it('gives every call of a tier its own ticket, also when several are open', async () => {
    const refusals: unknown[] = [];
    const many = {
      kind: 'many',
      reasons: ['unavailable'] as const,
      lands: 'delivered' as const,
      async run(work: Work) {
        const calls = [1, 2, 3].map(() =>
          work.call(() => work.wait(10)).catch((error) => refusals.push(error)),
        );
        await Promise.all(calls);
        return undefined;
      },
    };
    const first = fakeTier();
    const chain = defineChain({
      entry: 'first',
      tiers: { first, many },
      edges: { first: { otherwise: 'many' }, many: { otherwise: REJECT } },
      limits: { many: { breaker: { pauseMs: 1_000, probes: 2 } }, first: { breaker: false } },
    });
    const { engine, clock } = rigOf(chain, { breakers: { many: { circuit: 'open', rounds: 1 } } });
    await clock.advance(1_000);
    first.failNext('unavailable');
    const submitted = engine.submit(batchOf(1));
    await clock.advance(20);
    await submitted;
    expect(refusals).toMatchObject([{ reason: 'circuit-open' }]);
    expect(engine.breaker('many')?.circuit, 'both probes were handed back').toBe('closed');
  });
});
