import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import type { Residue } from '../../src/core/outcome.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import type { Sink, WriteRequest } from '../../src/sinks/sink.ts';
import { type FlakySinkOptions, flakySink } from '../../src/testing/flaky-sink.ts';
import { type SchemaRetryOptions, schemaRetry } from '../../src/tiers/schema-retry.ts';
import { batchOf, checkBooksAfterEach, checkReceipt } from '../chain/rig.ts';
import { keysOf, tierRig, whole } from './tier-rig.ts';

checkBooksAfterEach();

async function retryRig(options: Partial<SchemaRetryOptions> = {}, flaky: FlakySinkOptions = {}) {
  const inner = memorySink({ accepts: 'bytes' });
  const sink = flakySink(inner, flaky);
  const rig = await tierRig(schemaRetry({ sink, ...options }));
  return { ...rig, inner, sink };
}

const rowOf = (key: string): number => Number(key.split('-')[1]);

/** Sends everything it is given to `write`, which says what did not land. */
function sinkOf(write: (request: WriteRequest, call: number) => readonly Residue[]): Sink {
  let calls = 0;
  return {
    name: 'scripted',
    accepts: 'bytes',
    idempotent: true,
    async write(request) {
      calls += 1;
      return { residue: write(request, calls) };
    },
  };
}

