import { describe, expect, it } from 'vitest';
import { Window } from '../../../src/reconcile/pace/window.ts';

/** What a sink takes for so many at once, in milliseconds. */
type LatencyOf = (inFlight: number) => number;

class Rig {
  readonly window = new Window();
  #nowMs = 0;
  #lowMs = Number.POSITIVE_INFINITY;

  /** All that the window lets out is answered together, again and again. @returns the limits after each round */
  limitsAt(latencyOf: LatencyOf, rounds: number): readonly number[] {
    return Array.from({ length: rounds }, () => {
      const out = this.window.limit;
      const latencyMs = latencyOf(out);
      const sentMs = this.#nowMs;
      const { answers } = this.window;
      this.#nowMs += latencyMs;
      this.#lowMs = Math.min(this.#lowMs, latencyMs);
      for (let inFlight = 1; inFlight <= out; inFlight += 1) {
        this.window.answered({ sentMs, inFlight, answers }, this.#lowMs, this.#nowMs);
      }
      return this.window.limit;
    });
  }
}

const FIXED_MS = 20;
const groupCommit: LatencyOf = (inFlight) => FIXED_MS + inFlight;
const queueOfFour: LatencyOf = (inFlight) => 50 * Math.max(1, inFlight / 4);

describe('the window', () => {
  it('grows while a sink that commits together lands more, although it answers later (W4)', () => {
    const limit = new Rig().limitsAt(groupCommit, 200).at(-1) ?? 0;
    const share = limit / groupCommit(limit);
    expect(share).toBeGreaterThan(0.85);
  });

  it('stays near what is served at once where the rest stands in a queue', () => {
    const limits = new Rig().limitsAt(queueOfFour, 400).slice(200);
    expect(Math.max(...limits)).toBeLessThan(12);
    expect(Math.min(...limits)).toBeGreaterThanOrEqual(4);
  });

  it('finds its way back when what a sink lands together becomes a queue', () => {
    const rig = new Rig();
    rig.limitsAt(groupCommit, 200);
    const limits = rig.limitsAt(queueOfFour, 1_000);
    expect(limits.at(-1)).toBeLessThan(12);
  });
});
