import { describe, expect, it } from 'vitest';
import { defineChain } from '../../src/chain/define-chain.ts';
import { ChainDefinitionError } from '../../src/core/errors.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';

const define = (limits: object): unknown =>
  defineChain({
    entry: 'only',
    tiers: { only: fakeTier() },
    edges: { only: { otherwise: 'REJECT' } },
    limits: { only: limits },
  });

describe('limits of a chain', () => {
  it.each([
    [{ timeoutMs: 0 }, 'limits.only.timeoutMs: found 0, expected a number of at least 1'],
    [{ timeoutMs: Number.NaN }, 'limits.only.timeoutMs: found NaN'],
    [{ budgetBytes: 1.5 }, 'limits.only.budgetBytes: found 1.5, expected a whole number of at least 1'],
    [{ budgetBytes: '1' }, 'limits.only.budgetBytes: found 1'],
    [{ breaker: { probes: 0 } }, 'limits.only.breaker.probes: found 0, expected a whole number of at least 1'],
    [
      { breaker: { probeFailureRatio: 1 } },
      'limits.only.breaker.probeFailureRatio: found 1, expected a number from 0 to below 1',
    ],
    [
      { breaker: { failureRatio: 1.1 } },
      'limits.only.breaker.failureRatio: found 1.1, expected a number from 0 to 1',
    ],
    [{ breaker: { pause: 5 } }, 'limits.only.breaker.pause is not an option'],
    [{ timeout: 5 }, 'limits.only.timeout is not an option'],
  ])('refuses %j when the chain is defined', (limits, words) => {
    expect(() => define(limits)).toThrow(ChainDefinitionError);
    expect(() => define(limits)).toThrow(words);
  });

  it('takes the edges of every range, and no breaker at all', () => {
    expect(() => define({ timeoutMs: 1, budgetBytes: 1, breaker: false })).not.toThrow();
    expect(() =>
      define({ breaker: { failureRatio: 1, probeFailureRatio: 0, probes: 1, pauseMs: 0 } }),
    ).not.toThrow();
  });
});
