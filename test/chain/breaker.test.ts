import { describe, expect, it, vi } from 'vitest';
import { Breaker, type BreakerOptions, type BreakerState, type Ticket } from '../../src/chain/breaker.ts';
import { FailureWindow } from '../../src/chain/failure-window.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

function makeBreaker(options: BreakerOptions = {}, saved?: BreakerState, random = () => 0.5) {
  const clock = new ManualClock();
  const heard: string[] = [];
  const listener = {
    opened: (retryInMs: number) => heard.push(`opened for ${retryInMs}`),
    halfOpened: () => heard.push('half-opened'),
    closed: () => heard.push('closed'),
  };
  const breaker = new Breaker(options, clock, random, listener, saved);
  const admit = (): Ticket | undefined => breaker.admit(clock.now());
  const mustAdmit = (): Ticket => {
    const ticket = admit();
    if (!ticket) throw new Error(`refused while ${breaker.circuit}`);
    return ticket;
  };
  const settle = async (ticket: Ticket, succeeded: boolean): Promise<void> => {
    breaker.settle(ticket, succeeded, clock.now());
    await clock.advance(0);
  };
  const call = (succeeded: boolean): Promise<void> => settle(mustAdmit(), succeeded);
  const fail = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i += 1) await call(false);
  };
  return { breaker, clock, heard, admit, mustAdmit, settle, call, fail };
}

/** Opens the circuit and waits until it would let a probe in. */
async function readyToProbe(options: BreakerOptions = {}) {
  const made = makeBreaker({ pauseMs: 1_000, ...options });
  await made.fail(options.failuresInRow ?? 5);
  await made.clock.advance(options.pauseMs ?? 1_000);
  return made;
}

describe('a closed circuit', () => {
  it('opens on the fifth failure in a row, and refuses from that moment', async () => {
    const { breaker, heard, fail, mustAdmit, admit, clock } = makeBreaker();
    await fail(4);
    expect(breaker.circuit).toBe('closed');
    const late = mustAdmit();
    breaker.settle(mustAdmit(), false, clock.now());
    expect([breaker.circuit, breaker.refuses(clock.now()), admit()]).toEqual(['open', true, undefined]);
    breaker.settle(late, false, clock.now());
    await clock.advance(0);
    expect([breaker.circuit, heard]).toEqual(['open', ['opened for 750']]);
  });

  it('stays closed when a success comes between failures, until the ratio is reached', async () => {
    const { breaker, call } = makeBreaker({ callsMin: 10, failureRatio: 0.5 });
    for (let i = 0; i < 4; i += 1) {
      await call(false);
      await call(true);
    }
    await call(true);
    expect(breaker.circuit).toBe('closed');
    await call(false);
    expect(breaker.circuit, '5 of 10 failed').toBe('open');
  });

  it('stays closed below the ratio however many calls fail', async () => {
    const { breaker, call } = makeBreaker({ failureRatio: 0.5 });
    for (let i = 0; i < 300; i += 1) await call(i % 3 < 2);
    expect(breaker.circuit).toBe('closed');
  });

  it('forgets by time: an hour of silence is not a run of failures', async () => {
    const { breaker, clock, fail } = makeBreaker();
    await fail(4);
    await clock.advance(3_600_000);
    await fail(4);
    expect(breaker.circuit).toBe('closed');
    await fail(1);
    expect(breaker.circuit).toBe('open');
  });

  it('hands the same ticket to every call, so admitting one allocates nothing', () => {
    const { mustAdmit } = makeBreaker();
    expect(mustAdmit()).toBe(mustAdmit());
  });
});

describe('FailureWindow', () => {
  it('drops calls after the window, slice by slice', () => {
    const window = new FailureWindow({ windowMs: 1_000, callsMin: 4, failureRatio: 0.5, failuresInRow: 99 });
    window.fail(0);
    window.fail(450);
    window.succeed(500);
    expect(window.fail(999), '3 of 4').toBe(true);
    expect(window.fail(1_000), 'the first one is gone: 3 of 4').toBe(true);
    window.clear();
    for (const at of [2_000, 2_100, 2_200]) window.fail(at);
    for (const at of [2_300, 2_950, 3_050]) window.succeed(at);
    expect(window.fail(3_250), '1 of 4: the three failures are too old').toBe(false);
  });

  it('counts nothing twice when time jumps far', () => {
    const window = new FailureWindow({ callsMin: 3, failureRatio: 1, failuresInRow: 99 });
    for (let hour = 0; hour < 50; hour += 1) expect(window.fail(hour * 3_600_000)).toBe(false);
  });
});

