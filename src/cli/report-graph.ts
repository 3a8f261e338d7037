/**
 * A chain as SVG: a staircase. Each tier has a step of its own; an edge leaves to the right, with its reasons written
 * on it, and falls onto the tier it leads to.
 *
 * G1 labels stay in the gap right of their tier and edges fall only above a tier, so no line crosses a label. G2 edges
 * to farther tiers leave higher and edges from farther tiers land more to the right, so two edges of one tier do not cross.
 */
import type { ChainGraph } from '../chain/chain.ts';
import { type Html, html } from './html.ts';

const BOX_WIDTH = 150;
const GAP_WIDTH = 172;
const STEP = BOX_WIDTH + GAP_WIDTH;
const ROW_GAP = 26;
const BOX_HEIGHT_MIN = 66;
const LINE_HEIGHT = 14;
const LABEL_CHARS = 27;
const MARGIN = 8;

interface Node {
  readonly name: string;
  readonly kind: string;
  readonly lands: string;
}

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly lines: readonly string[];
}

/** The chain with places: nodes in the order of the steps. */
interface Staircase {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  /** Top of each step, and the bottom of the last one. */
  readonly tops: readonly number[];
}

/** Draws a chain; edges to a name that is no tier (`REJECT`) lead to an exit. */
export function chainSvg(graph: ChainGraph): Html {
  const stairs = layOut(graph);
  const width = stairs.nodes.length * STEP - GAP_WIDTH + 2 * MARGIN;
  const height = (stairs.tops.at(-1) ?? 0) + MARGIN;
  const words = graph.edges
    .map(({ from, to, reasons }) => `${from} to ${to}: ${reasons.join(', ')}`)
    .join('; ');
  return html`<svg class="chain" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="chain-title chain-words">
<title id="chain-title">Tiers of the chain and the reasons that lead from one to the next</title>
<desc id="chain-words">Starts at ${graph.entry}. ${words}</desc>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>
${stairs.nodes.flatMap((_, index) => drawEdges(stairs, index))}
${stairs.nodes.map((node, index) => drawNode(node, stairs, index))}
</svg>`;
}

function layOut(graph: ChainGraph): Staircase {
  const names = sortNames(graph);
  const tiers = new Map(graph.tiers.map((tier) => [tier.name, tier]));
  const nodes = names.map((name) => tiers.get(name) ?? { name, kind: 'the caller keeps them', lands: '' });
  const edges = graph.edges
    .map(({ from, to, reasons }) => ({
      from: names.indexOf(from),
      to: names.indexOf(to),
      lines: wrap(reasons),
    }))
    .sort((a, b) => b.to - a.to);
  const tops = [MARGIN];
  for (const [index] of nodes.entries()) {
    tops.push((tops[index] ?? 0) + boxHeight(edges, index) + ROW_GAP);
  }
  tops[nodes.length] = (tops[nodes.length] ?? ROW_GAP) - ROW_GAP;
  return { nodes, edges, tops };
}

/** The entry first, then every tier after all that lead to it; what is no tier comes last. */
function sortNames({ entry, tiers, edges }: ChainGraph): readonly string[] {
  const known = new Set(tiers.map(({ name }) => name));
  const exits = [...new Set(edges.map(({ to }) => to))].filter((name) => !known.has(name));
  const left = new Set([entry, ...known]);
  const sorted: string[] = [];
  while (left.size > 0) {
    const isFree = (name: string): boolean =>
      !edges.some(({ from, to }) => to === name && from !== name && left.has(from));
    const next = [...left].find(isFree) ?? [...left][0] ?? '';
    left.delete(next);
    sorted.push(next);
  }
  return [...sorted, ...exits];
}

function wrap(reasons: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const [index, reason] of reasons.entries()) {
    const word = index < reasons.length - 1 ? `${reason},` : reason;
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LABEL_CHARS)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word.length > LABEL_CHARS ? `${word.slice(0, LABEL_CHARS - 1)}…` : word);
  }
  return lines;
}

function edgeHeight({ lines }: Edge): number {
  return Math.max(1, lines.length) * LINE_HEIGHT + 12;
}

function boxHeight(edges: readonly Edge[], index: number): number {
  const own = edges.filter(({ from }) => from === index);
  return Math.max(
    BOX_HEIGHT_MIN,
    own.reduce((sum, edge) => sum + edgeHeight(edge), 8),
  );
}

function left(index: number): number {
  return MARGIN + index * STEP;
}

function drawEdges({ edges, tops }: Staircase, from: number): readonly Html[] {
  let y = tops[from] ?? 0;
  return edges
    .filter((edge) => edge.from === from)
    .map((edge) => {
      y += edgeHeight(edge);
      const startX = left(from) + BOX_WIDTH;
      // A source further up lands further right (G2).
      const sources = edges.filter(({ to }) => to === edge.to).map((other) => other.from);
      const rank = [...sources].sort((a, b) => b - a).indexOf(from);
      const endX = left(edge.to) + (BOX_WIDTH * (rank + 1)) / (sources.length + 1);
      const path = `M${startX} ${y}H${endX - 6}Q${endX} ${y} ${endX} ${y + 6}V${tops[edge.to] ?? 0}`;
      const first = y - 5 - (edge.lines.length - 1) * LINE_HEIGHT;
      return html`<path class="edge" d="${path}" marker-end="url(#arrow)"/><text class="reason" x="${startX + 8}">${edge.lines.map(
        (line, index) => html`<tspan x="${startX + 8}" y="${first + index * LINE_HEIGHT}">${line}</tspan>`,
      )}</text>\n`;
    });
}

const LANDING: Readonly<Record<string, string>> = {
  delivered: 'lands in the sink',
  deferred: 'stores raw bytes',
};

function drawNode({ name, kind, lands }: Node, { edges, tops }: Staircase, index: number): Html {
  const [x, y] = [left(index), tops[index] ?? 0];
  const style = LANDING[lands] === undefined ? 'exit' : lands;
  const lines = [kind === name ? '' : kind, LANDING[lands] ?? lands].filter((line) => line !== '');
  return html`<g class="tier ${style}"><rect x="${x}" y="${y}" width="${BOX_WIDTH}" height="${boxHeight(edges, index)}" rx="8"/><text class="name" x="${x + 14}" y="${y + 28}">${name.length > 17 ? `${name.slice(0, 16)}…` : name}</text>${lines.map(
    (line, at) =>
      html`<text class="kind" x="${x + 14}" y="${y + 47 + at * LINE_HEIGHT}">${line.slice(0, 26)}</text>`,
  )}</g>\n`;
}
