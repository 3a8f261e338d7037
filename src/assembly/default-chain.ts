/** The default graph: four tiers, every reason with its edge. */
import { type Chain, DROP, REJECT, type TierLimits } from '../chain/chain.ts';
import { defineChain } from '../chain/define-chain.ts';
import type { Journal } from '../journal/journal.ts';
import type { SchemaRegistry } from '../schema/declare/registry.ts';
import { asCompiledSchema, type SchemaLike } from '../schema/schema-like.ts';
import type { Sink } from '../sinks/sink.ts';
import { primary } from '../tiers/primary.ts';
import { rawPersist } from '../tiers/raw-persist.ts';
import type { PatienceOptions } from '../tiers/retry-patiently.ts';
import { schemaCoerce } from '../tiers/schema-coerce.ts';
import { schemaRetry } from '../tiers/schema-retry.ts';

export type DefaultTier = 'primary' | 'schema-retry' | 'schema-coerce' | 'raw-persist';

export interface DefaultChainOptions {
  /** @default 'default' */
  readonly name?: string;
  readonly sink: Sink;
  /** Without one nothing is checked, and the chain has no `schema-coerce`. */
  readonly schema?: SchemaLike;
  /** Where a newer schema may be found; with one, a mismatch asks it before it is coerced. */
  readonly registry?: SchemaRegistry;
  readonly journal: Pick<Journal, 'append'>;
  /** Called after rows became durable. */
  readonly appended?: () => void;
  /** Drops rows of a class below `critical` that the journal has no room for, and counts them. @default false: they are the caller's */
  readonly dropsLowest?: boolean;
  /** Keeps the original bytes of degraded rows. @default true */
  readonly keepOriginal?: boolean;
  readonly retry?: PatienceOptions;
  readonly limits?: { readonly [K in DefaultTier]?: TierLimits };
}

const TO_RAW = {
  unauthorised: 'raw-persist',
  'missing-target': 'raw-persist',
  undecodable: 'raw-persist',
  otherwise: 'raw-persist',
} as const;

const FROM_PRIMARY = {
  unavailable: 'schema-retry',
  throttled: 'schema-retry',
  'too-large': 'schema-retry',
  ambiguous: 'schema-retry',
  refused: 'schema-retry',
  'beyond-tolerance': 'raw-persist',
  ...TO_RAW,
} as const;

/** @throws ConfigError when the sink wants columns and there is no schema */
export function defaultChain(options: DefaultChainOptions): Chain {
  const { name = 'default', sink, registry, journal, retry, limits = {} } = options;
  const schema = options.schema === undefined ? undefined : asCompiledSchema(options.schema);
  const { dropsLowest = false } = options;
  const raw = rawPersist({
    journal,
    sheds: dropsLowest,
    ...(options.appended ? { appended: options.appended } : {}),
  });
  const fromRaw = dropsLowest ? ({ shed: DROP, otherwise: REJECT } as const) : ({ otherwise: REJECT } as const);
  const checked = { sink, ...(schema ? { schema } : {}) };
  const retrying = schemaRetry({ ...checked, ...retry, ...(registry ? { registry } : {}) });
  const { 'schema-coerce': coerceLimits, ...otherLimits } = limits;
  if (!schema || sink.accepts === 'bytes') {
    return defineChain({
      name,
      entry: 'primary',
      tiers: { primary: primary(checked), 'schema-retry': retrying, 'raw-persist': raw },
      edges: {
        primary: { ...FROM_PRIMARY, 'schema-mismatch': registry ? 'schema-retry' : 'raw-persist' },
        'schema-retry': TO_RAW,
        'raw-persist': fromRaw,
      },
      limits: otherLimits,
    });
  }
  const keepOriginal = options.keepOriginal === false ? (false as const) : journal;
  return defineChain({
    name,
    entry: 'primary',
    tiers: {
      primary: primary(checked),
      'schema-retry': retrying,
      'schema-coerce': schemaCoerce({ sink, schema, keepOriginal }),
      'raw-persist': raw,
    },
    edges: {
      primary: { ...FROM_PRIMARY, 'schema-mismatch': registry ? 'schema-retry' : 'schema-coerce' },
      'schema-retry': { ...TO_RAW, 'schema-mismatch': 'schema-coerce', refused: 'schema-coerce' },
      'schema-coerce': TO_RAW,
      'raw-persist': fromRaw,
    },
    limits: coerceLimits ? { ...otherLimits, 'schema-coerce': coerceLimits } : otherLimits,
  });
}
