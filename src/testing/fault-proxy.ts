/**
 * A TCP proxy that does to connections what networks do, on command or by chance, the same for the same seed.
 *
 * An exchange is what a client sends and what it is answered: on a connection that is kept alive each request is one. P1 the
 * n-th exchange of a proxy meets the same fault for the same seed and shares, whichever connection it is on. P2 what was told
 * by `failNext` comes before `setFault`, and that before chance. P3 `close` leaves no socket and no timer.
 */
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { systemClock } from '../platform/system-clock.ts';
import type { Fault, FaultKind, FaultShare } from './faults/fault.ts';
import { FaultyLink } from './faults/faulty-link.ts';
import { seededRandom } from './seeded-random.ts';

export type { Fault, FaultKind, FaultShare } from './faults/fault.ts';

export interface FaultProxyOptions {
  readonly port: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 1 */
  readonly seed?: number;
  /** Faults by chance; their shares add up to 1 at most. @default none */
  readonly shares?: readonly FaultShare[];
  /** @default the machine's */
  readonly clock?: Pick<Clock, 'schedule'>;
}

export interface FaultProxy extends AsyncDisposable {
  /** Where it listens, on 127.0.0.1; the same also after `refuse` and `accept`. */
  readonly port: number;
  /** Connections that were made. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  readonly exchanges: number;
  /** Exchanges that met a fault, by its kind. */
  readonly met: ReadonlyMap<FaultKind, number>;
  /** The next `times` (1) exchanges meet this fault; calls add up, first in first out. */
  failNext(fault: Fault, times?: number): void;
  /** Every exchange from now on meets this fault; undefined leaves them to chance again. */
  setFault(fault: Fault | undefined): void;
  /** Nobody listens any more: a new connection is refused by the system. Open ones go on. */
  refuse(): Promise<void>;
  /** Listens again. */
  accept(): Promise<void>;
  /** Resets every open connection. */
  reset(): void;
  /** Ends everything; safe to call twice. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/** Starts a proxy in front of `host` and `port`. @throws RangeError for shares that are no shares */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new TcpFaultProxy(options);
  await proxy.accept();
  return proxy;
}

class TcpFaultProxy implements FaultProxy {
  port = 0;
  connections = 0;
  exchanges = 0;
  readonly met = new Map<FaultKind, number>();
  readonly #options: FaultProxyOptions;
  readonly #random: () => number;
  readonly #told: Fault[] = [];
  readonly #links = new Set<FaultyLink>();
  readonly #idle = new Set<() => void>();
  #fault: Fault | undefined = undefined;
  #server: Server | undefined = undefined;

  constructor(options: FaultProxyOptions) {
    const shares = options.shares ?? [];
    const sum = shares.reduce((total, { share }) => total + share, 0);
    if (shares.some(({ share }) => !(share >= 0)) || sum > 1) {
      throw new RangeError(`shares of faults are from 0 to 1 together, found ${sum}`);
    }
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
  }

  get open(): number {
    return this.#links.size;
  }

  failNext(fault: Fault, times = 1): void {
    for (let time = 0; time < times; time += 1) this.#told.push(fault);
  }

  setFault(fault: Fault | undefined): void {
    this.#fault = fault;
  }

  async accept(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true }, (client) => this.#connect(client));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.port, LOOPBACK, resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  async refuse(): Promise<void> {
    this.#server?.close();
    this.#server = undefined;
  }

  reset(): void {
    for (const link of this.#links) link.reset();
  }

  async close(): Promise<void> {
    await this.refuse();
    this.reset();
    if (this.open > 0) await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connect(client: Socket): void {
    this.connections += 1;
    const { port, host = LOOPBACK, clock = systemClock } = this.#options;
    const server = tcpConnect({ port, host, allowHalfOpen: true });
    const link: FaultyLink = new FaultyLink(client, server, {
      clock,
      nextFault: () => this.#nextFault(),
      onEnd: () => this.#forget(link),
    });
    this.#links.add(link);
  }

  #forget(link: FaultyLink): void {
    this.#links.delete(link);
    if (this.open > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  #nextFault(): Fault | undefined {
    this.exchanges += 1;
    // Drawn for every exchange, also when it is told what to meet: the ones behind it keep their fate.
    const byChance = this.#drawn();
    const fault = this.#told.shift() ?? this.#fault ?? byChance;
    if (fault !== undefined) this.met.set(fault.kind, (this.met.get(fault.kind) ?? 0) + 1);
    return fault;
  }

  #drawn(): Fault | undefined {
    let at = this.#random();
    for (const { fault, share } of this.#options.shares ?? []) {
      at -= share;
      if (at < 0) return fault;
    }
    return undefined;
  }
}
