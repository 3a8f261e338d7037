import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { functionSink } from '../../src/sinks/function-sink.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import type { Sink, WriteRequest } from '../../src/sinks/sink.ts';
import { type FlakySinkOptions, flakySink } from '../../src/testing/flaky-sink.ts';
import { numbers } from './sqlite-target.ts';

const make = (options?: FlakySinkOptions) => {
  const inner = memorySink();
  return { inner, sink: flakySink(inner, options) };
};

const reasonOf = async (sink: Sink, request: WriteRequest): Promise<string | undefined> => {
  try {
    await sink.write(request);
    return undefined;
  } catch (error) {
    return error instanceof SinkError ? error.reason : String(error);
  }
};

describe('flakySink', () => {
  it('fails as often as it was told, in order, and counts what it was asked', async () => {
    const { sink, inner } = make();
    sink.failNext('unavailable', 2);
    sink.failNext('throttled', 1, { retryAfterMs: 70 });
    const reasons = [];
    for (let i = 0; i < 4; i += 1) reasons.push(await reasonOf(sink, numbers([1, 2])));
    expect(reasons).toEqual(['unavailable', 'unavailable', 'throttled', undefined]);
    expect([sink.requests, sink.rowsRequested, inner.writes]).toEqual([4, 8, 1]);
  });

  it('loses the reply of a write that was applied', async () => {
    const { sink, inner } = make();
    sink.failNext('ambiguous', 1, { applied: true });
    expect(await reasonOf(sink, numbers([1]))).toBe('ambiguous');
    expect([...inner.rows.keys()]).toEqual(['k-0']);
  });

  it('is down for writes and lookups until it is up', async () => {
    const { sink } = make();
    sink.down('unauthorised');
    expect(await reasonOf(sink, numbers([1]))).toBe('unauthorised');
    await expect(sink.lookup?.(['k-0'])).rejects.toMatchObject({ reason: 'unauthorised' });
    sink.up();
    expect(await reasonOf(sink, numbers([1]))).toBeUndefined();
    expect(await sink.lookup?.(['k-0'])).toEqual(new Set(['k-0']));
  });

  it('holds requests and releases them in order', async () => {
    const { sink, inner } = make();
    sink.hold();
    const writes = ['b', 'a'].map((key) => sink.write(numbers([1], { keys: [key] })));
    await sink.whenHeld(2);
    expect([sink.held, inner.writes]).toEqual([2, 0]);
    sink.release();
    await Promise.all(writes);
    expect([sink.held, inner.order]).toEqual([0, ['b', 'a']]);
  });

  it('lets an aborted request go as ambiguous, unapplied, and keeps nothing of it', async () => {
    const { sink, inner } = make();
    const controller = new AbortController();
    sink.hold();
    const reason = reasonOf(sink, numbers([1], { signal: controller.signal }));
    await sink.whenHeld(1);
    controller.abort();
    expect(await reason).toBe('ambiguous');
    expect([sink.held, inner.writes]).toEqual([0, 0]);
  });

  it('refuses keys row by row, naming rows of the batch, and writes the others', async () => {
    const { sink, inner } = make();
    sink.refuseKeys((key) => key === 'k-1' || key === 'k-4');
    const result = await sink.write(numbers([0, 1, 2, 3, 4], { rows: [1, 2, 4] }));
    expect(result?.residue).toMatchObject([{ rows: [1, 4], reason: 'refused' }]);
    expect([...inner.rows]).toEqual([['k-2', expect.objectContaining({ n: 2 })]]);
    expect((await sink.write(numbers([0, 1], { rows: [1] })))?.residue).toMatchObject([{ rows: [1] }]);
  });

  it('passes a request on whole when its parts are getters, as an engine has them', async () => {
    const whole = numbers([0, 1, 2], { attemptId: 'a-7', mode: 'upgrade' });
    const request: WriteRequest = Object.create(whole);
    const seen: unknown[] = [];
    const sink = flakySink(
      functionSink((records, { keys, attemptId, mode, signal }) => {
        seen.push(records.length, keys, attemptId, mode, signal === whole.signal);
      }),
    );
    sink.refuseKeys((key) => key === 'k-1');
    expect((await sink.write(request))?.residue).toMatchObject([{ rows: [1] }]);
    expect(seen).toEqual([2, ['k-0', 'k-2'], 'a-7', 'upgrade', true]);
  });

  it('does not say which key it refuses when refusals are opaque, and writes none', async () => {
    const { sink, inner } = make({ opaqueRefusals: true });
    sink.refuseKeys((key) => key === 'k-1');
    expect(await reasonOf(sink, numbers([0, 1, 2]))).toBe('refused');
    expect(inner.writes).toBe(0);
    sink.refuseKeys(undefined);
    expect(await reasonOf(sink, numbers([0, 1, 2]))).toBeUndefined();
  });

  it('refuses a request above its limit as too large', async () => {
    const { sink } = make({ rowsMax: 2 });
    expect(await reasonOf(sink, numbers([0, 1, 2]))).toBe('too-large');
    expect(await reasonOf(sink, numbers([0, 1]))).toBeUndefined();
  });

  it('has the capabilities of the sink behind it and no more', async () => {
    expect(flakySink(functionSink(() => undefined)).lookup).toBeUndefined();
    const { sink } = make();
    await sink.reset?.();
    expect(sink.resets).toBe(1);
    expect([sink.name, sink.accepts, sink.idempotent]).toEqual(['memory', 'records', true]);
  });
});
