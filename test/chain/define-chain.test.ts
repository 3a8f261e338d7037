import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chain, type ChainDefinition, DROP, REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { ChainDefinitionError, ChainExhaustedError } from '../../src/core/errors.ts';
import { ENGINE_REASONS } from '../../src/core/reason.ts';
import { type FakeTier, fakeTier } from '../../src/testing/fake-tier.ts';
import type { Tier } from '../../src/tiers/tier.ts';
import { defaultChain } from './default-chain.ts';
import { chainOf, plans } from './random-chains.ts';
import { batchOf, checkBooksAfterEach, checkReceipt, failureOf, rigOf } from './rig.ts';

checkBooksAfterEach();

type Loose = ChainDefinition<Record<string, FakeTier>>;

/** A definition that the compiler has not seen. */
function define(definition: object): Chain {
  return defineChain(definition as Loose);
}

const tier = () => fakeTier({ reasons: ['unavailable', 'refused'] as readonly string[] });

const good = () => ({
  entry: 'a',
  tiers: { a: tier(), b: tier(), c: fakeTier({ lands: 'deferred' }) },
  edges: {
    a: { unavailable: 'b', otherwise: 'c' },
    b: { otherwise: 'c' },
    c: { otherwise: REJECT },
  },
});

describe('defineChain', () => {
  it('keeps the entry first and every edge forward', () => {
    const { chain } = defaultChain();
    expect(chain.nodes.map(({ name }) => name)).toEqual([
      'primary',
      'schema-retry',
      'schema-coerce',
      'raw-persist',
    ]);
    expect([chain.entry, chain.name]).toEqual(['primary', 'default']);
    for (const [index, { routes, otherwise }] of chain.nodes.entries()) {
      for (const { to } of [...routes.values(), otherwise]) if (to >= 0) expect(to).toBeGreaterThan(index);
    }
  });

  it('gives a description that cannot be changed', () => {
    const chain = define(good());
    expect([chain, chain.nodes, ...chain.nodes].every(Object.isFrozen)).toBe(true);
  });

  it('says what a meant rejection is, and what is only exhaustion', () => {
    const chain = define({
      ...good(),
      edges: { ...good().edges, c: { 'too-large': REJECT, otherwise: REJECT } },
    });
    const last = chain.nodes[2];
    expect([last?.routes.get('too-large'), last?.otherwise]).toEqual([
      { to: -1, named: true },
      { to: -1, named: false },
    ]);
  });

  it('leads a named reason to nowhere, and never unnamed ones', () => {
    const edges = { ...good().edges, c: { 'too-large': DROP, otherwise: REJECT } };
    const chain = define({ ...good(), edges });
    expect(chain.nodes[2]?.routes.get('too-large')).toEqual({ to: -2, named: true });
    expect(chain.graph().edges).toContainEqual({ from: 'c', to: DROP, reasons: ['too-large'] });
    expect(chain.toMermaid()).toContain('drop>"DROP"]');
    expect(() => define({ ...good(), edges: { ...edges, c: { otherwise: DROP } } })).toThrow(
      /c would drop records for any reason/,
    );
  });

  it('keeps on replay what it would drop live', () => {
    const edges = { ...good().edges, b: { refused: DROP, otherwise: 'c' } };
    const replay = define({ ...good(), edges }).forReplay();
    expect(replay.nodes[1]?.routes.get('refused')).toEqual({ to: -1, named: true });
  });

  const BAD: readonly (readonly [string, object, RegExp])[] = [
    ['no tiers', { entry: 'a', tiers: {}, edges: {} }, /no tiers/],
    ['an unusable name', { ...good(), name: 'a/b' }, /"a\/b"/],
    ['an empty name', { ...good(), name: '' }, /""/],
    ['an unknown entry', { ...good(), entry: 'x' }, /entry "x" is not a tier/],
    ['an entry that every object has', { ...good(), entry: 'toString' }, /entry "toString"/],
    [
      'an edge to a missing tier',
      { ...good(), edges: { ...good().edges, b: { otherwise: 'x' } } },
      /b\.otherwise leads to "x"/,
    ],
    [
      'an edge to what every object has',
      { ...good(), edges: { ...good().edges, b: { otherwise: 'constructor' } } },
      /b\.otherwise/,
    ],
    [
      'a reason that cannot be raised',
      { ...good(), edges: { ...good().edges, b: { undecodable: 'c', otherwise: 'c' } } },
      /b never fails with "undecodable"/,
    ],
    [
      'no otherwise',
      { ...good(), edges: { ...good().edges, b: { refused: 'c' } } },
      /edges of b lack "otherwise"/,
    ],
    [
      'no edges at all for a tier',
      { ...good(), edges: { a: { otherwise: 'b' }, b: { otherwise: 'c' } } },
      /edges of c lack/,
    ],
    ['an edge to itself', { ...good(), edges: { ...good().edges, b: { otherwise: 'b' } } }, /cycle: b -> b/],
    ['a cycle', { ...good(), edges: { ...good().edges, c: { otherwise: 'a' } } }, /cycle: a -> b -> c -> a/],
    [
      'a tier that no edge leads to',
      { ...good(), edges: { ...good().edges, a: { otherwise: 'c' } } },
      /no edge leads to b/,
    ],
    [
      'edges of a missing tier',
      { ...good(), edges: { ...good().edges, x: { otherwise: 'c' } } },
      /edges name "x"/,
    ],
    ['limits of a missing tier', { ...good(), limits: { x: {} } }, /limits name "x"/],
    [
      'a tier named like the edge to nobody',
      {
        ...good(),
        tiers: { ...good().tiers, [REJECT]: tier() },
        edges: { ...good().edges, [REJECT]: { otherwise: 'c' } },
      },
      /named REJECT/,
    ],
  ];

  it.each(BAD)('refuses %s, and says where', (_, definition, words) => {
    try {
      define(definition);
    } catch (error) {
      expect(error).toBeInstanceOf(ChainDefinitionError);
      expect((error as ChainDefinitionError).message).toMatch(words);
      expect((error as ChainDefinitionError).hint).not.toBe('');
      return;
    }
    expect.unreachable('the definition was accepted');
  });

  it('refuses any good chain with any one thing broken', () => {
    const breakage = fc.constantFrom('target', 'otherwise', 'reason', 'cycle', 'entry', 'stray');
    fc.assert(
      fc.property(plans, breakage, fc.nat(), (plan, what, at) => {
        const { chain, tiers } = chainOf(plan);
        const edges: Record<string, Record<string, string>> = Object.fromEntries(
          chain.nodes.map(({ name, routes, otherwise }) => {
            const named = [...routes].map(([reason, { to }]) => [reason, chain.nodes[to]?.name ?? REJECT]);
            return [
              name,
              { ...Object.fromEntries(named), otherwise: chain.nodes[otherwise.to]?.name ?? REJECT },
            ];
          }),
        );
        const names = Object.keys(edges);
        const name = names[at % names.length] ?? '';
        const own = edges[name] ?? {};
        if (what === 'target') own['refused'] = 'nowhere';
        if (what === 'otherwise') delete own['otherwise'];
        if (what === 'reason') own['undecodable'] = REJECT;
        if (what === 'cycle') own['refused'] = chain.entry;
        if (what === 'stray') edges['nowhere'] = { otherwise: REJECT };
        const entry = what === 'entry' ? 'nowhere' : chain.entry;
        expect(() => define({ entry, tiers, edges })).toThrow(ChainDefinitionError);
      }),
      { numRuns: 300 },
    );
  });
});

