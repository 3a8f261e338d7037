import { describe, expect, it } from 'vitest';
import { REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { ChainExhaustedError, SinkError } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';
import { defaultChain } from './default-chain.ts';
import { batchOf, checkBooksAfterEach, checkReceipt, failureOf, rigOf } from './rig.ts';

checkBooksAfterEach();

const ENTRIES = [{ field: 'n', kind: 'nulled', lossless: false, count: 1, samples: [] }];
const LOSS = { entries: ENTRIES, cells: 1, cellsTotal: 1 };

describe('partial failure', () => {
  it('sends residues to different tiers and merges them where edges join', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.answer({
      residue: [
        { rows: [4, 5], reason: 'unavailable' },
        { rows: [1, 2], reason: 'schema-mismatch' },
        { rows: [7], reason: 'undecodable' },
      ],
    });
    tiers['schema-retry'].answer({
      residue: [
        { rows: [4], reason: 'refused' },
        { rows: [5], reason: 'unavailable' },
      ],
    });
    tiers['schema-coerce'].answer({ residue: [{ rows: [1, 4], reason: 'beyond-tolerance' }] });
    const receipt = await engine.submit(batchOf(8));
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 4, deferred: 4 });
    expect(receipt.trail.map(({ tier, rowsIn, rowsLanded }) => [tier, rowsIn, rowsLanded])).toEqual([
      ['primary', 8, 3],
      ['schema-retry', 2, 0],
      ['schema-coerce', 3, 1],
      ['raw-persist', 4, 4],
    ]);
    expect(tiers['schema-coerce'].runs[0]?.rows).toEqual([1, 2, 4]);
    expect(tiers['raw-persist'].runs).toMatchObject([
      {
        rows: [1, 4, 5, 7],
        cause: [
          { rows: [7], reason: 'undecodable' },
          { rows: [5], reason: 'unavailable' },
          { rows: [1, 4], reason: 'beyond-tolerance' },
        ],
      },
    ]);
  });

  it('tells a tier which tiers ran before it', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.failNext('unavailable');
    tiers['schema-retry'].failNext('unavailable');
    tiers['raw-persist'].answer((work) => {
      expect(work.trail.map(({ tier }) => tier)).toEqual(['primary', 'schema-retry']);
      return undefined;
    });
    await engine.submit(batchOf(2));
  });

  it('ignores a residue of no rows', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, heard } = rigOf(chain);
    tiers.primary.answer({ residue: [{ rows: [], reason: 'unavailable' }] });
    const receipt = await engine.submit(batchOf(2));
    checkReceipt(receipt);
    expect([receipt.delivered, receipt.trail.length, heard]).toEqual([2, 1, []]);
  });

  it('counts rows that left one by one for one reason as one transition', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, events, metrics } = rigOf(chain);
    tiers.primary.answer({
      residue: [0, 2, 4].map((row) => ({ rows: [row], reason: 'undecodable', detail: `row ${row}` })),
    });
    const receipt = await engine.submit(batchOf(5));
    checkReceipt(receipt);
    expect(receipt.trail[0]?.left).toEqual([{ reason: 'undecodable', rows: 3, detail: 'row 0' }]);
    expect(events('tierTransitioned')).toMatchObject([{ rows: 3, detail: 'row 0' }]);
    expect(metrics.total('fallback_tier_transitions_total')).toBe(1);
    expect(tiers['raw-persist'].runs[0]?.cause).toHaveLength(3);
  });

  it('routes 20,000 rows that left one by one in linear time', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    const rows = 20_000;
    const leaveSingly = (reason: string): Outcome => ({
      residue: Array.from({ length: rows }, (_, row) => ({ rows: [row], reason })),
    });
    tiers.primary.answer(leaveSingly('undecodable'));
    tiers['raw-persist'].answer(leaveSingly('unavailable'));
    const cpuMs = cpuStopwatch();
    const error = (await failureOf(engine.submit(batchOf(rows)))) as ChainExhaustedError;
    expect(cpuMs()).toBeLessThan(2_000);
    expect(error.receipt.rejections).toHaveLength(rows);
  });
});

