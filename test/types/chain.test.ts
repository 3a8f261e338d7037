/**
 * What must not compile. `tsc` is the judge: an `@ts-expect-error` without an error is one. That the mistakes are
 * refused at run time too, for callers without types, is seen by running them.
 */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type EdgeMap, REJECT, type ReasonOf } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import { ChainDefinitionError } from '../../src/core/errors.ts';
import type { EngineReason } from '../../src/core/reason.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';
import type { Tier } from '../../src/tiers/tier.ts';

const tiers = {
  first: fakeTier({ reasons: ['unavailable', 'refused'] }),
  second: fakeTier({ reasons: ['unavailable'], lands: 'deferred' }),
};
const second = { otherwise: REJECT } as const;

function expectRefused(define: () => unknown): void {
  expect(define).toThrow(ChainDefinitionError);
}

describe('a chain that compiles', () => {
  it('may name every reason of a tier and of the engine, and nothing but `otherwise` is needed', () => {
    const chain = defineChain({
      entry: 'first',
      tiers,
      edges: {
        first: {
          unavailable: 'second',
          refused: REJECT,
          crashed: 'second',
          fenced: 'second',
          otherwise: 'second',
        },
        second: { otherwise: REJECT },
      },
      limits: { first: { breaker: false }, second: { timeoutMs: 5 } },
    });
    expect(chain.entry).toBe('first');
  });

  it('knows the reasons of its tiers', () => {
    expectTypeOf<ReasonOf<typeof tiers.first>>().toEqualTypeOf<'unavailable' | 'refused'>();
    expectTypeOf<ReasonOf<typeof tiers.second>>().toEqualTypeOf<'unavailable'>();
    expectTypeOf<keyof EdgeMap<'unavailable' | EngineReason, 'second'>>().toEqualTypeOf<
      'unavailable' | EngineReason | 'otherwise'
    >();
    expectTypeOf(tiers.first).toExtend<Tier<'unavailable' | 'refused'>>();
  });
});

describe('a chain that does not compile', () => {
  it('has an edge to a missing tier', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        // @ts-expect-error there is no tier `third`
        edges: { first: { otherwise: 'third' }, second },
      }),
    );
  });

  it('has an edge to the tier it starts from', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        // @ts-expect-error a tier cannot lead to itself
        edges: { first: { unavailable: 'first', otherwise: 'second' }, second },
      }),
    );
  });

  it('has a reason that its tier cannot raise', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        // @ts-expect-error `first` never fails with `undecodable`
        edges: { first: { undecodable: 'second', otherwise: 'second' }, second },
      }),
    );
  });

  it('has a misspelt reason of the engine', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        // @ts-expect-error it is `circuit-open`
        edges: { first: { 'circuit-opened': 'second', otherwise: 'second' }, second },
      }),
    );
  });

  it('has no `otherwise`', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        // @ts-expect-error routing must be total
        edges: { first: { unavailable: 'second' }, second },
      }),
    );
  });

  it('has no edges for one of its tiers', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        // @ts-expect-error `second` has no edges
        edges: { first: { otherwise: 'second' } },
      }),
    );
  });

  it('has edges of a missing tier', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        // @ts-expect-error there is no tier `third`
        edges: { first: { otherwise: 'second' }, second, third: second },
      }),
    );
  });

  it('begins at a missing tier', () => {
    expectRefused(() =>
      defineChain({
        // @ts-expect-error there is no tier `third`
        entry: 'third',
        tiers,
        edges: { first: { otherwise: 'second' }, second },
      }),
    );
  });

  it('sets limits for a missing tier', () => {
    expectRefused(() =>
      defineChain({
        entry: 'first',
        tiers,
        edges: { first: { otherwise: 'second' }, second },
        // @ts-expect-error there is no tier `third`
        limits: { third: { timeoutMs: 5 } },
      }),
    );
  });

  it('sets a limit that there is not', () => {
    expect(() =>
      defineChain({
        entry: 'first',
        tiers,
        edges: { first: { otherwise: 'second' }, second },
        // @ts-expect-error it is `timeoutMs`
        limits: { first: { timeout: 5 } },
      }),
    ).toThrow('limits.first.timeout is not an option');
  });
});

describe('other mistakes that do not compile', () => {
  it('are a batch of an unknown format, without a body, or with a misspelt priority', () => {
    // @ts-expect-error there is no format `xml`
    const format: BatchInput = { body: '', format: 'xml' };
    // @ts-expect-error a batch needs a body
    const body: BatchInput = { format: 'json' };
    // @ts-expect-error there is no priority `urgent`
    const priority: BatchInput = { body: '', format: 'json', priority: 'urgent' };
    expect([format, body, priority]).toHaveLength(3);
  });

  it('are a tier that lands rows nowhere known', () => {
    // @ts-expect-error rows are delivered or deferred
    const tier: Tier = { kind: 'odd', reasons: [], lands: 'somewhere', run: () => undefined };
    expect(tier.kind).toBe('odd');
  });
});