describe('an open circuit', () => {
  it('lets nobody in before the pause is over', async () => {
    const { breaker, clock, fail, admit } = makeBreaker({ pauseMs: 1_000 });
    await fail(5);
    await clock.advance(749);
    expect([breaker.refuses(clock.now()), admit(), breaker.circuit]).toEqual([true, undefined, 'open']);
    await clock.advance(1);
    expect(breaker.refuses(clock.now())).toBe(false);
  });

  it('doubles the pause with each failed round, up to the longest', async () => {
    const { clock, heard, fail, call } = makeBreaker({ pauseMs: 1_000, pauseMaxMs: 5_000 });
    await fail(5);
    for (let round = 0; round < 4; round += 1) {
      await clock.advance(5_000);
      await call(false);
    }
    expect(heard.filter((words) => words.startsWith('opened'))).toEqual([
      'opened for 750',
      'opened for 1500',
      'opened for 3000',
      'opened for 3750',
      'opened for 3750',
    ]);
  });

  it.each([0, 0.999999])('spreads the pause over its second half (chance %d)', async (chance) => {
    const { clock, fail, breaker } = makeBreaker({ pauseMs: 1_000 }, undefined, () => chance);
    await fail(5);
    await clock.advance(499.999);
    expect(breaker.refuses(clock.now())).toBe(true);
    await clock.advance(chance === 0 ? 0.001 : 500.001);
    expect(breaker.refuses(clock.now())).toBe(false);
  });

  it('starts again from the first pause after it was closed', async () => {
    const { clock, heard, call, fail } = await readyToProbe();
    await call(false);
    await clock.advance(2_000);
    await call(true);
    await fail(5);
    expect(heard.at(-1)).toBe('opened for 750');
  });

  it('goes by its own clock when the wall clock of the machine is set back', async () => {
    const { breaker, clock, fail, mustAdmit, admit, settle } = makeBreaker();
    const now = vi.spyOn(Date, 'now');
    try {
      await fail(5);
      now.mockReturnValue(0);
      await clock.advance(1_000);
      const probe = mustAdmit();
      expect([breaker.circuit, admit()]).toEqual(['half-open', undefined]);
      await settle(probe, true);
      expect(breaker.circuit).toBe('closed');
    } finally {
      now.mockRestore();
    }
  });
});

describe('a half-open circuit', () => {
  it.each([1, 3])('admits exactly %d probes and refuses the rest at once', async (probes) => {
    const { breaker, clock, admit, mustAdmit, heard } = await readyToProbe({ probes });
    for (let i = 0; i < probes; i += 1) mustAdmit();
    for (let i = 0; i < 5; i += 1) expect([breaker.refuses(clock.now()), admit()]).toEqual([true, undefined]);
    expect([breaker.circuit, heard.at(-1)]).toEqual(['half-open', 'half-opened']);
  });

  it('closes only when all probes have succeeded', async () => {
    const { breaker, mustAdmit, settle, heard } = await readyToProbe({ probes: 3 });
    const probes = [mustAdmit(), mustAdmit(), mustAdmit()];
    for (const probe of probes) {
      expect(breaker.circuit).toBe('half-open');
      await settle(probe, true);
    }
    expect([breaker.circuit, heard.at(-1)]).toEqual(['closed', 'closed']);
  });

  it('opens again with the first failed probe', async () => {
    const { breaker, mustAdmit, settle, heard } = await readyToProbe({ probes: 3 });
    const [first] = [mustAdmit(), mustAdmit()];
    await settle(first, false);
    expect([breaker.circuit, heard.at(-1)]).toEqual(['open', 'opened for 1500']);
  });

  it('closes when no more probes failed than it was told to accept', async () => {
    const { breaker, mustAdmit, settle } = await readyToProbe({ probes: 3, probeFailureRatio: 0.4 });
    const probes = [mustAdmit(), mustAdmit(), mustAdmit()];
    for (const [index, probe] of probes.entries()) await settle(probe, index !== 1);
    expect(breaker.circuit).toBe('closed');
  });

  it('counts a probe that never settles as failed when its lease ends', async () => {
    const { breaker, clock, mustAdmit, admit, heard } = await readyToProbe({ probeLeaseMs: 5_000 });
    mustAdmit();
    await clock.advance(4_999);
    expect([admit(), breaker.circuit]).toEqual([undefined, 'half-open']);
    await clock.advance(1);
    expect(admit(), 'asking finds the lease over').toBeUndefined();
    await clock.advance(0);
    expect([breaker.circuit, heard.at(-1)]).toEqual(['open', 'opened for 1500']);
    await clock.advance(1_500);
    mustAdmit();
    expect(breaker.circuit).toBe('half-open');
  });

  it('ignores what a probe of an earlier round says', async () => {
    const { breaker, clock, mustAdmit, settle, admit } = await readyToProbe({ probeLeaseMs: 5_000 });
    const hung = mustAdmit();
    await clock.advance(5_000);
    admit();
    await clock.advance(2_000);
    mustAdmit();
    await settle(hung, true);
    expect(breaker.circuit).toBe('half-open');
    await settle(hung, false);
    expect(breaker.circuit).toBe('half-open');
  });

  it('ignores what calls say that were admitted before it opened', async () => {
    const { breaker, clock, mustAdmit, settle, fail } = makeBreaker({ pauseMs: 1_000 });
    const old = [mustAdmit(), mustAdmit(), mustAdmit()];
    await fail(5);
    await clock.advance(1_000);
    const probe = mustAdmit();
    for (const ticket of old) await settle(ticket, true);
    expect(breaker.circuit).toBe('half-open');
    await settle(probe, true);
    expect(breaker.circuit).toBe('closed');
    for (let i = 0; i < 9; i += 1) for (const ticket of old) await settle(ticket, false);
    expect(breaker.circuit).toBe('closed');
  });
});