describe('a faulty tier', () => {
  it.each(['sync', 'async'] as const)('that throws (%s) leaves all its rows as crashed', async (how) => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.throwNext(new Error('boom'), how);
    const receipt = await engine.submit(batchOf(3));
    checkReceipt(receipt);
    expect(receipt.deferred).toBe(3);
    expect(receipt.trail[0]?.left).toEqual([{ reason: 'crashed', rows: 3, detail: 'boom' }]);
  });

  it.each(['sync', 'async'] as const)('that throws a SinkError (%s) leaves with its reason', async (how) => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.throwNext(new SinkError('throttled', 'slow down', { retryAfterMs: 70 }), how);
    await engine.submit(batchOf(3));
    expect(tiers['schema-retry'].runs[0]?.cause).toEqual([
      { rows: 'all', reason: 'throttled', detail: 'slow down', retryAfterMs: 70, whole: true },
    ]);
  });

  it.each([undefined, null, 'words', 0])('that throws %s is survived', async (thrown) => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.throwNext(thrown);
    const receipt = await engine.submit(batchOf(2));
    expect(receipt.trail[0]?.left).toEqual([{ reason: 'crashed', rows: 2, detail: String(thrown) }]);
  });

  it('that fails with an undeclared reason leaves as crashed, and its words are kept', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, metrics } = rigOf(chain);
    tiers.primary.failNext('moon-phase', [1], { detail: 'full' });
    const receipt = await engine.submit(batchOf(3));
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 2, deferred: 1 });
    expect(receipt.trail[0]?.left).toEqual([
      { reason: 'crashed', rows: 1, detail: 'undeclared reason "moon-phase": full' },
    ]);
    expect(metrics.total('fallback_tier_transitions_total', { reason: 'moon-phase' })).toBe(0);
  });

  const left = (...rows: (readonly number[] | 'all')[]): Outcome => ({
    residue: rows.map((some) => ({ rows: some, reason: 'refused' })),
  });
  const LIES: readonly (readonly [string, Outcome])[] = [
    ['a row out of range', left([1, 9])],
    ['a negative row', left([-1])],
    ['a fractional row', left([1.5])],
    ['descending rows', left([2, 1])],
    ['a row twice in one residue', left([1, 1])],
    ['a row in two residues', left([1, 2], [2])],
    ['a row that was not its own', left([0])],
    ['all rows when it was given some', left('all')],
    ['a row that left and landed degraded', { ...left([2]), degraded: { rows: [2, 3], loss: LOSS } }],
    ['a degraded row out of range', { degraded: { rows: [9], loss: LOSS } }],
    ['a degraded row twice', { degraded: { rows: [1, 1], loss: LOSS } }],
    ['a degraded row that was not its own', { degraded: { rows: [0], loss: LOSS } }],
    ['all rows degraded when it was given some', { degraded: { rows: 'all', loss: LOSS } }],
    ['nothing that is an outcome', null as unknown as Outcome],
    ['a residue that is no list', { residue: 7 } as unknown as Outcome],
    ['a residue without rows', { residue: [{ reason: 'refused' }] } as unknown as Outcome],
    ['a residue that is nothing', { residue: [null] } as unknown as Outcome],
    ['a loss that is nothing', { degraded: { rows: [1] } } as unknown as Outcome],
  ];

  it.each(LIES)('that names %s leaves all its rows as crashed', async (_, lie) => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.failNext('unavailable', [1, 2, 3]);
    tiers['schema-retry'].answer(lie);
    const receipt = await engine.submit(batchOf(4));
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, degraded: 0, deferred: 3 });
    expect(receipt.trail[1]?.left).toMatchObject([{ reason: 'crashed', rows: 3 }]);
  });

  it.each(['primary', 'raw-persist'] as const)('is survived as %s too', async (name) => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    if (name === 'raw-persist') tiers.primary.failNext('undecodable');
    tiers[name].answer({
      residue: [{ rows: 'all', reason: 'unavailable' }],
      degraded: { rows: 'all', loss: LOSS },
    });
    const submitted = engine.submit(batchOf(3));
    if (name === 'primary')
      expect((await submitted).trail[0]?.left).toMatchObject([{ reason: 'crashed', rows: 3 }]);
    else expect(await failureOf(submitted)).toBeInstanceOf(ChainExhaustedError);
  });

  it('may say twice that all of its rows left, and is not believed', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.answer(left('all', 'all'));
    expect(await engine.submit(batchOf(3))).toMatchObject({ deferred: 3 });
  });
});

describe('a graph with joins', () => {
  it('runs each tier once, in topological order, whatever the order of the definition', async () => {
    const make = () => fakeTier({ reasons: ['unavailable', 'refused', 'throttled'] });
    const tiers = { d: make(), c: make(), b: make(), a: make() };
    const chain = defineChain({
      entry: 'a',
      tiers,
      edges: {
        d: { otherwise: REJECT },
        c: { otherwise: 'd' },
        b: { unavailable: 'c', otherwise: 'd' },
        a: { unavailable: 'b', refused: 'c', throttled: 'd', otherwise: REJECT },
      },
    });
    const { engine } = rigOf(chain);
    tiers.a.answer({
      residue: [
        { rows: [5], reason: 'throttled' },
        { rows: [3], reason: 'refused' },
        { rows: [1, 2], reason: 'unavailable' },
      ],
    });
    tiers.b.failNext('unavailable', [2]);
    tiers.c.failNext('refused', [2]);
    const receipt = await engine.submit(batchOf(6));
    checkReceipt(receipt);
    expect(receipt.trail.map(({ tier }) => tier)).toEqual(['a', 'b', 'c', 'd']);
    expect([tiers.c.runs[0]?.rows, tiers.d.runs[0]?.rows]).toEqual([
      [2, 3],
      [2, 5],
    ]);
  });
});
