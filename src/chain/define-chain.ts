/**
 * Builds a chain and refuses a bad one. Pure: no clock, no I/O, nothing runs.
 *
 * D1 every edge names an existing tier and a reason that its tier can raise. D2 `otherwise` is there, so
 * every reason leads somewhere. D3 no cycle. D4 every tier is reachable from the entry. D5 every limit is one
 * that exists, within its range. D6 nothing is dropped by "otherwise": whoever drops says which reason.
 */
import { ChainDefinitionError } from '../core/errors.ts';
import { ENGINE_REASONS } from '../core/reason.ts';
import type { Tier } from '../tiers/tier.ts';
import {
  type Chain,
  type ChainDefinition,
  type ChainNode,
  DROP,
  REJECT,
  type Route,
  type TierLimits,
  TO_DROP,
  TO_REJECT,
} from './chain.ts';
import { checkLimits } from './check-limits.ts';
import { graphOf, toMermaid } from './graph.ts';

type LooseEdges = Readonly<Record<string, Readonly<Record<string, string | undefined>>>>;

/**
 * Describes a chain. Most mistakes are compile errors; the rest throw here, before anything runs.
 * @throws ChainDefinitionError naming the tier, the reason and what would be right
 */
export function defineChain<const T extends Record<string, Tier>>(definition: ChainDefinition<T>): Chain {
  const name = definition.name ?? 'default';
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new ChainDefinitionError(
      `chain name ${JSON.stringify(name)} is not usable in object keys`,
      'Use 1 to 64 letters, digits, "-" or "_".',
    );
  }
  const tiers: Readonly<Record<string, Tier>> = definition.tiers;
  const edges = definition.edges as unknown as LooseEdges;
  const limits = (definition.limits ?? {}) as Readonly<Record<string, TierLimits>>;
  checkNames(definition.entry, tiers, edges, limits);
  for (const [tierName, tier] of Object.entries(tiers)) checkEdges(tierName, tier, tiers, edges);
  for (const [tierName, own] of Object.entries(limits)) checkLimits(tierName, own);
  const order = sortTopologically(definition.entry, tiers, edges);
  const indexOf = new Map(order.map((tierName, index) => [tierName, index]));
  const nodes = order.map((tierName): ChainNode => {
    const tier = tiers[tierName] as Tier;
    const { otherwise, ...named } = edges[tierName] ?? {};
    const route = (target: string | undefined, isNamed: boolean): Route => ({
      to: target === DROP ? TO_DROP : (indexOf.get(target ?? REJECT) ?? TO_REJECT),
      named: isNamed,
    });
    const routes = Object.entries(named).filter(([, target]) => target !== undefined);
    return Object.freeze({
      name: tierName,
      tier,
      limits: limits[tierName] ?? {},
      routes: new Map(routes.map(([reason, target]) => [reason, route(target, true)])),
      otherwise: route(otherwise, false),
      reasons: new Set<string>([...tier.reasons, ...ENGINE_REASONS]),
    });
  });
  return freezeChain(name, nodes);
}

function checkNames(
  entry: string,
  tiers: Readonly<Record<string, Tier>>,
  edges: LooseEdges,
  limits: Readonly<Record<string, TierLimits>>,
): void {
  const names = Object.keys(tiers);
  if (names.length === 0) throw new ChainDefinitionError('the chain has no tiers', 'Give it at least one.');
  for (const exit of [REJECT, DROP]) {
    if (!names.includes(exit)) continue;
    throw new ChainDefinitionError(
      `a tier is named ${exit}`,
      'That word is an edge out of the chain; rename the tier.',
    );
  }
  if (!names.includes(entry)) {
    throw new ChainDefinitionError(
      `entry ${JSON.stringify(entry)} is not a tier`,
      `Use one of ${names.join(', ')}.`,
    );
  }
  for (const [what, given] of [
    ['edges', edges],
    ['limits', limits],
  ] as const) {
    const stray = Object.keys(given).find((tierName) => !names.includes(tierName));
    if (stray !== undefined) {
      throw new ChainDefinitionError(
        `${what} name ${JSON.stringify(stray)}, which is not a tier`,
        `Tiers are ${names.join(', ')}.`,
      );
    }
  }
}

