/** The chain as a picture: nodes and edges grouped by target, and the same as Mermaid text. */
import { type ChainGraph, type ChainNode, DROP, REJECT, type Route, targetOf } from './chain.ts';

export function graphOf(nodes: readonly ChainNode[]): ChainGraph {
  const nameOf = (route: Route): string => targetOf(route, nodes);
  const edges = nodes.flatMap((node) => {
    const reasonsByTarget = new Map<string, string[]>();
    const named = [...node.routes].map(([reason, route]) => [reason, nameOf(route)] as const);
    for (const [reason, target] of [...named, ['otherwise', nameOf(node.otherwise)] as const]) {
      reasonsByTarget.set(target, [...(reasonsByTarget.get(target) ?? []), reason]);
    }
    return [...reasonsByTarget].map(([to, reasons]) => ({ from: node.name, to, reasons }));
  });
  return {
    entry: nodes[0]?.name ?? '',
    tiers: nodes.map(({ name, tier }) => ({ name, kind: tier.kind, lands: tier.lands })),
    edges,
  };
}

/** Mermaid flowchart: storing tiers are cylinders, REJECT and DROP flags. Ids are numbered, so any name is safe. */
export function toMermaid(graph: ChainGraph): string {
  const ids = new Map(graph.tiers.map(({ name }, index) => [name, `t${index}`]));
  const idOf = (name: string): string => ids.get(name) ?? name.toLowerCase();
  const nodes = graph.tiers.map(({ name, kind, lands }) => {
    const label = name === kind ? text(name) : `${text(name)}<br/><i>${text(kind)}</i>`;
    return lands === 'deferred' ? `  ${idOf(name)}[("${label}")]` : `  ${idOf(name)}["${label}"]`;
  });
  for (const exit of [REJECT, DROP]) {
    if (graph.edges.some(({ to }) => to === exit)) nodes.push(`  ${idOf(exit)}>"${exit}"]`);
  }
  const edges = graph.edges.map(
    ({ from, to, reasons }) => `  ${idOf(from)} -- "${reasons.map(text).join('<br/>')}" --> ${idOf(to)}`,
  );
  return ['flowchart LR', ...nodes, ...edges, ''].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '"': '#quot;', '#': '#35;', '<': '#lt;', '>': '#gt;' };

/** Words as Mermaid takes them inside quotes: one line, nothing that could end the label or start a tag. */
function text(words: string): string {
  return words.replaceAll(/["#<>]/g, (char) => ENTITIES[char] ?? '').replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ');
}
