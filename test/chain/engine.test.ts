import { describe, expect, it } from 'vitest';
import { REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { openEngine } from '../../src/chain/engine.ts';
import { framer } from '../../src/codecs/codecs.ts';
import { BatchError, ChainExhaustedError, SinkError } from '../../src/core/errors.ts';
import { ENGINE_REASONS } from '../../src/core/reason.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { defaultChain, type TierName } from './default-chain.ts';
import { RecordedMetrics } from './recorded-metrics.ts';
import { batchOf, checkBooksAfterEach, checkReceipt, failureOf, rigOf } from './rig.ts';

checkBooksAfterEach();

/** How a batch is made to reach a tier of the default chain. */
const WAYS: Readonly<Record<TierName, readonly (readonly [TierName, string])[]>> = {
  primary: [],
  'schema-retry': [['primary', 'unavailable']],
  'schema-coerce': [['primary', 'schema-mismatch']],
  'raw-persist': [['primary', 'beyond-tolerance']],
};

/** Where each reason leads, after the table of the design; what is not named goes to `otherwise`. */
const EDGES: Readonly<Record<TierName, Readonly<Record<string, TierName | typeof REJECT>>>> = {
  primary: {
    unavailable: 'schema-retry',
    throttled: 'schema-retry',
    'too-large': 'schema-retry',
    ambiguous: 'schema-retry',
    refused: 'schema-retry',
    'schema-mismatch': 'schema-coerce',
    otherwise: 'raw-persist',
  },
  'schema-retry': { 'schema-mismatch': 'schema-coerce', refused: 'schema-coerce', otherwise: 'raw-persist' },
  'schema-coerce': { otherwise: 'raw-persist' },
  'raw-persist': { otherwise: REJECT },
};

const NAMES = Object.keys(EDGES) as TierName[];

function reasonsOf(name: TierName): readonly string[] {
  return [...defaultChain().tiers[name].reasons, ...ENGINE_REASONS];
}

describe('engine', () => {
  it('lands a batch in the entry with one call and one passage', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, heard } = rigOf(chain);
    const receipt = await engine.submit(batchOf(3));
    expect(receipt).toMatchObject({ records: 3, delivered: 3, degraded: 0, deferred: 0, rejected: 0 });
    expect(receipt.trail).toEqual([
      { tier: 'primary', rowsIn: 3, rowsLanded: 3, attempts: 1, latencyMs: 0, left: [] },
    ]);
    expect([tiers.primary.runs.length, tiers['schema-retry'].runs.length, heard]).toEqual([1, 0, []]);
    checkReceipt(receipt);
  });

  it.each([[1], 'all'] as const)(
    'gives the same receipt for %s however tiers answer and whoever listens',
    async (rows) => {
      const receipts = new Set<string>();
      for (const isHeard of [true, false]) {
        for (const isSync of [true, false]) {
          for (const settlesOnAbort of [true, false]) {
            for (const signal of [undefined, new AbortController().signal]) {
              const { chain, tiers } = defaultChain({ isSync, settlesOnAbort });
              const { engine } = rigOf(chain, {}, isHeard);
              tiers.primary.failNext('schema-mismatch', rows);
              tiers['schema-coerce'].failNext('refused', [1]);
              const receipt = await engine.submit(batchOf(3), signal ? { signal } : {});
              checkReceipt(receipt);
              receipts.add(JSON.stringify(receipt));
            }
          }
        }
      }
      expect([...receipts].map((text) => JSON.parse(text))).toMatchObject([
        { delivered: 2, deferred: 1, rejections: [] },
      ]);
    },
  );

  describe.each(NAMES)('%s', (name) => {
    it.each(reasonsOf(name))('leaves with %s to where the edges say', async (reason) => {
      const { chain, tiers } = defaultChain();
      const { engine, metrics, events } = rigOf(chain);
      for (const [tier, cause] of WAYS[name]) tiers[tier].failNext(cause);
      tiers[name].failNext(reason, 'all', { detail: 'told to' });
      const to = EDGES[name][reason] ?? EDGES[name]['otherwise'];
      const submitted = engine.submit(batchOf(2));
      if (to === REJECT) {
        const error = await failureOf(submitted);
        expect(error).toBeInstanceOf(ChainExhaustedError);
        expect((error as ChainExhaustedError).receipt.rejections).toEqual([
          { rows: 'all', reason, detail: 'told to' },
        ]);
      } else {
        const receipt = await submitted;
        checkReceipt(receipt);
        expect(receipt.trail.map(({ tier }) => tier)).toEqual([...WAYS[name].map(([tier]) => tier), name, to]);
        expect(tiers[to as TierName].runs.at(-1)?.cause).toEqual([{ rows: 'all', reason, detail: 'told to' }]);
      }
      expect(metrics.total('fallback_tier_transitions_total', { from: name, to: to ?? '', reason })).toBe(1);
      expect(events('tierTransitioned').at(-1)).toMatchObject({ from: name, to, reason, rows: 2, attempts: 1 });
    });
  });

  it('rejects with the receipt that names exactly the rows nobody took', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, events } = rigOf(chain);
    tiers.primary.failNext('unavailable', [1, 3]);
    tiers['schema-retry'].failNext('unavailable', [3]);
    tiers['raw-persist'].failNext('unavailable', [3], { detail: 'the disk is full' });
    const error = (await failureOf(engine.submit(batchOf(5)))) as ChainExhaustedError;
    expect(error).toBeInstanceOf(ChainExhaustedError);
    expect(error).toMatchObject({ code: 'CHAIN_EXHAUSTED', retryable: true });
    expect(error.message).toContain('1 of 5');
    expect(error.message).toContain('the disk is full');
    checkReceipt(error.receipt);
    expect(error.receipt).toMatchObject({ delivered: 4, rejected: 1, rejections: [{ rows: [3] }] });
    expect(events('batchRejected')).toEqual([
      { chain: 'default', batchId: error.receipt.batchKey, rows: 1, reasons: ['unavailable'] },
    ]);
  });

  it('accounts for 64 batches in parallel when every tier fails', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, clock } = rigOf(chain);
    for (const tier of Object.values(tiers)) {
      tier.answerAlways((work) => ({ residue: [{ rows: work.rows, reason: 'unavailable' }] }));
      tier.hold();
    }
    const failures = Array.from({ length: 64 }, (_, n) =>
      failureOf(engine.submit(batchOf(3, { id: `b${n}` }))),
    );
    for (const tier of Object.values(tiers)) {
      await clock.advance(0);
      tier.release();
    }
    for (const error of await Promise.all(failures)) {
      expect(error).toBeInstanceOf(ChainExhaustedError);
      checkReceipt((error as ChainExhaustedError).receipt);
      expect((error as ChainExhaustedError).receipt.rejected).toBe(3);
    }
    expect(engine.ledger).toMatchObject({ accepted: 192, rejected: 192 });
  });

  it('resolves with rejected rows when the chain rejects their reason on purpose', async () => {
    const only = fakeTier();
    const chain = defineChain({
      entry: 'only',
      tiers: { only },
      edges: { only: { undecodable: REJECT, otherwise: REJECT } },
    });
    const { engine, events } = rigOf(chain);
    only.failNext('undecodable', [1]);
    const receipt = await engine.submit(batchOf(3));
    checkReceipt(receipt);
    expect(receipt).toMatchObject({
      delivered: 2,
      rejected: 1,
      rejections: [{ rows: [1], reason: 'undecodable' }],
    });
    expect(events('batchRejected')).toHaveLength(1);
    only.failNext('refused', [1]);
    expect(await failureOf(engine.submit(batchOf(3)))).toBeInstanceOf(ChainExhaustedError);
  });

  it('reports degraded and deferred rows with their loss and refs', async () => {
    const { chain, tiers } = defaultChain();
    const { engine, metrics, events } = rigOf(chain);
    const loss = {
      entries: [{ field: 'n', kind: 'nulled', lossless: false, count: 2, samples: [] }],
      cells: 2,
      cellsTotal: 4,
    };
    tiers.primary.failNext('schema-mismatch', [0, 1, 2]);
    tiers['schema-coerce'].answer({
      residue: [{ rows: [2], reason: 'beyond-tolerance' }],
      degraded: { rows: [0, 1], loss },
    });
    tiers['raw-persist'].answer({ refs: ['journal:7'] });
    const receipt = await engine.submit(batchOf(4));
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, degraded: 2, deferred: 1, loss, refs: ['journal:7'] });
    expect(metrics.total('fallback_loss_cells_total', { field: 'n', kind: 'nulled' })).toBe(2);
    expect(events('batchDegraded')).toMatchObject([{ tier: 'schema-coerce', rows: 2, loss }]);
    expect(events('batchDeferred')).toMatchObject([{ tier: 'raw-persist', rows: 1, refs: ['journal:7'] }]);
  });

  it('sums the losses of two tiers that degrade one batch', async () => {
    const first = fakeTier();
    const second = fakeTier();
    const chain = defineChain({
      entry: 'first',
      tiers: { first, second },
      edges: { first: { otherwise: 'second' }, second: { otherwise: REJECT } },
    });
    const { engine } = rigOf(chain);
    const lossOf = (field: string, count: number) => ({
      entries: [{ field, kind: 'nulled', lossless: false, count, samples: [] }],
      cells: count,
      cellsTotal: 10,
    });
    first.answer({
      residue: [{ rows: [1, 2], reason: 'refused' }],
      degraded: { rows: [0], loss: lossOf('a', 1) },
    });
    second.answer({
      degraded: {
        rows: [1, 2],
        loss: { ...lossOf('a', 2), entries: [...lossOf('a', 2).entries, ...lossOf('b', 2).entries], cells: 4 },
      },
    });
    const receipt = await engine.submit(batchOf(3));
    checkReceipt(receipt);
    expect(receipt.loss).toMatchObject({
      cells: 5,
      cellsTotal: 20,
      entries: [
        { field: 'a', kind: 'nulled', count: 3 },
        { field: 'b', kind: 'nulled', count: 2 },
      ],
    });
  });

  it('refuses an unusable batch before any work', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain, { batchBytesMax: 10 });
    for (const input of [
      batchOf(1, { body: '' }),
      batchOf(1, { body: 'x'.repeat(11) }),
      batchOf(1, { format: 'xml' as 'json' }),
      batchOf(1, { body: 7 as unknown as string }),
    ]) {
      expect(await failureOf(engine.submit(input))).toBeInstanceOf(BatchError);
    }
    expect([tiers.primary.runs.length, engine.ledger.accepted]).toEqual([0, 0]);
  });

  it('accepts a batch whose bytes hold no records', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    tiers.primary.failNext('unavailable');
    const receipt = await engine.submit(batchOf(0, { body: '\n\n' }));
    checkReceipt(receipt);
    expect(receipt.records).toBe(0);
  });

  it('keeps the key of a batch through every tier and hands out a new attempt id each time', async () => {
    const { chain, tiers } = defaultChain();
    const { engine } = rigOf(chain);
    const ids: string[] = [];
    const keys: (readonly string[])[] = [];
    for (const tier of Object.values(tiers)) {
      tier.answer((work) => {
        ids.push(work.attemptId, work.attemptId);
        keys.push(work.keys);
        return {
          residue: [{ rows: [1], reason: tier === tiers['raw-persist'] ? 'too-large' : 'unavailable' }],
        };
      });
    }
    const error = (await failureOf(engine.submit(batchOf(2)))) as ChainExhaustedError;
    const { batchKey } = error.receipt;
    expect(keys).toEqual([[`${batchKey}-0`, `${batchKey}-1`], [`${batchKey}-1`], [`${batchKey}-1`]]);
    expect(new Set(ids).size).toBe(6);
  });

  it('opens the entry first and closes what was opened when one does not open', async () => {
    const { chain, tiers } = defaultChain();
    tiers['schema-coerce'].failOpen(new SinkError('unavailable', 'no disk'));
    const options = {
      chain,
      framer,
      clock: new ManualClock(),
      random: () => 0,
      metrics: new RecordedMetrics(),
    };
    await expect(openEngine(options)).rejects.toThrow('no disk');
    expect(NAMES.map((name) => tiers[name].opened)).toEqual([1, 1, 1, 0]);
    expect(NAMES.map((name) => tiers[name].closed)).toEqual([1, 1, 0, 0]);
  });

  it('says why it did not open even when closing fails too', async () => {
    const { chain, tiers } = defaultChain();
    tiers['schema-retry'].failOpen(new Error('the first failure'));
    tiers.primary.failClose(new Error('the second failure'));
    const options = {
      chain,
      framer,
      clock: new ManualClock(),
      random: () => 0,
      metrics: new RecordedMetrics(),
    };
    await expect(openEngine(options)).rejects.toThrow('the first failure');
  });
});