/** As much of Mermaid as is needed to know that a picture holds these nodes and edges, and nothing else. */
function parseMermaid(text: string): { nodes: Map<string, string>; edges: [string, string, string][] } {
  const [head, ...lines] = text.trimEnd().split('\n');
  expect(head).toBe('flowchart LR');
  const nodes = new Map<string, string>();
  const edges: [string, string, string][] = [];
  for (const line of lines) {
    const node = /^ {2}(\w+)(?:\["([^"]*)"\]|\[\("([^"]*)"\)\]|>"([^"]*)"\])$/.exec(line);
    const edge = /^ {2}(\w+) -- "([^"]+)" --> (\w+)$/.exec(line);
    if (node) nodes.set(node[1] ?? '', node[2] ?? node[3] ?? node[4] ?? '');
    else if (edge) edges.push([edge[1] ?? '', edge[2] ?? '', edge[3] ?? '']);
    else expect.unreachable(`not a line of a flowchart: ${JSON.stringify(line)}`);
  }
  for (const [from, , to] of edges) expect([nodes.has(from), nodes.has(to)]).toEqual([true, true]);
  return { nodes, edges };
}

describe('toMermaid', () => {
  it('draws the default chain', () => {
    const { nodes, edges } = parseMermaid(defaultChain().chain.toMermaid());
    expect([...nodes.values()]).toEqual(['primary', 'schema-retry', 'schema-coerce', 'raw-persist', REJECT]);
    expect(edges).toContainEqual(['t0', 'schema-mismatch', 't2']);
    expect(edges).toContainEqual(['t3', 'otherwise', 'reject']);
  });

  it('draws every edge of any chain once', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { chain } = chainOf(plan);
        const { edges } = parseMermaid(chain.toMermaid());
        const drawn = edges.flatMap(([from, reasons, to]) =>
          reasons.split('<br/>').map((one) => [from, one, to]),
        );
        const meant = chain.nodes.flatMap(({ routes, otherwise }, index) =>
          [...routes, ['otherwise', otherwise] as const].map(([reason, { to }]) => [
            `t${index}`,
            reason,
            to === -1 ? 'reject' : to === -2 ? 'drop' : `t${to}`,
          ]),
        );
        expect(drawn.map(String).sort()).toEqual(meant.map(String).sort());
      }),
      { numRuns: 200 },
    );
  });

  it('draws tiers with any name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' }), (name, kind) => {
        fc.pre(name !== REJECT && name !== DROP);
        const chain = define({
          entry: name,
          tiers: Object.fromEntries([[name, fakeTier({ kind })]]),
          edges: Object.fromEntries([[name, { otherwise: REJECT }]]),
        });
        expect(parseMermaid(chain.toMermaid()).nodes.size).toBe(2);
      }),
      { numRuns: 500 },
    );
  });
});