describe('schema-retry, patiently', () => {
  it('waits with full jitter, resets connections and writes the same rows again', async () => {
    const { sink, inner, clock, submit, events, engine } = await retryRig();
    const delays: number[] = [];
    engine.on('callRetried', ({ delayMs, reason, tier }) => {
      expect([reason, tier]).toEqual(['unavailable', 'tested']);
      delays.push(delayMs);
    });
    sink.failNext('unavailable', 2);
    const submitted = submit([whole('unavailable', [2, 3])]);
    await clock.advance(249);
    expect(sink.requests).toBe(0);
    await clock.advance(10_000);
    const receipt = await submitted;
    checkReceipt(receipt);
    expect(receipt).toMatchObject({ delivered: 10, deferred: 0 });
    expect(receipt.trail[1]).toMatchObject({ tier: 'tested', attempts: 3, rowsLanded: 2 });
    expect([delays, sink.resets, inner.order.map(rowOf)]).toEqual([[250, 500, 1_000], 3, [2, 3]]);
    expect(events('tierTransitioned')).toHaveLength(1);
  });

  it('gives up after its attempts, with the words of the last', async () => {
    const { sink, clock, submit, left } = await retryRig({ attemptsMax: 2 });
    sink.down('unavailable');
    const submitted = submit([whole('unavailable')]);
    await clock.advance(10_000);
    await submitted;
    expect([sink.requests, left().map(([reason]) => reason)]).toEqual([2, ['unavailable']]);
  });

  it('starts no attempt after its patience', async () => {
    const { sink, clock, submit, left } = await retryRig({ attemptsMax: 99, patienceMs: 2_000 });
    sink.down('unavailable');
    const submitted = submit([whole('unavailable')]);
    await clock.advance(2_000);
    await submitted;
    expect([sink.requests, left().length]).toEqual([3, 1]);
  });

  it('waits as long as the sink asked, and leaves its connections alone', async () => {
    const { sink, clock, submit } = await retryRig();
    const submitted = submit([whole('throttled', 'all', { retryAfterMs: 4_000 })]);
    await clock.advance(3_999);
    expect(sink.requests).toBe(0);
    await clock.advance(1);
    expect(await submitted).toMatchObject({ delivered: 10 });
    expect([sink.requests, sink.resets]).toEqual([1, 0]);
  });

  it('passes rows on at once when the sink asks for more time than there is patience', async () => {
    const { sink, clock, submit, last } = await retryRig();
    const submitted = submit([whole('throttled', 'all', { retryAfterMs: 60_000 })]);
    await clock.advance(1);
    await submitted;
    expect([sink.requests, last.runs[0]?.cause]).toMatchObject([
      0,
      [{ reason: 'throttled', retryAfterMs: 60_000 }],
    ]);
  });

  it('keeps every row when a sink that judges by row asks for patience in two ways', async () => {
    const sink = sinkOf(({ rows }, call) =>
      call === 1 && rows === 'all'
        ? [
            { rows: [1, 5], reason: 'throttled', retryAfterMs: 700 },
            { rows: [2], reason: 'unavailable' },
            { rows: [7], reason: 'refused' },
          ]
        : [],
    );
    const { clock, submit, left } = await tierRig(schemaRetry({ sink }));
    const sent: WriteRequest['rows'][] = [];
    const write = sink.write.bind(sink);
    sink.write = (request) => {
      sent.push(request.rows);
      return write(request);
    };
    const submitted = submit([whole('unavailable')]);
    await clock.advance(10_000);
    const receipt = await submitted;
    checkReceipt(receipt);
    expect([sent, left(), receipt.delivered]).toEqual([['all', [1, 2, 5]], [['refused', [7]]], 9]);
  });

  it('goes on when connections cannot be reset', async () => {
    const { sink, clock, submit } = await retryRig();
    sink.reset = () => Promise.reject(new Error('nothing to reset'));
    const submitted = submit([whole('unavailable')]);
    await clock.advance(10_000);
    expect(await submitted).toMatchObject({ delivered: 10 });
  });

  it('does not wait for ever for connections to be reset', async () => {
    const { sink, clock, submit } = await retryRig();
    sink.reset = () => new Promise(() => {});
    const submitted = submit([whole('unavailable')]);
    await clock.advance(60_000);
    expect(await submitted).toMatchObject({ delivered: 10 });
  });

  it('keeps what landed before a later cause failed', async () => {
    const { sink, clock, submit, left, inner } = await retryRig({ attemptsMax: 1 });
    const submitted = submit([whole('unavailable', [0, 1]), whole('throttled', [2, 3])]);
    await clock.advance(1);
    sink.failNext('throttled');
    await clock.advance(250);
    await clock.advance(10_000);
    await submitted;
    expect([left(), inner.order.map(rowOf)]).toEqual([[['throttled', [0, 1]]], [2, 3]]);
  });

  it('stops when the caller gives up, without one more request', async () => {
    const { sink, clock, first, engine } = await retryRig();
    const controller = new AbortController();
    first.answer({ residue: [whole('unavailable')] });
    const retried: unknown[] = [];
    engine.on('callRetried', (event) => retried.push(event));
    const failed = engine.submit(batchOf(3), { signal: controller.signal }).catch((error: unknown) => error);
    await clock.advance(100);
    controller.abort();
    expect(await failed).toMatchObject({ code: 'SUBMIT_ABORTED' });
    await clock.advance(60_000);
    expect([sink.requests, retried.length, clock.pending]).toEqual([0, 1, 0]);
  });

  it('fails fast through an open circuit', async () => {
    const sink = flakySink(memorySink({ accepts: 'bytes' }));
    const rig = await tierRig(schemaRetry({ sink, attemptsMax: 9, patienceMs: 60_000 }), {
      breaker: { failuresInRow: 2, pauseMs: 30_000 },
    });
    sink.down('unavailable');
    const submitted = rig.submit([whole('unavailable')]);
    await rig.clock.advance(20_000);
    await submitted;
    expect([sink.requests, rig.left().map(([reason]) => reason)]).toEqual([2, ['circuit-open']]);
  });
});

