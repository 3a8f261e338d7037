import { describe, expect, it } from 'vitest';
import { S3Fault } from '../../src/stores/s3-fault.ts';
import { S3Patience, type S3PatienceOptions } from '../../src/stores/s3-patience.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const TIMEOUT = { timeoutMs: 1e12 };

function rig(options: Partial<S3PatienceOptions> = {}) {
  const clock = new ManualClock();
  const patience = new S3Patience({ clock, random: () => 0.5, patienceMs: 60_000, socketsMax: 8, ...options });
  /** Moves time until the call has ended. @returns what it ended with */
  const ended = async (call: Promise<unknown>): Promise<unknown> => {
    let isEnded = false;
    const end = call.then(
      (value) => value,
      (error: unknown) => error,
    );
    void end.finally(() => {
      isEnded = true;
    });
    while (!isEnded) await clock.advance(60_000);
    return end;
  };
  return { clock, patience, ended };
}

/** Fails the first `times` attempts, and notes when each was made. */
function failing(clock: ManualClock, times: number, fault: () => S3Fault) {
  const startsMs: number[] = [];
  const attempt = async (): Promise<string> => {
    startsMs.push(clock.now());
    if (startsMs.length <= times) throw fault();
    return 'done';
  };
  return { startsMs, attempt };
}

const slowDown = (retryAfterMs?: number) => () =>
  new S3Fault('throttled', 'slow down', retryAfterMs === undefined ? {} : { retryAfterMs });

describe('a server that asks to slow down', () => {
  it('gets no request of anybody before the pause has passed (I4)', async () => {
    const { clock, patience } = rig();
    const { attempt, startsMs } = failing(clock, 1, slowDown(10_000));
    const first = patience.call(attempt, TIMEOUT);
    await clock.advance(0);
    let others = 0;
    const second = patience.call(async () => (others += 1), TIMEOUT);
    await clock.advance(9_999);
    expect([others, startsMs]).toEqual([0, [0]]);
    await clock.advance(1);
    expect(await Promise.all([first, second])).toEqual(['done', 1]);
    expect(startsMs).toEqual([0, 10_000]);
  });

  it('is given one pause by requests that were under way together, not one by each', async () => {
    const { clock, patience } = rig({ random: () => 1 });
    const { attempt, startsMs } = failing(clock, 6, slowDown());
    const calls = Promise.all(Array.from({ length: 6 }, () => patience.call(attempt, TIMEOUT)));
    await clock.advance(200);
    expect(startsMs).toEqual([...Array(6).fill(0), ...Array(6).fill(200)]);
    expect(await calls).toEqual(Array(6).fill('done'));
  });

  it('is given longer pauses the longer it lasts, and short ones again after it has answered', async () => {
    const { clock, patience, ended } = rig({ random: () => 1 });
    const long = failing(clock, 3, slowDown());
    expect(await ended(patience.call(long.attempt, TIMEOUT))).toBe('done');
    expect(long.startsMs).toEqual([0, 200, 600, 1_400]);
    const short = failing(clock, 1, slowDown());
    const startedMs = clock.now();
    expect(await ended(patience.call(short.attempt, TIMEOUT))).toBe('done');
    expect(short.startsMs.map((ms) => ms - startedMs)).toEqual([0, 200]);
  });
});

describe('the budget of retries', () => {
  const away = () => new S3Fault('unavailable', 'away');

  it('pays for twenty, and for one more after five successes (I3)', async () => {
    const { clock, patience, ended } = rig({ patienceMs: 1e9 });
    const spent = failing(clock, Number.POSITIVE_INFINITY, away);
    expect(await ended(patience.call(spent.attempt, TIMEOUT))).toMatchObject({ kind: 'unavailable' });
    expect(spent.startsMs.length).toBe(21);
    for (let n = 0; n < 4; n += 1) await patience.call(async () => 'done', TIMEOUT);
    const early = failing(clock, 1, away);
    expect(await ended(patience.call(early.attempt, TIMEOUT)), 'after four').toMatchObject({
      kind: 'unavailable',
    });
    await patience.call(async () => 'done', TIMEOUT);
    const late = failing(clock, 1, away);
    expect(await ended(patience.call(late.attempt, TIMEOUT)), 'after five').toBe('done');
  });

  it('is refilled by answers that are no success to the caller', async () => {
    const { clock, patience, ended } = rig({ patienceMs: 1e9 });
    await ended(patience.call(failing(clock, Number.POSITIVE_INFINITY, away).attempt, TIMEOUT));
    for (const kind of ['absent', 'exists', 'no-upload', 'no-range', 'absent'] as const) {
      const answer = failing(clock, Number.POSITIVE_INFINITY, () => new S3Fault(kind, 'an answer'));
      expect(await ended(patience.call(answer.attempt, TIMEOUT))).toMatchObject({ kind });
      expect(answer.startsMs.length).toBe(1);
    }
    expect(await ended(patience.call(failing(clock, 1, away).attempt, TIMEOUT))).toBe('done');
  });
});