describe('forReplay', () => {
  it('of the default chain rejects on purpose what would have been stored', async () => {
    const { chain, tiers } = defaultChain();
    const replay = chain.forReplay();
    expect(replay.nodes.map(({ name }) => name)).toEqual(['primary', 'schema-retry', 'schema-coerce']);
    const { engine } = rigOf(replay);
    tiers.primary.failNext('undecodable', [1]);
    const receipt = await engine.submit(batchOf(2));
    checkReceipt(receipt);
    expect(receipt).toMatchObject({
      delivered: 1,
      rejected: 1,
      rejections: [{ rows: [1], reason: 'undecodable' }],
    });
  });

  it('leaves the chain itself as it was', async () => {
    const { chain, tiers } = defaultChain();
    const before = JSON.stringify(chain.graph());
    chain.forReplay();
    expect(JSON.stringify(chain.graph())).toBe(before);
    const { engine } = rigOf(chain);
    tiers.primary.failNext('undecodable');
    expect(await engine.submit(batchOf(1))).toMatchObject({ deferred: 1 });
  });

  it('refuses a chain that begins by storing', () => {
    const chain = define({
      entry: 'a',
      tiers: { a: fakeTier({ lands: 'deferred' }) },
      edges: { a: { otherwise: REJECT } },
    });
    expect(() => chain.forReplay()).toThrow(ChainDefinitionError);
  });

  it('of any chain stores nothing, keeps routing total, and rejects only on purpose', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const lands: readonly Tier['lands'][] = ['delivered', ...plan.lands.slice(1)];
        const chain = chainOf({ ...plan, lands }).chain.forReplay();
        for (const [index, node] of chain.nodes.entries()) {
          expect(node.tier.lands).toBe('delivered');
          for (const reason of [...node.tier.reasons, ...ENGINE_REASONS]) {
            const route = node.routes.get(reason) ?? node.otherwise;
            expect(route.to < 0 ? route.named : route.to > index && route.to < chain.nodes.length).toBe(true);
          }
        }
        const { engine } = rigOf(chain);
        checkReceipt(await engine.submit(batchOf(plan.rows)));
      }),
      { numRuns: 200 },
    );
  });

  it('of a chain that already rejects keeps its rejections', async () => {
    const only = tier();
    const chain = define({ entry: 'a', tiers: { a: only }, edges: { a: { otherwise: REJECT } } });
    only.failNext('refused');
    expect(await failureOf(rigOf(chain).engine.submit(batchOf(1)))).toBeInstanceOf(ChainExhaustedError);
    only.failNext('refused');
    expect(await rigOf(chain.forReplay()).engine.submit(batchOf(1))).toMatchObject({ rejected: 1 });
  });
});