describe('schema-retry, by size', () => {
  it('splits a request that is too large, down to what the sink takes, in order', async () => {
    const { sink, inner, submit, left } = await retryRig({}, { rowsMax: 3 });
    await submit([whole('too-large')]);
    expect([inner.order.map(rowOf), left()]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], []]);
    expect(sink.requests).toBe(6);
  });

  it('passes on a single row that is too large, and lands the others', async () => {
    const sink = sinkOf(({ keys }) => {
      if (keys.some((key) => rowOf(key) === 4)) throw new SinkError('too-large', 'row 4 is huge');
      return [];
    });
    const { submit, left } = await tierRig(schemaRetry({ sink }));
    const receipt = await submit([whole('too-large')]);
    expect([left(), receipt.delivered]).toEqual([[['too-large', [4]]], 9]);
  });
});

describe('schema-retry of refused rows', () => {
  it('bisects a refused request to its poison rows, lands the others in order', async () => {
    const { sink, inner, submit, left } = await retryRig({}, { opaqueRefusals: true });
    sink.refuseKeys((key) => [3, 8].includes(rowOf(key)));
    const receipt = await submit([whole('refused')]);
    checkReceipt(receipt);
    expect(left()).toEqual([
      ['refused', [3]],
      ['refused', [8]],
    ]);
    expect(inner.order.map(rowOf)).toEqual([0, 1, 2, 4, 5, 6, 7, 9]);
    expect(sink.requests).toBeLessThanOrEqual(2 * 4 + 2);
  });

  it('bisects also what a tier threw, when that tier wrote the whole batch untouched', async () => {
    const { sink, first, engine, left } = await retryRig({}, { opaqueRefusals: true });
    sink.refuseKeys((key) => rowOf(key) === 2);
    first.throwNext(new SinkError('refused', 'bad request'));
    await engine.submit(batchOf(4));
    expect(left()).toEqual([['refused', [2]]]);
  });

  it('sends rows no more that the sink judged by themselves', async () => {
    const { sink, submit, left } = await retryRig();
    await submit([{ rows: [3, 4], reason: 'refused' }]);
    expect([sink.requests, left()]).toEqual([0, [['refused', [3, 4]]]]);
  });

  it('goes from bisecting to waiting when the sink goes away in the middle, and lands all but the poison', async () => {
    const { sink, inner, submit, left, clock } = await retryRig({}, { opaqueRefusals: true });
    sink.refuseKeys((key) => rowOf(key) === 6);
    let requests = 0;
    const write = sink.write.bind(sink);
    sink.write = (request) => {
      requests += 1;
      if (requests === 2) sink.failNext('unavailable');
      return write(request);
    };
    const submitted = submit([whole('refused')]);
    await clock.advance(10_000);
    const receipt = await submitted;
    checkReceipt(receipt);
    expect([left(), inner.rows.size, receipt.delivered]).toEqual([[['refused', [6]]], 9, 9]);
  });

  it('stops at its number of requests, and passes on what it has not tried', async () => {
    const { sink, submit, left, inner } = await retryRig({ requestsMax: 7 }, { opaqueRefusals: true });
    sink.refuseKeys((key) => rowOf(key) % 2 === 0);
    const receipt = await submit([whole('refused')], batchOf(64));
    checkReceipt(receipt);
    expect(sink.requests).toBeLessThanOrEqual(7);
    const rows = left().flatMap(([, some]) => some);
    expect([...rows, ...inner.order.map(rowOf)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 64 }, (_, row) => row),
    );
  });

  it('keeps every key stable and gives every attempt its own id', async () => {
    const requests: { readonly id: string; readonly keys: readonly string[] }[] = [];
    const sink = sinkOf(({ keys, attemptId }) => {
      requests.push({ id: attemptId, keys });
      if (keys.some((key) => rowOf(key) === 1)) throw new SinkError('refused', 'no');
      return [];
    });
    const { submit } = await tierRig(schemaRetry({ sink }));
    const input = batchOf(4);
    await submit([whole('refused')], input);
    const known = new Set(keysOf(input));
    expect(requests.flatMap(({ keys }) => keys).every((key) => known.has(key))).toBe(true);
    expect(new Set(requests.map(({ id }) => id)).size).toBe(requests.length);
  });
});
