import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOUNDARIES_MS, LogLinearHistogram } from '../../src/telemetry/histogram.ts';

/** 1 µs to 1 h, as many small as large ones. */
const latency = fc.double({ min: Math.log(0.001), max: Math.log(3_600_000), noNaN: true }).map(Math.exp);
const HOUR_MS = 3_600_000;

function filled(values: readonly number[]): LogLinearHistogram {
  const histogram = new LogLinearHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('log-linear histogram', () => {
  it('gives every quantile within 6.25 % of the recorded value of that rank (H1)', () => {
    const samples = fc.array(latency, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const sorted = values.map((value) => Math.min(value, HOUR_MS)).sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? 0;
        expect(Math.abs(filled(values).quantile(q) - exact) / exact).toBeLessThanOrEqual(0.0625);
      }),
      { numRuns: 2000 },
    );
  });

  it('is as exact at both ends of its range and on every power of two', () => {
    for (const ms of [0.001, 0.0015, 0.0019999, 1, 268_435, 268_436, HOUR_MS - 1, HOUR_MS]) {
      expect(Math.abs(filled([ms]).quantile(0.5) - ms) / ms).toBeLessThanOrEqual(0.0625);
    }
    for (let power = 0; power < 31; power += 1) {
      const ms = 2 ** power / 1000;
      expect(Math.abs(filled([ms]).quantile(1) - ms) / ms).toBeLessThanOrEqual(0.0625);
    }
  });

  it('counts exactly the values at or below each boundary (H3)', () => {
    const near = fc
      .constantFrom(...BOUNDARIES_MS)
      .chain((bound) => fc.constantFrom(bound, bound * 1.0001, bound * 0.9999));
    fc.assert(
      fc.property(fc.array(fc.oneof(latency, near)), (values) => {
        const expected = [...BOUNDARIES_MS, Number.POSITIVE_INFINITY].map(
          (le) => values.filter((value) => value <= le).length,
        );
        expect(filled(values).cumulative()).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('merges to what it would hold had it recorded everything itself', () => {
    fc.assert(
      fc.property(fc.array(latency), fc.array(latency), (a, b) => {
        const merged = filled(a);
        merged.merge(filled(b));
        const whole = filled([...a, ...b]);
        expect(merged.cumulative()).toEqual(whole.cumulative());
        expect([merged.count, merged.max, merged.quantile(0.99)]).toEqual([
          whole.count,
          whole.max,
          whole.quantile(0.99),
        ]);
        expect(merged.sum).toBeCloseTo(whole.sum, 3);
      }),
    );
  });

  it('counts what cannot be a latency as nothing and what is over an hour as an hour (H2)', () => {
    const histogram = filled([Number.NaN, -1, 0, Number.POSITIVE_INFINITY, 1e12]);
    expect([histogram.count, histogram.sum, histogram.max]).toEqual([5, 2 * HOUR_MS, HOUR_MS]);
    expect(histogram.quantile(0)).toBeLessThan(0.0001);
    expect(histogram.quantile(1)).toBe(HOUR_MS);
  });

  it('answers 0 when nothing was recorded', () => {
    const empty = new LogLinearHistogram();
    expect([empty.quantile(0.99), empty.max, empty.sum, empty.count]).toEqual([0, 0, 0, 0]);
  });
});
