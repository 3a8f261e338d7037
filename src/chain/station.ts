/**
 * One tier of a running engine with what it owns alone: breaker, byte budget, deadlines, instruments.
 * Nothing here is shared between tiers, so a sick tier cannot take another one's share.
 */
import type { Clock, Random } from '../core/clock.ts';
import type { EventBus } from '../core/events.ts';
import type { Counter, Histogram, Metrics } from '../core/metrics.ts';
import { isCircuitFault } from '../core/reason.ts';
import type { Tier } from '../tiers/tier.ts';
import { Breaker, type BreakerState, type CircuitName, type Ticket } from './breaker.ts';
import { type Chain, type ChainNode, type Route, targetOf } from './chain.ts';
import { Deadlines } from './deadlines.ts';

const BUDGET_BYTES = 268_435_456;
const TIMEOUT_MS = { delivered: 10_000, deferred: 60_000 } as const;
/** The numbers that `circuit_breaker_state` is documented with. */
const CIRCUIT_CODES: Readonly<Record<CircuitName, number>> = {
  closed: 0,
  'half-open': 1,
  open: 2,
  isolated: 3,
};

export interface StationContext {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: EventBus;
  readonly metrics: Metrics;
}

/** Where rows with one reason go. */
export interface Exit {
  readonly route: Route;
  /** Name of the next tier, REJECT or DROP. */
  readonly to: string;
  /** Counts the times it was taken. */
  readonly taken: Counter;
}

export class Station {
  readonly name: string;
  readonly tier: Tier;
  readonly breaker: Breaker | undefined;
  readonly budgetBytes: number;
  readonly amplification: number;
  readonly timeoutMs: number;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
  readonly landedLatency: Histogram;
  readonly leftLatency: Histogram;
  readonly delivered: Counter;
  readonly degraded: Counter;
  readonly deferred: Counter;
  reservedBytes = 0;
  readonly #node: ChainNode;
  readonly #context: StationContext;
  readonly #exits = new Map<string, Exit>();
  /** Why the circuit opened: the last reason that counted against it. */
  #lastFault = 'unavailable';

  constructor(node: ChainNode, context: StationContext, saved?: BreakerState) {
    const { chain, clock, metrics } = context;
    this.#node = node;
    this.#context = context;
    this.name = node.name;
    this.tier = node.tier;
    this.clock = clock;
    this.amplification = node.tier.amplification ?? 1;
    this.budgetBytes = node.limits.budgetBytes ?? BUDGET_BYTES;
    this.timeoutMs = node.limits.timeoutMs ?? TIMEOUT_MS[node.tier.lands];
    this.deadlines = new Deadlines(clock, this.timeoutMs);
    this.breaker = this.#makeBreaker(saved);
    const labels = { chain: chain.name, tier: node.name };
    this.landedLatency = metrics.histogram('tier_execution_latency_seconds', { ...labels, outcome: 'landed' });
    this.leftLatency = metrics.histogram('tier_execution_latency_seconds', { ...labels, outcome: 'left' });
    const records = (disposition: string): Counter =>
      metrics.counter('fallback_records_total', { ...labels, disposition, reason: '' });
    this.delivered = records('delivered');
    this.degraded = records('degraded');
    this.deferred = records('deferred');
    metrics.gauge('fallback_budget_reserved_bytes', labels, () => this.reservedBytes);
    metrics.gauge('circuit_breaker_state', labels, () => CIRCUIT_CODES[this.breaker?.circuit ?? 'closed']);
  }

  /** Whether the tier can leave with this reason at all; others are bugs of the tier. */
  knows(reason: string): boolean {
    return this.#node.reasons.has(reason);
  }

  route(reason: string): Route {
    return this.#node.routes.get(reason) ?? this.#node.otherwise;
  }

  /** The way out by a reason, with its counter: looked up once, because an outage takes it for every batch. */
  exit(reason: string): Exit {
    const known = this.#exits.get(reason);
    if (known) return known;
    const route = this.route(reason);
    const to = targetOf(route, this.#context.chain.nodes);
    const exit = { route, to, taken: this.transitions(to, reason) };
    this.#exits.set(reason, exit);
    return exit;
  }

  /** Tells the circuit how an admitted call ended; no reason means that the sink answered well. */
  settle(ticket: Ticket | undefined, reason: string | undefined, nowMs: number): void {
    if (!ticket) return;
    const isFault = reason !== undefined && isCircuitFault(reason);
    if (isFault) this.#lastFault = reason;
    this.breaker?.settle(ticket, !isFault, nowMs);
  }

  transitions(to: string, reason: string): Counter {
    const labels = { chain: this.#context.chain.name, from: this.name, to, reason };
    return this.#context.metrics.counter('fallback_tier_transitions_total', labels);
  }

  countRejected(rows: number, reason: string): void {
    this.#count('rejected', rows, reason);
  }

  countDropped(rows: number, reason: string): void {
    this.#count('dropped', rows, reason);
  }

  #count(disposition: string, rows: number, reason: string): void {
    const labels = { chain: this.#context.chain.name, tier: this.name, disposition, reason };
    this.#context.metrics.counter('fallback_records_total', labels).add(rows);
  }

  #makeBreaker(saved: BreakerState | undefined): Breaker | undefined {
    const { breaker } = this.#node.limits;
    if (breaker === false) return undefined;
    const { chain, clock, random, bus, metrics } = this.#context;
    const where = { chain: chain.name, tier: this.name };
    const changed = (to: CircuitName): void =>
      metrics.counter('circuit_breaker_state_changes', { ...where, to }).add(1);
    const listener = {
      opened: (retryInMs: number): void => {
        changed('open');
        bus.emit('circuitOpened', { ...where, reason: this.#lastFault, retryInMs });
      },
      halfOpened: (): void => {
        changed('half-open');
        bus.emit('circuitHalfOpened', where);
      },
      closed: (): void => {
        changed('closed');
        bus.emit('circuitClosed', where);
      },
    };
    return new Breaker({ callMaxMs: this.timeoutMs, ...breaker }, clock, random, listener, saved);
  }
}
