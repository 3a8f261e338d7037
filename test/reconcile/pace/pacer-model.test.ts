import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type Offer, Pacer, type Turn } from '../../../src/reconcile/pace/pacer.ts';
import { checkPace } from '../../../src/reconcile/pace/settings.ts';
import { sixteenthOf } from '../../../src/reconcile/pace/subset.ts';
import { seededRandom } from '../../../src/testing/seeded-random.ts';

const MAXIMUM = 20_000;
const LATE_S = 0.05;

type Action =
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'offer'; readonly key: string; readonly rows: number }
  | { readonly kind: 'answer'; readonly reason: string | undefined; readonly retryAfterMs: number }
  | { readonly kind: 'lose' }
  | { readonly kind: 'circuit'; readonly retryAfterMs: number }
  | { readonly kind: 'partition'; readonly is: boolean }
  | { readonly kind: 'live'; readonly rows: number };

const AWAY = ['unavailable', 'circuit-open', 'partitioned', 'unauthorised', 'missing-target'];
const reason = fc.option(
  fc.constantFrom('throttled', 'ambiguous', 'over-budget', 'crashed', 'fenced', ...AWAY),
  {
    nil: undefined,
    freq: 3,
  },
);
const retryAfterMs = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 60_000 }));
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance'), ms: fc.integer({ min: 0, max: 3_000 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('offer'),
      key: fc.string({ maxLength: 4 }),
      rows: fc.integer({ min: 1, max: 2_000 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('answer'), reason, retryAfterMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('circuit'), retryAfterMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('partition'), is: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('live'), rows: fc.integer({ min: 0, max: 5_000 }) }) },
) as fc.Arbitrary<Action>;

/** `expect` is slow, and this is asked a million times. */
function must(holds: boolean, words: string): void {
  if (!holds) throw new Error(words);
}

/** A pacer beside what must be true of it. */
class Check {
  readonly #live = { accepted: 0, delivered: 0, degraded: 0, inFlight: 0 };
  readonly #out: Turn[] = [];
  readonly #sent: { readonly atMs: number; readonly rows: number }[] = [];
  #isPartitioned = false;
  #nowMs = 0;
  #silentUntilMs = 0;
  readonly pacer: Pacer;

  constructor(seed: number) {
    this.pacer = new Pacer({
      pacing: checkPace({ rowsPerSecondMax: MAXIMUM }),
      random: seededRandom(seed),
      listener: { paused: () => undefined, resumed: () => undefined },
      live: () => this.#live,
      isPartitioned: () => this.#isPartitioned,
    });
  }

  run(next: Action): void {
    if (next.kind === 'advance') this.#nowMs += next.ms;
    else if (next.kind === 'offer') this.offer(next.key, next.rows);
    else if (next.kind === 'answer') this.#answer(next.reason, next.retryAfterMs);
    else if (next.kind === 'lose') this.#lose();
    else if (next.kind === 'partition') this.#isPartitioned = next.is;
    else if (next.kind === 'circuit') {
      this.pacer.troubled('unavailable', true, next.retryAfterMs, this.#nowMs);
      this.#silentUntilMs = Math.max(this.#silentUntilMs, this.#nowMs + next.retryAfterMs);
    } else {
      this.#live.accepted += next.rows;
      this.#live.delivered += next.rows;
    }
    must(this.pacer.inFlight === this.#out.length, 'it lost count of what is out');
    const rate = this.pacer.rowsPerSecond(this.#nowMs);
    must(rate >= 0 && rate <= MAXIMUM, `the rate is ${rate}`);
  }

  offer(key: string, rows: number): Offer {
    const offer = this.pacer.offer(key, rows, this.#nowMs);
    if (offer.state === 'go') this.#wasSent(offer.turn, key);
    // A6: whoever waits knows until when, or somebody is out whose answer will end it.
    else if (offer.state === 'wait') {
      if (offer.untilMs === Number.POSITIVE_INFINITY) must(this.#out.length > 0, 'it waits for nobody');
      else must(offer.untilMs > this.#nowMs, 'it waits for the past');
    } else must(offer.retryAfterMs > 0, 'it is away and not for long');
    return offer;
  }

  /** Good answers alone bring everybody through: nothing is stuck for ever. */
  recover(): void {
    this.#isPartitioned = false;
    for (let steps = 0; this.pacer.sixteenths < 16; steps += 1) {
      must(steps < 2_000, 'it never opens again');
      for (let key = 0; key < 16; key += 1) this.offer(`k${key}`, 10);
      this.#nowMs += 100;
      while (this.#out.length > 0) this.#answer(undefined, 0);
    }
  }

  #wasSent(turn: Turn, key: string): void {
    // A5, A1, S1.
    must(this.#nowMs >= this.#silentUntilMs, 'it was sent before the sink wished');
    const { sixteenths } = this.pacer;
    if (sixteenths === 0) must(this.#out.length === 0, 'a probe has company');
    else must(sixteenthOf(key) < sixteenths, 'a key came before its time');
    this.#out.push(turn);
    this.#sent.push({ atMs: this.#nowMs, rows: turn.rows });
    this.#checkAllowance();
  }

  /** Over no span more than the maximum allows, and one entry beyond. */
  #checkAllowance(): void {
    let rows = 0;
    for (const { atMs, rows: some } of this.#sent.slice(-50, -1).reverse()) {
      rows += some;
      const spanS = (this.#nowMs - atMs) / 1_000;
      must(rows <= MAXIMUM * (spanS + LATE_S) + 2_000, `${rows} rows in ${spanS} s`);
    }
  }

  #answer(why: string | undefined, wishMs: number): void {
    const turn = this.#out.shift();
    if (!turn) return;
    const isAnswered = why === undefined;
    this.pacer.answered(
      turn,
      { reason: why, retryAfterMs: isAnswered ? 0 : wishMs, landed: isAnswered ? turn.rows : 0, isPlain: true },
      this.#nowMs,
    );
    if (!isAnswered && why !== 'fenced') {
      this.#silentUntilMs = Math.max(this.#silentUntilMs, this.#nowMs + wishMs);
    }
  }

  #lose(): void {
    const turn = this.#out.shift();
    if (turn) this.pacer.answered(turn, undefined, this.#nowMs);
  }
}

describe('the pacer under anything that may happen', () => {
  it('keeps its bounds, every wish of the sink, and a way back (A1, A5, A6)', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.nat(), (actions, seed) => {
        const check = new Check(seed);
        for (const next of actions) check.run(next);
        check.recover();
      }),
      { numRuns: 400 },
    );
  });
});
