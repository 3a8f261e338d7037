import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { functionSink, type WriteFunction } from '../../src/sinks/function-sink.ts';
import type { Sink, WriteRequest } from '../../src/sinks/sink.ts';
import { type WriteRequestParts, writeRequest } from '../../src/testing/write-request.ts';

const request = (count: number, extra: Partial<WriteRequestParts> = {}): WriteRequest =>
  writeRequest({
    columns: [{ name: 'n', type: 'int', nullable: false, key: false }],
    cells: Array.from({ length: count }, (_, row) => [row]),
    ...extra,
  });

const thrownBy = (sink: Sink, given: WriteRequest): Promise<unknown> =>
  sink.write(given).then(
    () => undefined,
    (error: unknown) => error,
  );

const reasonOf = async (write: WriteFunction, given = request(3)): Promise<string | undefined> => {
  const error = await thrownBy(functionSink(write), given);
  return error instanceof SinkError ? error.reason : undefined;
};

describe('functionSink', () => {
  it('gives the function the records, the keys and what travels with the batch', async () => {
    const seen: unknown[] = [];
    const sink = functionSink((records, context) =>
      seen.push(
        records.map(({ n }) => n),
        { ...context },
      ),
    );
    const given = request(3, { rows: [0, 2], attributes: { site: 'a' }, orderingKey: 'k', mode: 'upgrade' });
    expect(await sink.write(given)).toBeUndefined();
    expect(seen).toEqual([
      [0, 2],
      {
        attributes: { site: 'a' },
        orderingKey: 'k',
        keys: given.keys,
        attemptId: 'attempt-1',
        mode: 'upgrade',
        signal: given.signal,
      },
    ]);
  });

  it('does not compute keys that the function never asks for', async () => {
    const given = Object.defineProperty({ ...request(3) }, 'keys', { get: () => expect.unreachable() });
    expect(await functionSink(() => undefined).write(given)).toBeUndefined();
  });

  it('promises no idempotence and no lookup unless it is told', () => {
    const sink = functionSink(() => undefined);
    expect([sink.idempotent, sink.lookup, sink.accepts]).toEqual([false, undefined, 'records']);
  });

  it.each([
    [
      'a synchronous throw',
      () => {
        throw new TypeError('bug');
      },
      'crashed',
    ],
    ['a rejection', () => Promise.reject(Object.assign(new Error('no'), { status: 403 })), 'unauthorised'],
    ['a SinkError', () => Promise.reject(new SinkError('schema-mismatch', 'drift')), 'schema-mismatch'],
    [
      'a fetch Response with a failing status that is only returned',
      () => new Response('full', { status: 503 }),
      'unavailable',
    ],
    ['a redirect that was not followed', () => new Response(null, { status: 304 }), 'crashed'],
    ['a plain answer with a failing status', () => ({ status: 422, data: 'bad' }), 'refused'],
  ])('translates %s', async (_name, write, reason) => {
    expect(await reasonOf(write)).toBe(reason);
  });

  it.each([
    ['nothing', undefined],
    ['a good Response', new Response('ok')],
    ['an object of its own', { status: 'done', inserted: 3 }],
    ['no failures', { failed: [] }],
  ])('takes an answer of %s as: every row is in', async (_name, answer) => {
    expect(await functionSink(() => answer).write(request(3))).toBeUndefined();
  });

  it('keeps the Retry-After of a Response that is only returned', async () => {
    const sink = functionSink(
      () => new Response('slow down', { status: 429, headers: { 'retry-after': '9' } }),
    );
    expect(await thrownBy(sink, request(1))).toMatchObject({ reason: 'throttled', retryAfterMs: 9_000 });
  });

  it('names failed records by their row in the batch, folded by reason and words', async () => {
    const sink = functionSink(() => ({
      failed: [
        { index: 2, reason: 'refused', detail: 'negative' },
        { index: 0, reason: 'refused', detail: 'negative' },
        { index: 1, reason: 'throttled', retryAfterMs: 50 },
        { index: 0, reason: 'unavailable' },
      ],
    }));
    expect(await sink.write(request(9, { rows: [3, 5, 8] }))).toEqual({
      residue: [
        { rows: [3, 8], reason: 'refused', detail: 'negative' },
        { rows: [5], reason: 'throttled', retryAfterMs: 50 },
      ],
    });
  });

  it('records a reason outside the vocabulary as crashed', async () => {
    const result = await functionSink(() => ({ failed: [{ index: 0, reason: 'sad' }] })).write(request(1));
    expect(result).toEqual({ residue: [{ rows: 'all', reason: 'crashed' }] });
  });

  it.each([
    ['an index outside the records', { failed: [{ index: 3, reason: 'refused' }] }],
    ['an index that is no integer', { failed: [{ index: '1', reason: 'refused' }] }],
    ['an entry that is nothing', { failed: [null] }],
    ['a list that is none', { failed: 1 }],
  ])('claims no row for a report with %s', async (_name, answer) => {
    expect(await reasonOf(() => answer)).toBe('ambiguous');
  });

  it('is ambiguous, and does not wait, when the deadline comes before the function ends', async () => {
    const controller = new AbortController();
    const write = () => {
      queueMicrotask(() => controller.abort(new Error('deadline')));
      return new Promise(() => {});
    };
    expect(await reasonOf(write, request(1, { signal: controller.signal }))).toBe('ambiguous');
  });

  it('swallows a failure that comes after the deadline', async () => {
    const controller = new AbortController();
    const late = Promise.withResolvers<void>();
    const write = () => {
      queueMicrotask(() => controller.abort());
      return late.promise;
    };
    expect(await reasonOf(write, request(1, { signal: controller.signal }))).toBe('ambiguous');
    late.reject(new Error('nobody listens'));
    await new Promise(setImmediate);
  });

  it('does not call the function for a request that is aborted already', async () => {
    const given = request(1, { signal: AbortSignal.abort() });
    expect(await reasonOf(() => expect.unreachable(), given)).toBe('unavailable');
  });

  it('leaves no listener on a long-lived signal', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    const sink = functionSink(() => undefined);
    for (let i = 0; i < 20; i += 1) await sink.write(request(1, { signal }));
    expect(listeners).toBe(0);
  });

  it('translates what lookup throws as well', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }));
    await expect(functionSink(() => undefined, { lookup }).lookup?.(['k'])).rejects.toMatchObject({
      reason: 'unavailable',
    });
  });
});