function checkEdges(
  tierName: string,
  tier: Tier,
  tiers: Readonly<Record<string, Tier>>,
  edges: LooseEdges,
): void {
  const own = edges[tierName];
  if (own?.['otherwise'] === undefined) {
    throw new ChainDefinitionError(
      `edges of ${tierName} lack "otherwise"`,
      `Say where unnamed reasons go: a tier, or ${REJECT}.`,
    );
  }
  if (own['otherwise'] === DROP) {
    throw new ChainDefinitionError(
      `${tierName} would drop records for any reason`,
      `Let "otherwise" lead to a tier or ${REJECT}, and name the reasons to drop.`,
    );
  }
  const raised: readonly string[] = [...tier.reasons, ...ENGINE_REASONS, 'otherwise'];
  for (const [reason, target] of Object.entries(own)) {
    if (!raised.includes(reason)) {
      throw new ChainDefinitionError(
        `${tierName} never fails with "${reason}"`,
        `It can fail with ${raised.slice(0, -1).join(', ')}.`,
      );
    }
    if (target !== undefined && !isExit(target) && !Object.hasOwn(tiers, target)) {
      throw new ChainDefinitionError(
        `${tierName}.${reason} leads to ${JSON.stringify(target)}, which is not a tier`,
        `Use one of ${Object.keys(tiers).join(', ')}, ${REJECT}, or ${DROP}.`,
      );
    }
  }
}

function isExit(target: string): boolean {
  return target === REJECT || target === DROP;
}

/** Depth first, children before parents, reversed; a tier met while it is still open closes a cycle. */
function sortTopologically(
  entry: string,
  tiers: Readonly<Record<string, Tier>>,
  edges: LooseEdges,
): readonly string[] {
  const finished: string[] = [];
  const open: string[] = [];
  const visit = (tierName: string): void => {
    if (finished.includes(tierName)) return;
    if (open.includes(tierName)) {
      const cycle = [...open.slice(open.indexOf(tierName)), tierName].join(' -> ');
      throw new ChainDefinitionError(
        `the edges form a cycle: ${cycle}`,
        'A batch may meet each tier once; remove one edge.',
      );
    }
    open.push(tierName);
    for (const target of new Set(Object.values(edges[tierName] ?? {}))) {
      if (target !== undefined && !isExit(target)) visit(target);
    }
    open.pop();
    finished.push(tierName);
  };
  visit(entry);
  const lost = Object.keys(tiers).find((tierName) => !finished.includes(tierName));
  if (lost !== undefined) {
    throw new ChainDefinitionError(
      `no edge leads to ${lost}`,
      `Add an edge to it, or remove the tier; the entry is ${entry}.`,
    );
  }
  return finished.reverse();
}

function freezeChain(name: string, nodes: readonly ChainNode[]): Chain {
  const chain: Chain = {
    name,
    entry: nodes[0]?.name ?? '',
    nodes: Object.freeze(nodes),
    graph: () => graphOf(nodes),
    toMermaid: () => toMermaid(graphOf(nodes)),
    // A name of its own keeps live and replayed records apart in every metric and event.
    forReplay: () => freezeChain(`${name}-replay`, withoutStoring(nodes)),
  };
  return Object.freeze(chain);
}

/** Drops the storing tiers and whatever only they led to; keeps order, so the result needs no new sort. */
function withoutStoring(nodes: readonly ChainNode[]): readonly ChainNode[] {
  const [entry] = nodes;
  if (entry?.tier.lands === 'deferred') {
    throw new ChainDefinitionError(
      `${entry.name} stores and is the entry, so nothing could be replayed`,
      'Let a tier that delivers come first.',
    );
  }
  const reached = new Set<number>([0]);
  for (const [index, node] of nodes.entries()) {
    if (!reached.has(index)) continue;
    for (const route of [...node.routes.values(), node.otherwise]) {
      if (route.to >= 0 && nodes[route.to]?.tier.lands === 'delivered') reached.add(route.to);
    }
  }
  const kept = [...reached].sort((a, b) => a - b);
  const reroute = (route: Route): Route => {
    const to = kept.indexOf(route.to);
    // What would be dropped live is kept here: a replayed row that cannot land goes to quarantine.
    return to < 0 ? { to: TO_REJECT, named: true } : { to, named: route.named };
  };
  return kept.map((index): ChainNode => {
    const node = nodes[index] as ChainNode;
    const routes = new Map([...node.routes].map(([reason, route]) => [reason, reroute(route)]));
    return Object.freeze({ ...node, routes, otherwise: reroute(node.otherwise) });
  });
}
