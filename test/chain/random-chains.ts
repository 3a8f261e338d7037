import fc from 'fast-check';
import { type Chain, type ChainDefinition, DROP, REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import type { Outcome, Residue } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { type FakeTier, fakeTier } from '../../src/testing/fake-tier.ts';
import type { Tier, Work } from '../../src/tiers/tier.ts';

export const REASONS = ['unavailable', 'throttled', 'refused'] as const;

/** What a tier does with each row: lands it, or leaves it with a reason. Or it breaks altogether. */
export interface Conduct {
  readonly fates: readonly (string | undefined)[];
  readonly breaks: 'not' | 'throws' | 'throws at once' | 'lies';
  readonly isSync: boolean;
  readonly settlesOnAbort: boolean;
  readonly isGrouped: boolean;
}

export interface Plan {
  readonly names: readonly string[];
  /** Targets by tier and reason: an index above the tier's own, one beyond the last for REJECT, two for DROP; `otherwise` last. */
  readonly targets: readonly (readonly number[])[];
  readonly lands: readonly Tier['lands'][];
  readonly conduct: readonly Conduct[];
  readonly rows: number;
}

const ROWS_MAX = 12;

const conduct: fc.Arbitrary<Conduct> = fc.record({
  fates: fc.array(fc.option(fc.constantFrom(...REASONS), { nil: undefined, freq: 2 }), {
    minLength: ROWS_MAX,
    maxLength: ROWS_MAX,
  }),
  breaks: fc.oneof(
    { weight: 8, arbitrary: fc.constant('not' as const) },
    { weight: 1, arbitrary: fc.constantFrom('throws' as const, 'throws at once' as const, 'lies' as const) },
  ),
  isSync: fc.boolean(),
  settlesOnAbort: fc.boolean(),
  isGrouped: fc.boolean(),
});

/** A random acyclic plan in which every tier is reachable from the first. */
export const plans: fc.Arbitrary<Plan> = fc.integer({ min: 1, max: 6 }).chain((count) =>
  fc.record({
    names: fc.constant(Array.from({ length: count }, (_, index) => `t${index}`)),
    targets: fc
      .tuple(
        ...Array.from({ length: count }, (_, index) =>
          fc
            .array(fc.integer({ min: index + 1, max: count + 1 }), { minLength: 4, maxLength: 4 })
            .map((own) => own.map((to, at) => (at === 3 ? Math.min(to, count) : to))),
        ),
      )
      .map((targets) =>
        // The last edge of each tier is `otherwise`; through the first edge everybody is reachable.
        targets.map((own, index) => [index + 1, ...own.slice(1)]),
      ),
    lands: fc.array(fc.constantFrom('delivered' as const, 'deferred' as const), {
      minLength: count,
      maxLength: count,
    }),
    conduct: fc.array(conduct, { minLength: count, maxLength: count }),
    rows: fc.integer({ min: 1, max: ROWS_MAX }),
  }),
);

function outcomeOf(work: Work, { fates, breaks, isGrouped }: Conduct): Outcome | undefined {
  if (breaks === 'lies') return { residue: [{ rows: [work.batch.rowCount], reason: 'refused' }] };
  const residue: Residue[] = [];
  const rows = rowIndices(work.rows, work.batch.rowCount);
  if (isGrouped) {
    for (const reason of REASONS) residue.push({ rows: rows.filter((row) => fates[row] === reason), reason });
  } else {
    for (const row of rows) if (fates[row] !== undefined) residue.push({ rows: [row], reason: fates[row] });
  }
  return residue.length === 0 ? undefined : { residue };
}

export function targetOf(plan: Plan, tier: number, reason: string): number {
  const own = plan.targets[tier] ?? [];
  const at = (REASONS as readonly string[]).indexOf(reason);
  return own[at < 0 ? REASONS.length : at] ?? plan.names.length;
}

/** The plan as a chain of fake tiers; the definition lists the tiers in the order of `shuffle`. */
export function chainOf(
  plan: Plan,
  limits?: ChainDefinition<Record<string, FakeTier>>['limits'],
): { readonly chain: Chain; readonly tiers: Readonly<Record<string, FakeTier>> } {
  const nameOf = (index: number): string => plan.names[index] ?? (index > plan.names.length ? DROP : REJECT);
  const tiers: Record<string, FakeTier> = {};
  const edges: Record<string, Record<string, string> & { otherwise: string }> = {};
  for (const [index, name] of [...plan.names.entries()].reverse()) {
    const own = plan.conduct[index] as Conduct;
    const { isSync, settlesOnAbort, breaks } = own;
    const tier = fakeTier({
      kind: name,
      reasons: REASONS as readonly string[],
      lands: plan.lands[index] ?? 'delivered',
      isSync,
      settlesOnAbort,
    });
    if (breaks === 'throws') tier.throwNext(new Error('boom'));
    else if (breaks === 'throws at once') tier.throwNext(new Error('boom'), 'sync');
    else tier.answerAlways((work) => outcomeOf(work, own));
    tiers[name] = tier;
    const named = REASONS.map((reason) => [reason, nameOf(targetOf(plan, index, reason))] as const);
    edges[name] = { ...Object.fromEntries(named), otherwise: nameOf(targetOf(plan, index, 'otherwise')) };
  }
  const definition = { entry: 't0', tiers, edges, ...(limits ? { limits } : {}) };
  return { chain: defineChain(definition as ChainDefinition<Record<string, FakeTier>>), tiers };
}

/** Where each row must end, by a walk of its own. `at` is a tier's index, -1 when nobody took it, -2 when it was dropped. */
export interface Fate {
  readonly at: number;
  /** The reason it left the last tier with; undefined when it landed. */
  readonly reason: string | undefined;
}

export function fateOf(plan: Plan, row: number): Fate {
  let at = 0;
  for (;;) {
    const { fates, breaks } = plan.conduct[at] as Conduct;
    const reason = breaks === 'not' ? fates[row] : 'crashed';
    if (reason === undefined) return { at, reason: undefined };
    const next = targetOf(plan, at, reason);
    if (next >= plan.names.length) return { at: next === plan.names.length ? -1 : -2, reason };
    at = next;
  }
}
