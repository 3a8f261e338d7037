/** The graph that is shipped, edge by edge, against the table of its contract. */
import { describe, expect, it } from 'vitest';
import type { DefaultChainOptions } from '../../src/assembly/default-chain.ts';
import { type Chain, defaultChain, fromJsonSchema, memorySink, REASONS, type Reason } from '../../src/index.ts';

const SCHEMA = fromJsonSchema({ type: 'object', properties: { n: { type: 'integer' } } });
const journal = { append: async () => 0 };

type Table = Partial<Record<Reason, string>> & { readonly otherwise: string };

/** Reasons that are not named go to `raw-persist`, from every tier. */
const FROM_PRIMARY: Table = {
  unavailable: 'schema-retry',
  throttled: 'schema-retry',
  'too-large': 'schema-retry',
  ambiguous: 'schema-retry',
  refused: 'schema-retry',
  'schema-mismatch': 'schema-coerce',
  otherwise: 'raw-persist',
};
const FROM_RETRY: Table = {
  'schema-mismatch': 'schema-coerce',
  refused: 'schema-coerce',
  otherwise: 'raw-persist',
};
const TO_RAW: Table = { otherwise: 'raw-persist' };
const TO_NOBODY: Table = { otherwise: 'REJECT' };

/** Where each reason leads that the tier can leave with. */
function edgesOf(chain: Chain, tier: string): Record<string, string> {
  const node = chain.nodes.find(({ name }) => name === tier);
  const nameOf = (to: number): string => chain.nodes[to]?.name ?? (to === -2 ? 'DROP' : 'REJECT');
  const reasons = [...(node?.reasons ?? [])];
  return Object.fromEntries(
    reasons.map((reason) => [reason, nameOf((node?.routes.get(reason) ?? node?.otherwise)?.to ?? -1)]),
  );
}

function expected(chain: Chain, tier: string, table: Table): Record<string, string> {
  const reasons = [...(chain.nodes.find(({ name }) => name === tier)?.reasons ?? [])] as Reason[];
  return Object.fromEntries(reasons.map((reason) => [reason, table[reason] ?? table.otherwise]));
}

function check(options: Partial<DefaultChainOptions>, tables: Readonly<Record<string, Table>>): Chain {
  const chain = defaultChain({ sink: memorySink(), journal, ...options });
  expect(chain.nodes.map(({ name }) => name)).toEqual(Object.keys(tables));
  for (const [tier, table] of Object.entries(tables)) {
    expect(edgesOf(chain, tier), tier).toEqual(expected(chain, tier, table));
  }
  return chain;
}

const FULL = {
  primary: FROM_PRIMARY,
  'schema-retry': FROM_RETRY,
  'schema-coerce': TO_RAW,
  'raw-persist': TO_NOBODY,
};

describe('the default chain', () => {
  it('routes every reason of every tier as its contract says', () => {
    const chain = check({ schema: SCHEMA }, FULL);
    const reachable = new Set(chain.nodes.flatMap(({ reasons }) => [...reasons]));
    expect([...reachable].sort()).toEqual([...REASONS].sort());
  });

  it('drops what the journal has no room for only where it was asked to', () => {
    check(
      { schema: SCHEMA, dropsLowest: true },
      { ...FULL, 'raw-persist': { shed: 'DROP', otherwise: 'REJECT' } },
    );
  });

  it('asks a registry before it coerces', () => {
    const registry = { latest: async () => undefined };
    const primary = { ...FROM_PRIMARY, 'schema-mismatch': 'schema-retry' };
    check({ schema: SCHEMA, registry }, { ...FULL, primary });
  });

  it.each([
    ['without a schema', {}],
    ['over a sink of bytes', { schema: SCHEMA, sink: memorySink({ accepts: 'bytes' }) }],
  ])('has no coercion %s, and keeps drifted rows raw', (_, options) => {
    const primary = { ...FROM_PRIMARY, 'schema-mismatch': 'raw-persist' };
    check(options, { primary, 'schema-retry': TO_RAW, 'raw-persist': TO_NOBODY });
  });

  it('replays without the storing tier: what would be stored is rejected on purpose', () => {
    const replay = defaultChain({ sink: memorySink(), journal, schema: SCHEMA }).forReplay();
    expect(replay.nodes.map(({ name }) => name)).toEqual(['primary', 'schema-retry', 'schema-coerce']);
    const rejecting = (table: Table): Table =>
      Object.fromEntries(
        Object.entries(table).map(([reason, to]) => [reason, to === 'raw-persist' ? 'REJECT' : to]),
      ) as Table;
    for (const [tier, table] of Object.entries(FULL).slice(0, 3)) {
      expect(edgesOf(replay, tier), tier).toEqual(expected(replay, tier, rejecting(table)));
    }
    const meant = replay.nodes.flatMap(({ routes, otherwise }) => [...routes.values(), otherwise]);
    expect(meant.filter(({ to, named }) => to < 0 && !named)).toEqual([]);
  });
});
