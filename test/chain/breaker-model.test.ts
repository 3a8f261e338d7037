import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Breaker, type BreakerState, type CircuitName, type Ticket } from '../../src/chain/breaker.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const OPTIONS = {
  failuresInRow: 3,
  callsMin: 1e9,
  windowMs: 1e12,
  probes: 2,
  pauseMs: 100,
  pauseMaxMs: 500,
  probeLeaseMs: 1_000,
};
const CHANCE = 0.5;

interface ModelTicket {
  readonly epoch: number;
  readonly isProbe: boolean;
  readonly leaseEndsMs: number;
}

/** What the breaker must do, without cockatiel and without promises. */
class Model {
  circuit: CircuitName = 'closed';
  rounds = 0;
  #nowMs = 0;
  #epoch = 0;
  #inRow = 0;
  #reopensAtMs = 0;
  #issued = 0;
  #succeeded = 0;
  #pending: ModelTicket[] = [];
  #limit = Number.POSITIVE_INFINITY;
  #inFlight = 0;

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  admit(): ModelTicket | undefined {
    if (this.circuit === 'isolated') return undefined;
    if (this.circuit === 'closed') {
      if (this.#inFlight >= this.#limit) return undefined;
      this.#inFlight += 1;
      return { epoch: this.#epoch, isProbe: false, leaseEndsMs: 0 };
    }
    if (this.circuit === 'open') {
      if (this.#nowMs < this.#reopensAtMs) return undefined;
      this.#enter('half-open');
    }
    const isOver = this.#pending.some(({ leaseEndsMs }) => leaseEndsMs <= this.#nowMs);
    const leaseEndsMs = this.#nowMs + OPTIONS.probeLeaseMs;
    const ticket = { epoch: this.#epoch, isProbe: true, leaseEndsMs };
    const isFree = this.#issued < OPTIONS.probes;
    if (isOver) this.#open();
    else if (isFree) this.#pending.push(ticket);
    this.#issued += 1;
    return isFree ? ticket : undefined;
  }

  settle(ticket: ModelTicket, succeeded: boolean): void {
    if (ticket.epoch !== this.#epoch) return;
    if (!ticket.isProbe) return this.#settleCall(succeeded);
    this.#pending = this.#pending.filter((other) => other !== ticket);
    this.#succeeded += 1;
    if (!succeeded) this.#open();
    else if (this.#succeeded === OPTIONS.probes) this.#close();
  }

  isolate(): void {
    if (this.circuit !== 'isolated') this.#enter('isolated');
  }

  release(): void {
    if (this.circuit === 'isolated') this.#close();
  }

  restart(): void {
    this.#inRow = 0;
    this.#limit = Number.POSITIVE_INFINITY;
    if (this.circuit === 'closed' || this.circuit === 'isolated') return this.#enter(this.circuit);
    this.rounds -= 1;
    this.#open();
  }

  #settleCall(succeeded: boolean): void {
    this.#inFlight -= 1;
    if (succeeded) this.#limit = this.#limit * 2 > 64 ? Number.POSITIVE_INFINITY : this.#limit * 2;
    this.#inRow = succeeded ? 0 : this.#inRow + 1;
    if (this.#inRow >= OPTIONS.failuresInRow) this.#open();
  }

  #open(): void {
    const pauseMs = Math.min(OPTIONS.pauseMaxMs, OPTIONS.pauseMs * 2 ** this.rounds);
    this.#reopensAtMs = this.#nowMs + pauseMs * (0.5 + CHANCE / 2);
    this.rounds += 1;
    this.#enter('open');
  }

  #close(): void {
    this.#enter('closed');
    this.rounds = 0;
    this.#inRow = 0;
    this.#limit = OPTIONS.probes;
  }

  #enter(circuit: CircuitName): void {
    this.circuit = circuit;
    this.#epoch += 1;
    this.#pending = [];
    this.#issued = 0;
    this.#succeeded = 0;
    this.#inFlight = 0;
  }
}

class Real {
  /** Circuits and rounds met on the way, to know that the commands go everywhere. */
  readonly met: Set<string>;
  readonly clock = new ManualClock();
  /** Calls in flight, as the breaker and as the model know them. */
  readonly tickets: (readonly [Ticket, ModelTicket])[] = [];
  breaker = this.make();

  constructor(met: Set<string>) {
    this.met = met;
  }

  make(saved?: BreakerState): Breaker {
    const listener = { opened: () => {}, halfOpened: () => {}, closed: () => {} };
    return new Breaker(OPTIONS, this.clock, () => CHANCE, listener, saved);
  }
}

type Command = fc.AsyncCommand<Model, Real>;

function command(name: string, run: (model: Model, real: Real) => void): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      run(model, real);
      await real.clock.advance(0);
      real.met.add(`${model.circuit} ${Math.min(3, model.rounds)}`);
      expect(real.breaker.toJSON(), name).toEqual({ circuit: model.circuit, rounds: model.rounds });
    },
    toString: () => name,
  };
}

const admit = command('admit', (model, real) => {
  const expected = model.admit();
  const ticket = real.breaker.admit(real.clock.now());
  expect(ticket !== undefined, 'admitted').toBe(expected !== undefined);
  if (ticket && expected) real.tickets.push([ticket, expected]);
});

const settle = fc
  .record({ at: fc.nat(), succeeded: fc.nat(2).map((chance) => chance === 0) })
  .map(({ at, succeeded }) =>
    command(`settle ${at} ${succeeded}`, (model, real) => {
      const [taken] = real.tickets.splice(at % Math.max(1, real.tickets.length), 1);
      if (!taken) return;
      model.settle(taken[1], succeeded);
      real.breaker.settle(taken[0], succeeded, real.clock.now());
    }),
  );

const advance = fc.constantFrom(1, 40, 75, 400, 1_000).map((ms): Command => {
  const after = command(`advance ${ms}`, () => {});
  return {
    ...after,
    run: async (model, real) => {
      model.advance(ms);
      await real.clock.advance(ms);
      await after.run(model, real);
    },
  };
});

const restart = command('restart', (model, real) => {
  model.restart();
  real.tickets.length = 0;
  real.breaker = real.make(JSON.parse(JSON.stringify(real.breaker.toJSON())) as BreakerState);
});

const isolate = command('isolate', (model, real) => {
  model.isolate();
  real.breaker.isolate();
});

const release = command('release', (model, real) => {
  model.release();
  real.breaker.release();
});

/** Weights: without them the random walk hardly leaves the closed circuit. */
const often = (command: fc.Arbitrary<Command>, times: number) => Array.from({ length: times }, () => command);

const all = fc.commands(
  [
    ...often(fc.constant(admit), 8),
    ...often(settle, 7),
    ...often(advance, 4),
    fc.constant(restart),
    fc.constant(isolate),
    fc.constant(release),
  ],
  { maxCommands: 100, size: 'max' },
);

describe('breaker against its model', () => {
  it('admits, opens, probes, ramps and restarts as the model does', async () => {
    const met = new Set<string>();
    await fc.assert(
      fc.asyncProperty(all, async (commands) => {
        await fc.asyncModelRun(() => ({ model: new Model(), real: new Real(met) }), commands);
      }),
      { numRuns: 1_000 },
    );
    const everywhere = [
      'closed 0',
      'half-open 1',
      'half-open 2',
      'isolated 0',
      'isolated 1',
      'open 1',
      'open 2',
    ];
    expect(
      everywhere.filter((place) => !met.has(place)),
      'places that no command reached',
    ).toEqual([]);
  });
});
