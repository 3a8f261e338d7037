import { describe, expect, it } from 'vitest';
import { DROP, REJECT } from '../../src/chain/chain.ts';
import { defineChain } from '../../src/chain/define-chain.ts';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import { BackpressureError, ChainExhaustedError, StorageError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/core/keys.ts';
import type { Receipt, Residue } from '../../src/core/outcome.ts';
import { fakeTier } from '../../src/testing/fake-tier.ts';
import { rawPersist } from '../../src/tiers/raw-persist.ts';
import { batchOf, checkBooksAfterEach, checkReceipt, failureOf, rigOf } from '../chain/rig.ts';
import { memoryJournal } from './tier-rig.ts';

checkBooksAfterEach();

function persistRig() {
  const journal = memoryJournal();
  const appended: number[] = [];
  const first = fakeTier();
  const raw = rawPersist({ journal, appended: () => appended.push(journal.entries.length) });
  const chain = defineChain({
    entry: 'first',
    tiers: { first, raw },
    edges: { first: { otherwise: 'raw' }, raw: { otherwise: REJECT } },
    limits: { raw: { breaker: { failuresInRow: 3 } } },
  });
  const rig = rigOf(chain);
  const leave = (residue: readonly Residue[]) => first.answer({ residue });
  return { ...rig, journal, appended, leave, first };
}

const text = (body: Uint8Array | undefined): string => Buffer.from(body ?? []).toString();
const full = (code = 'STORAGE_FULL') => new StorageError(code, 'no space left', { hint: 'Free space.' });

describe('raw-persist over a journal without room', () => {
  const noRoom = () => new BackpressureError('the journal is at 91 % of its watermark', 2_000);

  it('tells the caller when to come again, with the receipt, and leaves the circuit closed', async () => {
    const { engine, journal, leave } = persistRig();
    for (let n = 0; n < 6; n += 1) {
      leave([{ rows: 'all', reason: 'unavailable' }]);
      journal.failNext(noRoom());
      const error = await failureOf(engine.submit(batchOf(2, { id: `b${n}` })));
      expect(error).toBeInstanceOf(BackpressureError);
      expect(error).toMatchObject({ retryAfterMs: 2_000, message: 'the journal is at 91 % of its watermark' });
      const { receipt } = (error as BackpressureError).cause as ChainExhaustedError;
      expect([receipt.rejected, receipt.rejections[0]?.reason]).toEqual([2, 'throttled']);
    }
    expect(engine.breaker('raw')?.circuit).toBe('closed');
    leave([{ rows: 'all', reason: 'unavailable' }]);
    expect((await engine.submit(batchOf(2))).deferred).toBe(2);
  });

  it('keeps the receipt in the foreground when some rows landed', async () => {
    const { engine, journal, leave } = persistRig();
    leave([{ rows: [0], reason: 'unavailable' }]);
    journal.failNext(noRoom());
    const error = await failureOf(engine.submit(batchOf(2)));
    expect(error).toBeInstanceOf(ChainExhaustedError);
    expect((error as ChainExhaustedError).receipt).toMatchObject({ delivered: 1, rejected: 1 });
    expect((error as ChainExhaustedError).receipt.rejections[0]?.retryAfterMs).toBe(2_000);
  });

  it.each([
    ['low', 'shed', 2],
    ['normal', 'shed', 2],
    ['critical', 'throttled', 0],
  ] as const)('leaves %s rows as %s where lower classes are dropped', async (priority, reason, dropped) => {
    const journal = memoryJournal();
    const first = fakeTier();
    const raw = rawPersist({ journal, sheds: true });
    const chain = defineChain({
      entry: 'first',
      tiers: { first, raw },
      edges: { first: { otherwise: 'raw' }, raw: { shed: DROP, otherwise: REJECT } },
    });
    const { engine } = rigOf(chain);
    first.answer({ residue: [{ rows: 'all', reason: 'unavailable' }] });
    journal.failNext(noRoom());
    const outcome = await engine.submit(batchOf(2, { priority })).catch((error: unknown) => error);
    const receipt =
      outcome instanceof BackpressureError ? (outcome.cause as ChainExhaustedError).receipt : outcome;
    expect(receipt).toMatchObject({ dropped, rejected: 2 - dropped });
    expect((receipt as Receipt).trail.at(-1)?.left[0]?.reason).toBe(reason);
  });
});

describe('raw-persist', () => {
  it('stores a whole batch as its untouched bytes, with everything that identifies it', async () => {
    const { engine, journal, leave, appended } = persistRig();
    const body = Buffer.from('\ufeff{"n": 1}\r\n\r\nnot json\n{"n":3}');
    leave([{ rows: 'all', reason: 'unavailable', detail: 'gone' }]);
    const attributes = { source: 'test' };
    const receipt = await engine.submit({
      body,
      format: 'ndjson',
      orderingKey: 'k',
      priority: 'critical',
      attributes,
    });
    checkReceipt(receipt);
    expect([receipt.deferred, receipt.refs, appended]).toEqual([3, ['journal:0'], [1]]);
    const { trail, ...entry } = journal.entries[0] ?? { trail: '' };
    expect(entry).toEqual({
      purpose: 'replay',
      key: receipt.batchKey,
      orderingKey: 'k',
      priority: 'critical',
      format: 'ndjson',
      attributes,
      receivedAtMs: 1_700_000_000_000,
      reason: 'unavailable',
      rowCount: 3,
      rows: undefined,
      sha256: sha256(body),
      body,
    });
    expect(JSON.parse(trail)).toMatchObject({ detail: 'gone', passages: [{ tier: 'first', rowsIn: 3 }] });
  });

  it('stores one entry per reason, each with its own rows', async () => {
    const { engine, journal, leave } = persistRig();
    leave([
      { rows: [4], reason: 'undecodable', detail: 'row 4' },
      { rows: [1, 2], reason: 'refused', detail: 'no' },
    ]);
    const receipt = await engine.submit(batchOf(5));
    checkReceipt(receipt);
    expect([receipt.delivered, receipt.deferred, receipt.refs]).toEqual([2, 3, ['journal:0', 'journal:1']]);
    expect(
      journal.entries.map(({ reason, rows, rowCount, body }) => [reason, rows, rowCount, text(body)]),
    ).toEqual([
      ['undecodable', [4], 1, '{"n":4}\n'],
      ['refused', [1, 2], 2, '{"n":1}\n{"n":2}\n'],
    ]);
  });

  it('stores rows that left one by one for one reason as one entry, in the words of the first', async () => {
    const { engine, journal, leave } = persistRig();
    leave([0, 2, 3].map((row) => ({ rows: [row], reason: 'undecodable', detail: `row ${row}` })));
    await engine.submit(batchOf(5));
    expect(journal.entries).toMatchObject([{ rows: [0, 2, 3], rowCount: 3 }]);
    expect(JSON.parse(journal.entries[0]?.trail ?? '').detail).toBe('row 0 (and 2 more)');
  });

  it('keeps the original index of rows that come back from a store', async () => {
    const { engine, journal, leave } = persistRig();
    const input = batchOf(3);
    const origin = { batchKey: 'a'.repeat(32), rows: [4, 7, 9] };
    for (const rows of ['all', [1]] as const) {
      leave([{ rows, reason: 'refused' }]);
      await engine.submitBatch(new Batch(input, 'default', framer, 5, origin));
    }
    expect(journal.entries.map(({ key, rows, receivedAtMs }) => [key, rows, receivedAtMs])).toEqual([
      [origin.batchKey, [4, 7, 9], 5],
      [origin.batchKey, [7], 5],
    ]);
  });

  it('hands rows back with the words of the storage when they are not durable', async () => {
    const { engine, journal, leave, appended } = persistRig();
    journal.failNext(full());
    leave([{ rows: [1], reason: 'refused' }]);
    const error = await failureOf(engine.submit(batchOf(3)));
    expect(error).toBeInstanceOf(ChainExhaustedError);
    const { receipt } = error as ChainExhaustedError;
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 2, rejected: 1, refs: [] });
    expect(receipt.rejections).toEqual([
      { rows: [1], reason: 'unavailable', detail: 'no space left [STORAGE_FULL]' },
    ]);
    expect(appended, 'nothing to pack').toEqual([]);
  });

  it('keeps what became durable when another entry of the batch did not', async () => {
    const { engine, journal, leave, appended } = persistRig();
    journal.failNext(full('STORAGE_TOO_LARGE'));
    leave([
      { rows: [0], reason: 'refused' },
      { rows: [2], reason: 'undecodable' },
    ]);
    const { receipt } = (await failureOf(engine.submit(batchOf(3)))) as ChainExhaustedError;
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, deferred: 1, rejected: 1, refs: ['journal:0'] });
    expect(receipt.rejections).toMatchObject([{ rows: [0], reason: 'too-large' }]);
    expect(appended).toEqual([1]);
  });

  it('stays durable when whoever is told of new rows throws', async () => {
    const journal = memoryJournal();
    const raw = rawPersist({
      journal,
      appended: () => {
        throw new Error('packer bug');
      },
    });
    const chain = defineChain({ entry: 'raw', tiers: { raw }, edges: { raw: { otherwise: REJECT } } });
    expect(await rigOf(chain).engine.submit(batchOf(2))).toMatchObject({ deferred: 2, refs: ['journal:0'] });
    expect(journal.entries).toMatchObject([{ reason: 'requested', rows: undefined }]);
  });

  it('gives rows back when the storage hangs, and opens its circuit', async () => {
    const { engine, journal, leave, clock } = persistRig();
    journal.holdUntil(new Promise(() => {}));
    for (let i = 0; i < 3; i += 1) {
      leave([{ rows: 'all', reason: 'unavailable' }]);
      const failed = failureOf(engine.submit(batchOf(2)));
      await clock.advance(60_000);
      expect(((await failed) as ChainExhaustedError).receipt.rejections).toMatchObject([
        { rows: 'all', reason: 'ambiguous', detail: 'raw: no answer within 60000 ms' },
      ]);
    }
    expect(engine.breaker('raw')?.circuit).toBe('open');
  });
});
