import type { ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { type HttpSinkOptions, httpSink } from '../../src/sinks/http-sink.ts';
import type { Sink, WriteRequest } from '../../src/sinks/sink.ts';
import { type FaultProxy, faultProxy } from '../../src/testing/fault-proxy.ts';
import { writeRequest } from '../../src/testing/write-request.ts';
import { type RecordServer, type RecordServerOptions, recordServer } from '../support/http/record-server.ts';
import { selfSigned } from '../support/self-signed.ts';

const CITY = { name: 'city', type: 'text', nullable: true, key: false } as const;

function rows(count: number, extra: Partial<WriteRequest> = {}): WriteRequest {
  const cells = Array.from({ length: count }, (_, row) => [`city ${row}`]);
  const keys = cells.map((_, row) => `k-${row}`);
  return { ...writeRequest({ columns: [CITY], cells, keys }), ...extra };
}

interface Rig {
  readonly server: RecordServer;
  readonly proxy: FaultProxy;
  sink(options?: Partial<HttpSinkOptions>): Sink;
}

async function rig(options: RecordServerOptions = {}): Promise<Rig> {
  const server = await recordServer(options);
  const proxy = await faultProxy({ port: server.port });
  const sinks: Sink[] = [];
  onTestFinished(async () => {
    for (const sink of sinks) await sink.close?.();
    await proxy.close();
    await server[Symbol.asyncDispose]();
  });
  const sink = (more: Partial<HttpSinkOptions> = {}): Sink => {
    const url = server.url.replace(String(server.port), String(proxy.port));
    sinks.push(httpSink({ url, keyField: 'key', clock: systemClock, timeoutMs: 5_000, ...more }));
    return sinks.at(-1) as Sink;
  };
  return { server, proxy, sink };
}

async function faultOf(work: Promise<unknown> | undefined): Promise<SinkError> {
  const error = await Promise.resolve(work).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

describe('httpSink tells what became of the records', () => {
  it.each([
    [400, {}, 'refused'],
    [401, {}, 'unauthorised'],
    [403, {}, 'unauthorised'],
    [404, {}, 'missing-target'],
    [405, {}, 'missing-target'],
    [408, {}, 'unavailable'],
    [409, {}, 'refused'],
    [413, {}, 'too-large'],
    [418, {}, 'refused'],
    [422, {}, 'refused'],
    [429, {}, 'throttled'],
    [500, {}, 'unavailable'],
    [502, {}, 'unavailable'],
    [503, {}, 'unavailable'],
    [503, { 'retry-after': '1.5' }, 'throttled'],
    [504, {}, 'ambiguous'],
    [302, { location: 'http://elsewhere/' }, 'missing-target'],
  ])('by the status %i %o as %s, with its words', async (status, headers, reason) => {
    const { server, sink } = await rig();
    server.answerNext((response) => response.writeHead(status, headers).end('{"message":"the words"}'));
    const fault = await faultOf(sink().write(rows(2)));
    expect(fault).toMatchObject({ reason, retryAfterMs: 'retry-after' in headers ? 1500 : undefined });
    expect(fault.message).toContain(`HTTP ${status}`);
    expect(fault.message).toContain('the words');
  });

  it('as not sent when nobody listens, when the connection is refused by name, or TLS fails', async () => {
    const { proxy, sink } = await rig();
    await proxy.refuse();
    expect(await faultOf(sink().write(rows(1)))).toMatchObject({ reason: 'unavailable' });
    const unknown = sink({ url: 'http://no-such-host.invalid/' });
    expect(await faultOf(unknown.write(rows(1)))).toMatchObject({ reason: 'unavailable' });
    const secure = await rig({ tls: selfSigned() });
    const fault = await faultOf(secure.sink().write(rows(1)));
    expect(fault.reason).toBe('unavailable');
    expect(fault.message).toContain('nothing was sent');
    expect(secure.server.seen).toEqual([]);
  });

  it.each([
    ['a reset before the request was read', { kind: 'refuse' }, 0],
    ['a reset within the request', { kind: 'reset', afterBytes: 150 }, 0],
    ['a reply that was dropped', { kind: 'drop-reply' }, 2],
    ['a black hole', { kind: 'black-hole' }, 0],
    ['a connection that is half open', { kind: 'half-open' }, 2],
    ['a reply that drips', { kind: 'slow-drip', everyMs: 200 }, 2],
  ] as const)('as unknown after %s', async (_what, fault, held) => {
    const { server, proxy, sink } = await rig();
    proxy.failNext(fault);
    expect(await faultOf(sink({ timeoutMs: 300 }).write(rows(2)))).toMatchObject({ reason: 'ambiguous' });
    expect(server.rows.size).toBe(held);
    expect(proxy.met.get(fault.kind)).toBe(1);
  });

  it('as unknown when the answer to a success is cut off, and as known when a failure is', async () => {
    const { server, sink } = await rig();
    const cut = (status: number) => (response: ServerResponse) => {
      response.writeHead(status, { 'content-length': '100' }).write('{"err');
      setTimeout(() => response.destroy(), 20);
    };
    server.answerNext(cut(200), cut(400));
    const one = sink();
    expect(await faultOf(one.write(rows(1)))).toMatchObject({ reason: 'ambiguous' });
    expect(await faultOf(one.write(rows(1)))).toMatchObject({ reason: 'refused' });
  });

  it('as landed when a success has more to say than anybody reads, unless it was to be read', async () => {
    const { server, sink } = await rig();
    const long = (response: ServerResponse) => void response.end('x'.repeat(20 * 1024 * 1024));
    server.answerNext(long, long);
    expect(await sink().write(rows(1))).toBeUndefined();
    const fault = await faultOf(sink({ readAnswer: () => undefined }).write(rows(1)));
    expect(fault).toMatchObject({ reason: 'ambiguous' });
  });

  it('by the signal: not sent before the call and in the queue, unknown behind it', async () => {
    const { server, proxy, sink } = await rig();
    const one = sink({ connectionsMax: 1 });
    expect(await faultOf(one.write(rows(1, { signal: AbortSignal.abort() })))).toMatchObject({
      reason: 'unavailable',
    });
    proxy.failNext({ kind: 'black-hole' });
    const controller = new AbortController();
    const { signal } = controller;
    const faults = [faultOf(one.write(rows(1, { signal }))), faultOf(one.write(rows(1, { signal })))];
    setTimeout(() => controller.abort(new Error('deadline')), 50);
    expect((await Promise.all(faults)).map(({ reason }) => reason)).toEqual(['ambiguous', 'unavailable']);
    expect(server.seen.length).toBe(0);
  });

  it('by rows that the answer names, with the words that it has for them', async () => {
    const { sink } = await rig({ refuses: ({ city }) => city === 'city 3' });
    const one = sink({ readAnswer: ({ text }) => JSON.parse(text), rowsMax: 2 });
    expect(await one.write(rows(5))).toEqual({
      residue: [{ rows: [3], reason: 'refused', detail: 'too much' }],
    });
  });

  it.each([
    ['throws', () => JSON.parse('no json')],
    ['names a row that was not there', () => ({ failed: [{ index: 9, reason: 'refused' as const }] })],
  ])('as unknown when readAnswer %s', async (_what, readAnswer) => {
    const { sink } = await rig();
    expect(await faultOf(sink({ readAnswer }).write(rows(2)))).toMatchObject({ reason: 'ambiguous' });
  });

  it('part by part: what landed stays, what is behind a failure of the server is not sent', async () => {
    const { server, sink } = await rig();
    const fine = (response: ServerResponse): void => void response.end();
    server.answerNext(fine, (response) => response.writeHead(429, { 'retry-after': '2' }).end());
    const result = await sink({ rowsMax: 2 }).write(rows(6));
    expect(result?.residue).toMatchObject([
      { rows: [2, 3, 4, 5], reason: 'throttled', retryAfterMs: 2000, whole: true },
    ]);
    expect(server.seen.length).toBe(2);
    server.answerNext((response) => response.writeHead(422).end());
    const refused = await sink({ rowsMax: 2 }).write(rows(6));
    expect(refused?.residue).toMatchObject([{ rows: [0, 1], reason: 'refused', whole: true }]);
  });

  it('part by part: one whose reply was lost is unknown, those behind it were not sent', async () => {
    const { server, proxy, sink } = await rig();
    const one = sink({ rowsMax: 2, headers: { 'x-turn': '1' } });
    await one.write(rows(2));
    proxy.failNext({ kind: 'bandwidth', bytesPerSecond: 1e9 });
    proxy.failNext({ kind: 'drop-reply' });
    const result = await one.write(rows(6));
    expect(result?.residue.map(({ rows: some, reason }) => [some, reason])).toEqual([
      [[2, 3], 'ambiguous'],
      [[4, 5], 'unavailable'],
    ]);
    expect(server.rows.size).toBe(4);
  });
});

describe('httpSink sends', () => {
  it('an upgrade of the same rows as another request, which the answer of the first does not stand for', async () => {
    const { server, sink } = await rig();
    const one = sink();
    await one.write(rows(2));
    await one.write(rows(2, { mode: 'upgrade' }));
    const [first, second] = server.seen;
    expect(second?.headers['idempotency-key']).toBe(`${first?.headers['idempotency-key']}:upgrade`);
    expect([first, second].map((request) => request?.headers['tierfall-mode'])).toEqual([undefined, 'upgrade']);
  });

  it('headers, credentials, method and a key that is the same for the same rows', async () => {
    const { server, sink } = await rig();
    const more = { headers: { 'x-team': 'blue' }, auth: { bearer: 'secret-token' }, method: 'PUT' } as const;
    const [one, two] = [sink(more), sink({ auth: { user: 'ann', password: 'pass word' } })];
    await one.write(rows(3));
    await one.write(rows(3, { attemptId: 'attempt-2' }));
    await one.write(rows(2));
    await two.write(rows(1));
    const [first, again, other, single] = server.seen;
    expect(first).toMatchObject({
      method: 'PUT',
      headers: { 'x-team': 'blue', authorization: 'Bearer secret-token' },
    });
    expect(first?.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/);
    expect(again?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
    expect(other?.headers['idempotency-key']).not.toBe(first?.headers['idempotency-key']);
    expect(single?.headers).toMatchObject({
      'idempotency-key': 'k-0',
      authorization: 'Basic YW5uOnBhc3Mgd29yZA==',
    });
  });

  it.each(['gzip', 'zstd'] as const)('%s when the body is large enough', async (compression) => {
    const { server, sink } = await rig();
    const one = sink({ compression });
    await one.write(rows(1));
    await one.write(rows(200));
    expect(server.seen.map(({ headers }) => headers['content-encoding'])).toEqual([undefined, compression]);
    expect(server.rows.size).toBe(200);
  });

  it('bytes as they were received, and JSON with every digit of an integer', async () => {
    const { server, sink } = await rig();
    const request = rows(2);
    await sink({ body: 'bytes', keyField: undefined as never }).write(request);
    expect(server.seen[0]?.body).toEqual(Buffer.from(request.batch.body));
    const [record] = [{ n: 2n ** 63n, list: [1n], inner: { deep: 2n ** 60n }, bytes: Uint8Array.of(1, 2) }];
    await sink({ body: 'json' }).write(rows(1, { records: [record] }));
    const text =
      '[{"key":"k-0","n":9223372036854775808,"list":[1],"inner":{"deep":1152921504606846976},"bytes":"AQI="}]';
    expect(server.seen[1]?.body.toString()).toBe(text);
  });

  it('what a schema calls a timestamp as text, and nested values as JSON', async () => {
    const { server, sink } = await rig();
    const plain = { nullable: true, key: false } as const;
    const columns = [
      { ...plain, name: 'at', type: 'timestamp', unit: 'ms' },
      { ...plain, name: 'tree', type: 'json' },
    ] as const;
    await sink().write(
      writeRequest({
        columns,
        cells: [
          [1_500n, '{"a":\n[1]}'],
          [null, null],
        ],
        keys: ['a', 'b'],
      }),
    );
    const lines = server.seen[0]?.body.toString().trimEnd().split('\n');
    expect(lines).toEqual([
      '{"key":"a","at":"1970-01-01T00:00:01.500Z","tree":{"a": [1]}}',
      '{"key":"b","at":null,"tree":null}',
    ]);
  });

  it('over connections that are kept, fresh ones after a reset, and leaves those alone that are at work', async () => {
    const { server, proxy, sink } = await rig();
    const one = sink();
    for (let turn = 0; turn < 3; turn += 1) await one.write(rows(1));
    expect(server.connections).toBe(1);
    proxy.failNext({ kind: 'slow-drip', bytes: 20, everyMs: 20 });
    const slow = one.write(rows(1));
    await expect.poll(() => proxy.exchanges).toBe(4);
    await one.reset?.();
    await one.write(rows(1));
    expect(server.connections).toBe(2);
    expect(await slow).toBeUndefined();
    await expect.poll(() => proxy.open).toBe(1);
  });

  it('over TLS to a server whose certificate it was given', async () => {
    const tls = selfSigned();
    const { server, sink } = await rig({ tls });
    expect(await sink({ tls: { ca: tls.certificate } }).write(rows(2))).toBeUndefined();
    expect(server.rows.size).toBe(2);
  });

  it('nothing after it was closed', async () => {
    const { sink } = await rig();
    const one = sink();
    await one.close?.();
    expect(await faultOf(one.write(rows(1)))).toMatchObject({ reason: 'unavailable' });
  });
});

describe('httpSink keeps secrets', () => {
  it('out of names and errors, also when the server quotes them', async () => {
    const { server, sink } = await rig();
    const one = sink({ auth: { bearer: 'tok-12345678' }, headers: { 'x-api-key': 'api-key-123' } });
    const words = '{"error":"no such token tok-12345678 nor api-key-123 of http://ann:pw@host/"}';
    server.answerNext((response) => response.writeHead(401).end(words));
    const fault = await faultOf(one.write(rows(1)));
    expect(fault.message).toContain('no such token *** nor *** of http://***@host/');
    expect(`${fault.stack}${JSON.stringify(fault)}`).not.toMatch(/12345678|api-key-123|pw@/);
    expect(one.name).toMatch(/^http:127\.0\.0\.1:\d+$/);
  });

  it('out of errors also when they are renewed', async () => {
    const { server, sink } = await rig();
    let turn = 0;
    const auth = () => ({ authorization: `Bearer renewed-${++turn}` });
    const one = sink({ auth });
    server.answerNext(
      ...[1, 2].map(
        (each) => (response: ServerResponse) => void response.writeHead(401).end(`renewed-${each}`),
      ),
    );
    for (let time = 0; time < 2; time += 1)
      expect((await faultOf(one.write(rows(1)))).message).toMatch(/401: \*\*\*$/);
  });

  it('out of what it says about its options', () => {
    const bad = (options: Partial<HttpSinkOptions>) => () => httpSink({ url: 'http://host/', ...options });
    expect(bad({ url: 'http://ann:hunter2@host/' })).toThrow(/^url: holds a user or a password$/);
    expect(bad({ url: 'hunter2' })).toThrow(/^url: expected a URL/);
    expect(bad({ headers: { 'x-key': 'hunter2\n' } })).toThrow(/^headers\.x-key: holds what a header cannot$/);
    expect(bad({ rowsMax: 0 })).toThrow('rowsMax');
    expect(bad({ compression: 'brotli' as never })).toThrow('compression');
    expect(bad({ body: 'bytes', keyField: 'key' })).toThrow('keyField');
  });

  it('and calls it unauthorised when there are none to send', async () => {
    const { server, sink } = await rig();
    const auth = (): never => {
      throw new Error('vault is sealed');
    };
    expect(await faultOf(sink({ auth }).write(rows(1)))).toMatchObject({ reason: 'unauthorised' });
    expect(server.seen).toEqual([]);
  });
});
