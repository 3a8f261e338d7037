/** A chain: the frozen description of a graph of tiers. Data only; an engine runs it. */
import type { EngineReason } from '../core/reason.ts';
import type { Tier } from '../tiers/tier.ts';
import type { BreakerOptions } from './breaker.ts';

/** The edge to nobody: the caller keeps the records and is told so. */
export const REJECT = 'REJECT';

/** The edge to nowhere: the records are gone on purpose, counted as `dropped`. Only a named reason may lead there. */
export const DROP = 'DROP';

/** Limits of one tier, all optional. */
export interface TierLimits {
  /** `false` lets every call through. */
  readonly breaker?: BreakerOptions | false;
  /** Bytes of batches, times the tier's amplification, that it may hold at once. @default 268_435_456 */
  readonly budgetBytes?: number;
  /** Longest single outgoing call, in milliseconds. @default 10_000 (60_000 for tiers that store) */
  readonly timeoutMs?: number;
}

export type ReasonOf<T> = T extends Tier<infer R> ? R : never;

/** Where rows go, by reason. `otherwise` makes routing total. */
export type EdgeMap<Reason extends string, Target extends string> = {
  readonly [R in Reason]?: Target | typeof REJECT | typeof DROP;
} & { readonly otherwise: Target | typeof REJECT };

export interface ChainDefinition<T extends Record<string, Tier>> {
  /** Name in metrics, logs and object keys: letters, digits, `-`, `_`. @default 'default' */
  readonly name?: string;
  readonly entry: keyof T & string;
  readonly tiers: T;
  readonly edges: {
    readonly [K in keyof T]: EdgeMap<ReasonOf<T[K]> | EngineReason, Exclude<keyof T & string, K>>;
  };
  readonly limits?: { readonly [K in keyof T]?: TierLimits };
}

/** Where one reason leads. */
export interface Route {
  /** Index into `Chain.nodes`, -1 for REJECT, -2 for DROP. */
  readonly to: number;
  /** Whether the definition names this reason, so that a rejection is meant and not exhaustion. */
  readonly named: boolean;
}

export const TO_REJECT = -1;
export const TO_DROP = -2;

/** Name of the tier or exit that a route leads to. */
export function targetOf({ to }: Route, nodes: readonly { readonly name: string }[]): string {
  return to === TO_DROP ? DROP : (nodes[to]?.name ?? REJECT);
}

export interface ChainNode {
  readonly name: string;
  readonly tier: Tier;
  readonly limits: TierLimits;
  readonly routes: ReadonlyMap<string, Route>;
  readonly otherwise: Route;
  /** All reasons it may leave with. */
  readonly reasons: ReadonlySet<string>;
}

export interface ChainGraph {
  readonly entry: string;
  readonly tiers: readonly { readonly name: string; readonly kind: string; readonly lands: string }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly reasons: readonly string[];
  }[];
}

export interface Chain {
  readonly name: string;
  readonly entry: string;
  /** In topological order; `nodes[0]` is the entry. */
  readonly nodes: readonly ChainNode[];
  graph(): ChainGraph;
  /** The graph as Mermaid text. */
  toMermaid(): string;
  /** The same chain as `<name>-replay`, with every edge into a storing tier turned into a meant rejection. */
  forReplay(): Chain;
}
