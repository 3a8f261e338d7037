import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deferralOf } from '../../../src/reconcile/deferral.ts';
import {
  type DeferredObject,
  findOutages,
  type OutageCounts,
  spanOf,
} from '../../../src/reconcile/manifests/outage.ts';
import type { Proof } from '../../../src/reconcile/settlement.ts';
import { MINUTE_MS, refAt, START_MS } from './settled.ts';

const GAP_MS = 10 * MINUTE_MS;
const COUNTS = ['delivered', 'degraded', 'alreadyHeld', 'quarantined', 'discarded', 'pending'] as const;

const proof = fc.record({
  sourceDigest: fc.constantFrom('a', 'b'),
  sinkDigest: fc.constantFrom('a', 'b', null),
  missing: fc.constant([]),
  checked: fc.constant('lookup' as const),
  keys: fc.nat(50),
});

const object = fc
  .record({
    startMinute: fc.nat(300),
    minutes: fc.nat(15),
    counts: fc.array(fc.nat(20), { minLength: 6, maxLength: 6 }),
    reasons: fc.dictionary(fc.constantFrom('unavailable', 'refused', '__proto__'), fc.nat(9)),
    proof: fc.option(proof, { nil: undefined }),
    missing: fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 4 }),
  })
  .map((drawn) => drawn);

const objects = fc.array(object, { minLength: 1, maxLength: 25 }).map((drawn) =>
  drawn.map(({ startMinute, minutes, counts, reasons, proof: found, missing }, seq): DeferredObject => {
    const firstMs = START_MS + startMinute * MINUTE_MS;
    const named = Object.fromEntries(COUNTS.map((name, at) => [name, counts[at] ?? 0]));
    return {
      ref: refAt(firstMs, seq),
      firstMs,
      lastMs: firstMs + minutes * MINUTE_MS,
      isApproximate: false,
      ...(named as Omit<OutageCounts, 'rows'>),
      rows: counts.reduce((sum, count) => sum + count, 0),
      reasons,
      proof: found,
      settledMs: found && firstMs + 2 * GAP_MS,
      missing,
    };
  }),
);

const SHUFFLES = { numRuns: 200 };

describe('an outage', () => {
  it('is the same whatever the order in which its objects are found', () => {
    fc.assert(
      fc.property(objects, fc.infiniteStream(fc.nat()), (found, dice) => {
        const shuffled = found
          .map((one) => ({ one, at: dice.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        expect(findOutages(shuffled, GAP_MS)).toEqual(findOutages(found, GAP_MS));
      }),
      SHUFFLES,
    );
  });

  it('has each object once, and counts all that its objects count', () => {
    fc.assert(
      fc.property(objects, (found) => {
        const episodes = findOutages(found, GAP_MS);
        const refs = episodes.flatMap((episode) => episode.objects.map(({ ref }) => ref));
        expect(refs.toSorted()).toEqual(found.map(({ ref }) => ref).sort());
        for (const name of ['rows', ...COUNTS] as const) {
          const sum = (parts: readonly OutageCounts[]): number =>
            parts.reduce((total, part) => total + part[name], 0);
          expect(sum(episodes.map(({ outage }) => outage))).toBe(sum(found));
        }
        for (const { outage } of episodes) {
          const parts = COUNTS.reduce((total, name) => total + outage[name], 0);
          expect(parts).toBe(outage.rows);
        }
      }),
    );
  });

  it('holds what lies within the gap of each other, and ends where nothing does', () => {
    fc.assert(
      fc.property(objects, (found) => {
        const episodes = findOutages(found, GAP_MS);
        episodes.forEach(({ outage }, at) => {
          const next = episodes[at + 1]?.outage;
          if (next) expect(Date.parse(next.startedAt) - Date.parse(outage.endedAt)).toBeGreaterThan(GAP_MS);
        });
        for (const { objects: members } of episodes) {
          const byStart = members.toSorted((a, b) => a.firstMs - b.firstMs);
          let endMs = byStart[0]?.lastMs ?? 0;
          for (const { firstMs, lastMs } of byStart) {
            expect(firstMs - endMs).toBeLessThanOrEqual(GAP_MS);
            endMs = Math.max(endMs, lastMs);
          }
        }
      }),
    );
  });

  it('is called equal exactly when every object is settled and each pair of key sets is', () => {
    fc.assert(
      fc.property(objects, (found) => {
        for (const { outage, objects: members } of findOutages(found, GAP_MS)) {
          const isEqual = members.every(
            (one) => one.missing.length === 0 && one.proof && one.proof.sinkDigest === one.proof.sourceDigest,
          );
          expect(outage.verdict === 'equal').toBe(isEqual);
          if (isEqual) expect(outage.sinkDigest).toBe(outage.sourceDigest);
          const isLacking = members.some((one) => one.missing.length > 0 || differs(one.proof));
          expect(outage.verdict === 'missing').toBe(isLacking);
          if (members.some((one) => !one.proof)) expect(outage.completedAt).toBeNull();
        }
      }),
    );
  });

  it('lists a hundred missing keys and counts all', () => {
    const missing = Array.from({ length: 150 }, (_, n) => `k${n}`);
    const [episode] = findOutages([{ ...(fc.sample(objects, 1)[0]?.[0] as DeferredObject), missing }]);
    expect(episode?.outage.missing.total).toBe(150);
    expect(episode?.outage.missing.keys).toHaveLength(100);
  });
});

function differs(found: Proof | undefined): boolean {
  return found !== undefined && found.sinkDigest !== null && found.sinkDigest !== found.sourceDigest;
}

describe('the time of an object', () => {
  it('is that of its first and last entry, with rows by reason', () => {
    const entries = [
      { receivedAtMs: START_MS + 5, reason: 'unavailable', rowCount: 2 },
      { receivedAtMs: START_MS, reason: 'fenced', rowCount: 1 },
      { receivedAtMs: START_MS + 9, reason: 'unavailable', rowCount: 4 },
    ];
    expect(deferralOf(entries)).toEqual({
      firstReceivedAt: '2026-11-20T10:00:00.000Z',
      lastReceivedAt: '2026-11-20T10:00:00.009Z',
      reasons: { fenced: 1, unavailable: 6 },
    });
  });

  it('stays within the years that have a date', () => {
    const entries = [
      { receivedAtMs: -5, reason: 'x', rowCount: 1 },
      { receivedAtMs: 1e18, reason: 'x', rowCount: 1 },
    ];
    const { firstReceivedAt, lastReceivedAt } = deferralOf(entries);
    expect([firstReceivedAt, lastReceivedAt]).toEqual(['1970-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']);
  });

  it('is the hour of its key when an older settlement does not tell, and not known of a foreign name', () => {
    const ref = refAt(START_MS + 5 * MINUTE_MS, 1);
    expect(spanOf(ref, undefined)).toMatchObject({
      firstMs: START_MS,
      lastMs: START_MS + 60 * MINUTE_MS - 1,
      isApproximate: true,
    });
    expect(spanOf('chain=orders/strange.parquet', {})).toBeUndefined();
  });
});
