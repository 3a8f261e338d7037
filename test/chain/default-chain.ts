import type { ChainDefinition } from '../../src/chain/chain.ts';
import { REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { type FakeTier, fakeTier } from '../../src/testing/fake-tier.ts';

const REASONS = {
  primary: [
    'unavailable',
    'throttled',
    'too-large',
    'ambiguous',
    'schema-mismatch',
    'beyond-tolerance',
    'refused',
    'unauthorised',
    'missing-target',
    'undecodable',
  ],
  coerce: [
    'unavailable',
    'throttled',
    'too-large',
    'ambiguous',
    'beyond-tolerance',
    'refused',
    'unauthorised',
    'missing-target',
    'undecodable',
  ],
  persist: ['unavailable', 'too-large', 'ambiguous'],
} as const;

export type TierName = 'primary' | 'schema-retry' | 'schema-coerce' | 'raw-persist';

type Tiers = {
  readonly primary: FakeTier<(typeof REASONS.primary)[number]>;
  readonly 'schema-retry': FakeTier<(typeof REASONS.primary)[number]>;
  readonly 'schema-coerce': FakeTier<(typeof REASONS.coerce)[number]>;
  readonly 'raw-persist': FakeTier<(typeof REASONS.persist)[number]>;
};

export interface DefaultChainOptions {
  readonly settlesOnAbort?: boolean;
  readonly isSync?: boolean;
  readonly limits?: ChainDefinition<Tiers>['limits'];
}

/** The default graph with fake tiers that declare the reasons of the real ones. */
export function defaultChain({ limits, ...tier }: DefaultChainOptions = {}) {
  const tiers: Tiers = {
    primary: fakeTier({ kind: 'primary', reasons: REASONS.primary, ...tier }),
    'schema-retry': fakeTier({ kind: 'schema-retry', reasons: REASONS.primary, ...tier }),
    'schema-coerce': fakeTier({ kind: 'schema-coerce', reasons: REASONS.coerce, ...tier }),
    'raw-persist': fakeTier({ kind: 'raw-persist', reasons: REASONS.persist, lands: 'deferred', ...tier }),
  };
  const chain = defineChain<Tiers>({
    entry: 'primary',
    tiers,
    edges: {
      primary: {
        unavailable: 'schema-retry',
        throttled: 'schema-retry',
        'too-large': 'schema-retry',
        ambiguous: 'schema-retry',
        refused: 'schema-retry',
        'schema-mismatch': 'schema-coerce',
        otherwise: 'raw-persist',
      },
      'schema-retry': {
        'schema-mismatch': 'schema-coerce',
        refused: 'schema-coerce',
        otherwise: 'raw-persist',
      },
      'schema-coerce': { otherwise: 'raw-persist' },
      'raw-persist': { otherwise: REJECT },
    },
    ...(limits === undefined ? {} : { limits }),
  });
  return { chain, tiers };
}