describe('a circuit that just closed', () => {
  it('lets twice as many in after each success, then everybody', async () => {
    const { breaker, clock, call, mustAdmit, admit, settle } = await readyToProbe();
    await call(true);
    const held: Ticket[] = [];
    for (const limit of [1, 2, 4, 8, 16, 32, 64]) {
      while (!breaker.refuses(clock.now())) held.push(mustAdmit());
      expect([held.length, admit()]).toEqual([limit, undefined]);
      await settle(held.pop() ?? mustAdmit(), true);
    }
    expect(Array.from({ length: 200 }, admit)).not.toContain(undefined);
  });

  it('gives its place back after a failure, without letting more in', async () => {
    const { call, mustAdmit, admit, settle } = await readyToProbe();
    await call(true);
    await settle(mustAdmit(), false);
    const ticket = mustAdmit();
    expect(admit()).toBeUndefined();
    await settle(ticket, true);
    expect([mustAdmit(), mustAdmit(), admit()].at(-1)).toBeUndefined();
  });
});

describe('isolation', () => {
  it('refuses everybody until it is released, and is the same once or twice', async () => {
    const { breaker, clock, heard, admit, mustAdmit } = makeBreaker();
    breaker.isolate();
    breaker.isolate();
    await clock.advance(3_600_000);
    expect([breaker.circuit, admit(), heard]).toEqual(['isolated', undefined, ['opened for Infinity']]);
    breaker.release();
    breaker.release();
    expect([breaker.circuit, heard.at(-1)]).toEqual(['closed', 'closed']);
    mustAdmit();
  });

  it('of a half-open circuit forgets its probes', async () => {
    const { breaker, mustAdmit, settle } = await readyToProbe();
    const probe = mustAdmit();
    breaker.isolate();
    await settle(probe, true);
    expect(breaker.circuit).toBe('isolated');
    breaker.release();
    await settle(probe, false);
    expect(breaker.circuit).toBe('closed');
  });

  it('in the moment of tripping wins', async () => {
    const { breaker, clock, fail, mustAdmit } = makeBreaker();
    await fail(4);
    breaker.settle(mustAdmit(), false, clock.now());
    breaker.isolate();
    await clock.advance(0);
    expect(breaker.circuit).toBe('isolated');
    breaker.release();
    expect(breaker.circuit).toBe('closed');
  });
});

describe('saved state', () => {
  const through = (state: BreakerState): BreakerState => JSON.parse(JSON.stringify(state)) as BreakerState;

  it.each(['closed', 'open', 'isolated'] as const)(
    'of a circuit that is %s comes back as it was',
    async (circuit) => {
      const before = makeBreaker();
      if (circuit === 'open') await before.fail(5);
      if (circuit === 'isolated') before.breaker.isolate();
      const saved = through(before.breaker.toJSON());
      const after = makeBreaker({}, saved);
      expect([saved.circuit, after.breaker.circuit, after.breaker.toJSON()]).toEqual([circuit, circuit, saved]);
      await after.clock.advance(0);
      expect(after.breaker.toJSON()).toEqual(saved);
    },
  );

  it('of an isolated circuit can be released', async () => {
    const { breaker, mustAdmit } = makeBreaker({}, { circuit: 'isolated', rounds: 0 });
    breaker.release();
    expect(breaker.circuit).toBe('closed');
    mustAdmit();
  });

  it('of a half-open circuit is open, with the same pause as before', async () => {
    const before = await readyToProbe();
    before.mustAdmit();
    const { breaker, clock, heard, admit } = makeBreaker({ pauseMs: 1_000 }, through(before.breaker.toJSON()));
    await clock.advance(0);
    expect([breaker.circuit, heard, admit()]).toEqual(['open', ['opened for 750'], undefined]);
    await clock.advance(750);
    expect(admit()).toBeDefined();
  });

  it('restarted over and over does not lengthen the pause: a restart is no failed round', async () => {
    let state: BreakerState = { circuit: 'open', rounds: 2 };
    for (let restart = 0; restart < 10; restart += 1) {
      const { breaker, clock } = makeBreaker({}, state);
      await clock.advance(0);
      state = through(breaker.toJSON());
    }
    expect(state).toEqual({ circuit: 'open', rounds: 2 });
  });

  it('that is damaged gives a circuit that recovers', async () => {
    for (const rounds of [-3, Number.NaN, 1e9]) {
      const { breaker, clock, call } = makeBreaker({}, { circuit: 'open', rounds });
      await clock.advance(30_000);
      await call(true);
      expect(breaker.circuit, String(rounds)).toBe('closed');
    }
  });
});
