import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChainExhaustedError, SubmitAbortedError, type TierfallError } from '../../src/core/errors.ts';
import type { Receipt } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { chainOf, fateOf, type Plan, plans } from './random-chains.ts';
import { batchOf, checkBooks, checkReceipt, type Rig, rigOf } from './rig.ts';

const RUNS = 400;
const WITHOUT_BREAKERS = Object.fromEntries(
  Array.from({ length: 6 }, (_, index) => [`t${index}`, { breaker: false as const }]),
);

async function receiptOf(promise: Promise<Receipt>): Promise<Receipt> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ChainExhaustedError || error instanceof SubmitAbortedError) return error.receipt;
    throw error;
  }
}

function limitsOf(plan: Plan) {
  return Object.fromEntries(plan.names.map((name) => [name, WITHOUT_BREAKERS[name] ?? {}]));
}

/** Every row has the one fate that the plan gives it, and the receipt says so. */
function checkFates(plan: Plan, receipt: Receipt): void {
  const fates = Array.from({ length: plan.rows }, (_, row) => fateOf(plan, row));
  const landed = (lands: string) => fates.filter(({ at }) => at >= 0 && plan.lands[at] === lands).length;
  expect([receipt.delivered, receipt.deferred]).toEqual([landed('delivered'), landed('deferred')]);
  const rejected = receipt.rejections.flatMap(({ rows, reason }) =>
    rowIndices(rows, plan.rows).map((row) => [row, reason] as const),
  );
  const expected = fates.flatMap(({ at, reason }, row) => (at === -1 ? [[row, reason] as const] : []));
  expect(receipt.dropped).toBe(fates.filter(({ at }) => at === -2).length);
  expect(rejected.sort(([a], [b]) => a - b)).toEqual(expected);
  for (const passage of receipt.trail) {
    const here = fates.filter(({ at }) => at === plan.names.indexOf(passage.tier)).length;
    expect(passage.rowsLanded, passage.tier).toBe(here);
  }
}

function checkOrder(rig: Rig, receipt: Receipt): void {
  const order = rig.engine.chain.nodes.map(({ name }) => name);
  const places = receipt.trail.map(({ tier }) => order.indexOf(tier));
  expect(places, 'topological order').toEqual(places.toSorted((a, b) => a - b));
}

/** One transition per tier and reason, whether anybody listens or not. */
function checkTransitions({ metrics }: Rig, { trail }: Receipt): void {
  for (const { tier: from, left } of trail) {
    for (const { reason } of left) {
      expect(metrics.total('fallback_tier_transitions_total', { from, reason }), `${from} ${reason}`).toBe(1);
    }
  }
  const departures = trail.reduce((sum, { left }) => sum + left.length, 0);
  expect(metrics.total('fallback_tier_transitions_total')).toBe(departures);
}

describe('any chain of any tiers', () => {
  it('gives every row exactly one fate, in order, each tier at most once', async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.boolean(), async (plan, isHeard) => {
        const { chain, tiers } = chainOf(plan, limitsOf(plan));
        const rig = rigOf(chain, {}, isHeard);
        const receipt = await receiptOf(rig.engine.submit(batchOf(plan.rows)));
        checkReceipt(receipt);
        checkFates(plan, receipt);
        checkOrder(rig, receipt);
        checkTransitions(rig, receipt);
        checkBooks(rig);
        for (const { runs } of Object.values(tiers)) expect(runs.length).toBeLessThanOrEqual(1);
      }),
      { numRuns: RUNS },
    );
  });

  it('loses no row when batches run together, circuits open, budgets fill and callers give up', async () => {
    const trouble = fc.record({
      holds: fc.array(fc.nat(5), { maxLength: 3 }),
      abortAfter: fc.array(fc.option(fc.nat(3), { nil: undefined }), { minLength: 8, maxLength: 8 }),
      budgetBytes: fc.constantFrom(20, 100, 100_000),
      timeoutMs: fc.constantFrom(1, 50),
      isHeard: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(plans, trouble, async (plan, { holds, abortAfter, budgetBytes, timeoutMs, isHeard }) => {
        const breaker = { failuresInRow: 2, pauseMs: 10 };
        const limits = Object.fromEntries(
          plan.names.map((name) => [name, { budgetBytes, timeoutMs, breaker }]),
        );
        const { chain, tiers } = chainOf(plan, limits);
        const rig = rigOf(chain, { inFlightBytesMax: 500 }, isHeard);
        for (const index of holds) tiers[`t${index}`]?.hold();
        const controllers = abortAfter.map(() => new AbortController());
        const submitted = controllers.map(({ signal }, n) =>
          rig.engine.submit(batchOf(plan.rows, { id: `b${n}` }), { signal }).catch((error: unknown) => error),
        );
        for (let step = 0; step < 4; step += 1) {
          for (const [n, after] of abortAfter.entries()) if (after === step) controllers[n]?.abort();
          await rig.clock.advance(20);
          if (step === 2) for (const tier of Object.values(tiers)) tier.release();
        }
        await rig.clock.advance(1_000);
        for (const result of await Promise.all(submitted)) {
          if (result instanceof ChainExhaustedError || result instanceof SubmitAbortedError) {
            checkReceipt(result.receipt);
          } else if (!(result instanceof Error)) checkReceipt(result as Receipt);
          else expect((result as TierfallError).code).toBe('BACKPRESSURE');
        }
        checkBooks(rig);
        await rig.engine.close();
      }),
      { numRuns: RUNS / 2 },
    );
  });
});
