import { describe, expect, it } from 'vitest';
import { ConfigError, StorageError } from '../../src/core/errors.ts';
import type { Coerced } from '../../src/schema/compile-schema.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { schemaCoerce } from '../../src/tiers/schema-coerce.ts';
import { checkBooksAfterEach, checkReceipt } from '../chain/rig.ts';
import { keysOf, memoryJournal, ndjson, tierRig, whole, wide } from './tier-rig.ts';

checkBooksAfterEach();

/** Row 0 conforms, 1 and 3 are coerced, 2 cannot be, 4 is no record. */
const DRIFTED = ndjson(
  { n: 0, t: 'a' },
  { n: '1', t: 'b' },
  { n: 'x', t: 'c' },
  { n: 3, t: 'd', extra: 1 },
  'nope',
);

async function coerceRig(keepOriginal: ReturnType<typeof memoryJournal> | false = memoryJournal()) {
  const inner = memorySink({ accepts: 'columns' });
  const sink = flakySink(inner);
  const rig = await tierRig(schemaCoerce({ sink, schema: wide, keepOriginal }));
  const submit = () => rig.submit([whole('schema-mismatch')], DRIFTED);
  return { ...rig, inner, sink, submit };
}

const fault = new StorageError('STORAGE_FULL', 'no space left', { hint: 'Free space.' });

describe('schema-coerce', () => {
  it('lands coerced rows as degraded, with every change in the loss report', async () => {
    const { inner, submit, left, metrics } = await coerceRig();
    const receipt = await submit();
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, degraded: 2, deferred: 2 });
    expect(receipt.loss).toMatchObject({
      cells: 2,
      entries: [
        { field: 'n', kind: 'number-from-text', lossless: true, count: 1 },
        { field: 'extra', kind: 'stripped', lossless: false, count: 1 },
      ],
    });
    expect(metrics.total('fallback_loss_cells_total')).toBe(2);
    expect([...inner.rows.values()]).toEqual([
      { n: 0, t: 'a' },
      { n: 1, t: 'b' },
      { n: 3, t: 'd' },
    ]);
    expect(left()).toEqual([
      ['undecodable', [4]],
      ['beyond-tolerance', [2]],
    ]);
  });

  it('acknowledges only once the originals of changed rows are durable', async () => {
    const journal = memoryJournal();
    let release: () => void = () => {};
    journal.holdUntil(
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    const { submit, clock, inner } = await coerceRig(journal);
    let isAcknowledged = false;
    const submitted = submit().then((receipt) => {
      isAcknowledged = true;
      return receipt;
    });
    await clock.advance(1_000);
    expect([inner.rows.size, isAcknowledged]).toEqual([3, false]);
    release();
    expect(await submitted).toMatchObject({ degraded: 2 });
    const [entry] = journal.entries;
    expect(journal.entries).toHaveLength(1);
    expect(entry).toMatchObject({ purpose: 'heal', reason: 'degraded', rows: [1, 3], rowCount: 2 });
    expect(Buffer.from(entry?.body ?? []).toString()).toBe('{"n":"1","t":"b"}\n{"n":3,"t":"d","extra":1}\n');
  });

  it('passes changed rows on when their originals cannot be kept, and says why', async () => {
    const journal = memoryJournal();
    journal.failNext(fault);
    const { submit, last } = await coerceRig(journal);
    const receipt = await submit();
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, degraded: 0, deferred: 4, loss: undefined });
    expect(last.runs[0]?.cause.at(-1)).toEqual({
      rows: [1, 3],
      reason: 'unavailable',
      detail: 'originals not kept: no space left',
    });
  });

  describe('when the coercion does not account for itself', () => {
    const faults: readonly (readonly [string, (coerced: Coerced) => Coerced])[] = [
      ['a cell', (all) => ({ ...all, columns: { ...all.columns, vectors: all.columns.vectors.toReversed() } })],
      ['a change', (all) => ({ ...all, changes: all.changes.with(0, []) })],
      ['a count', (all) => ({ ...all, loss: { ...all.loss, cells: all.loss.cells + 1 } })],
    ];

    it.each(faults)('sends nothing and passes the whole batch on untouched: %s', async (_, spoil) => {
      const inner = memorySink({ accepts: 'columns' });
      const schema = {
        ...wide,
        coerce: async (...of: Parameters<typeof wide.coerce>) => spoil(await wide.coerce(...of)),
      };
      const rigged = (validate?: false) =>
        schemaCoerce({ sink: inner, schema, keepOriginal: false, ...(validate === false ? { validate } : {}) });
      const { submit, left, last } = await tierRig(rigged());
      const receipt = await submit([whole('schema-mismatch')], DRIFTED);
      checkReceipt(receipt);
      expect(receipt).toMatchObject({ delivered: 0, degraded: 0, deferred: 5, loss: undefined });
      expect([left(), inner.rows.size]).toEqual([[['beyond-tolerance', [0, 1, 2, 3, 4]]], 0]);
      expect(last.runs[0]?.cause[0]?.detail).toMatch(/^the coercion does not account for itself: /);
      expect(Buffer.from(last.runs[0]?.work.batch.body ?? []).toString()).toBe(DRIFTED.body);
      const trusting = await tierRig(rigged(false));
      expect(await trusting.submit([whole('schema-mismatch')], DRIFTED)).toMatchObject({ deferred: 2 });
    });
  });

  it('keeps no originals when told so', async () => {
    const { submit } = await coerceRig(false);
    expect(await submit()).toMatchObject({ delivered: 1, degraded: 2, deferred: 2 });
  });

  it('counts only what landed when the sink refuses some coerced rows', async () => {
    const journal = memoryJournal();
    const { sink, submit, left } = await coerceRig(journal);
    const refusedKey = keysOf(DRIFTED)[1];
    sink.refuseKeys((key) => key === refusedKey);
    const receipt = await submit();
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 1, degraded: 1, deferred: 3 });
    expect(receipt.loss).toMatchObject({ cells: 1, entries: [{ field: 'extra', kind: 'stripped', count: 1 }] });
    expect(journal.entries).toMatchObject([{ rows: [3] }]);
    expect(left().at(-1)).toEqual(['refused', [1]]);
  });

  it('keeps nothing and degrades nothing when the sink takes nothing', async () => {
    const journal = memoryJournal();
    const { sink, submit, left } = await coerceRig(journal);
    sink.down('unavailable');
    const receipt = await submit();
    checkReceipt(receipt);
    expect([receipt.degraded, receipt.loss, journal.entries]).toEqual([0, undefined, []]);
    expect(left().at(-1)).toEqual(['unavailable', [0, 1, 3]]);
  });

  it('makes no call when no row can be coerced', async () => {
    const { sink, engine, first } = await coerceRig();
    first.answer({ residue: [whole('schema-mismatch')] });
    const receipt = await engine.submit(ndjson({ n: 'x' }, 'nope'));
    expect([sink.requests, receipt.trail[1]?.attempts]).toEqual([0, 0]);
  });

  it('touches only the rows it was given', async () => {
    const { inner, engine, first } = await coerceRig();
    first.answer({ residue: [{ rows: [3], reason: 'schema-mismatch' }] });
    const receipt = await engine.submit(DRIFTED);
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 4, degraded: 1, loss: { cells: 1 } });
    expect([...inner.rows.keys()]).toEqual([keysOf(DRIFTED)[3]]);
  });

  it('refuses to be made for a sink of bytes', () => {
    const sink = memorySink({ accepts: 'bytes' });
    expect(() => schemaCoerce({ sink, schema: wide, keepOriginal: false })).toThrow(ConfigError);
  });
});
