import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SinkError } from '../../src/core/errors.ts';
import type { Reason } from '../../src/core/reason.ts';
import { classifyError } from '../../src/sinks/classify-error.ts';

const coded = (code: string, extra: object = {}): Error =>
  Object.assign(new Error(`failed: ${code}`), { code, ...extra });
const http = (status: number, headers: object = {}): Error =>
  Object.assign(new Error('answered'), { status, headers });
const fetchFailed = (cause: unknown): Error => new TypeError('fetch failed', { cause });
const looped = (): Error => {
  const error = new Error('loop');
  error.cause = error;
  return error;
};

const TABLE: readonly (readonly [string, unknown, Reason])[] = [
  ['ECONNREFUSED', coded('ECONNREFUSED'), 'unavailable'],
  ['ENOTFOUND', coded('ENOTFOUND'), 'unavailable'],
  ['EAI_AGAIN', coded('EAI_AGAIN'), 'unavailable'],
  ['EHOSTUNREACH', coded('EHOSTUNREACH'), 'unavailable'],
  ['ENETUNREACH', coded('ENETUNREACH'), 'unavailable'],
  ['EHOSTUNREACH on an open connection', coded('EHOSTUNREACH', { syscall: 'read' }), 'ambiguous'],
  ['ECONNRESET', coded('ECONNRESET'), 'ambiguous'],
  ['EPIPE', coded('EPIPE'), 'ambiguous'],
  ['ETIMEDOUT', coded('ETIMEDOUT'), 'ambiguous'],
  ['ETIMEDOUT while connecting', coded('ETIMEDOUT', { syscall: 'connect' }), 'unavailable'],
  ['ECONNABORTED of axios', coded('ECONNABORTED'), 'ambiguous'],
  ['UND_ERR_SOCKET', coded('UND_ERR_SOCKET'), 'ambiguous'],
  ['UND_ERR_HEADERS_TIMEOUT', coded('UND_ERR_HEADERS_TIMEOUT'), 'ambiguous'],
  ['UND_ERR_BODY_TIMEOUT', coded('UND_ERR_BODY_TIMEOUT'), 'ambiguous'],
  ['UND_ERR_CONNECT_TIMEOUT', coded('UND_ERR_CONNECT_TIMEOUT'), 'unavailable'],
  ['fetch that could not connect', fetchFailed(coded('ECONNREFUSED')), 'unavailable'],
  ['fetch that was reset', fetchFailed(coded('ECONNRESET')), 'ambiguous'],
  ['both addresses refused', new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]), 'unavailable'],
  [
    'one address refused, one reset',
    new AggregateError([coded('ECONNREFUSED'), coded('ECONNRESET')]),
    'ambiguous',
  ],
  ['AbortError', new DOMException('stop', 'AbortError'), 'ambiguous'],
  ['TimeoutError', new DOMException('late', 'TimeoutError'), 'ambiguous'],
  ['ABORT_ERR of Node', coded('ABORT_ERR'), 'ambiguous'],
  ['status 400', http(400), 'refused'],
  ['status 401', http(401), 'unauthorised'],
  ['status 403', http(403), 'unauthorised'],
  ['status 404', http(404), 'missing-target'],
  ['status 409', http(409), 'refused'],
  ['status 413', http(413), 'too-large'],
  ['status 422', http(422), 'refused'],
  ['status 429', http(429), 'throttled'],
  ['status 500', http(500), 'unavailable'],
  ['status 502', http(502), 'unavailable'],
  ['status 503', http(503), 'unavailable'],
  ['status 503 with Retry-After', http(503, { 'retry-after': '1' }), 'throttled'],
  ['status 418, which says nothing', http(418), 'crashed'],
  ['statusCode of got', Object.assign(new Error('x'), { statusCode: 429 }), 'throttled'],
  [
    'response.status of axios',
    Object.assign(coded('ERR_BAD_REQUEST'), { response: { status: 422 } }),
    'refused',
  ],
  ['a status below an error code', coded('ECONNRESET', { status: 413 }), 'too-large'],
  ['a status one cause down', new Error('wrapped', { cause: http(404) }), 'missing-target'],
  ['a status of success', http(204), 'crashed'],
  ['TypeError', new TypeError('undefined is not a function'), 'crashed'],
  ['a string', 'boom', 'crashed'],
  ['undefined', undefined, 'crashed'],
  ['null', null, 'crashed'],
  ['an error that is its own cause', looped(), 'crashed'],
  ['a getter that throws', Object.defineProperty({}, 'code', { get: () => expect.unreachable() }), 'crashed'],
];

describe('classifyError', () => {
  it.each(TABLE)('takes %s', (_name, error, reason) => {
    const translated = classifyError(error, { sink: 'target' });
    expect(translated).toBeInstanceOf(SinkError);
    expect(translated.reason).toBe(reason);
    expect(translated.cause).toBe(error);
  });

  it('passes a SinkError as it is', () => {
    const error = new SinkError('fenced', 'mine');
    expect(classifyError(error, { sink: 'target', classify: () => 'refused' })).toBe(error);
  });

  it('believes the caller before its own table, unless the caller names no reason', () => {
    const classified = (classify: (error: unknown) => Reason | undefined): string =>
      classifyError(http(400), { sink: 'target', classify }).reason;
    expect(classified(() => 'throttled')).toBe('throttled');
    expect(classified(() => undefined)).toBe('refused');
    expect(classified(() => 'nonsense' as Reason)).toBe('refused');
    expect(classified(() => expect.unreachable())).toBe('refused');
  });

  it('takes any failure after an abort as ambiguous, except one that proves nothing was applied', () => {
    const signal = AbortSignal.abort();
    expect(classifyError(new Error('odd'), { sink: 'target', signal }).reason).toBe('ambiguous');
    expect(classifyError(coded('ECONNREFUSED'), { sink: 'target', signal }).reason).toBe('unavailable');
    expect(classifyError(http(400), { sink: 'target', signal }).reason).toBe('refused');
  });

  it.each([
    ['seconds', { 'Retry-After': '7' }, 7_000],
    ['a number', { 'retry-after': 2 }, 2_000],
    ['a fraction', { 'retry-after': '0.5' }, 500],
    ['Headers', new Headers({ 'retry-after': '3' }), 3_000],
    ['a list', { 'retry-after': ['4', '5'] }, 4_000],
    ['a date by our clock', { 'retry-after': 'Tue, 14 Nov 2023 22:13:30 GMT' }, 10_000],
    [
      'a date by their clock',
      { 'retry-after': 'Tue, 14 Nov 2023 22:13:30 GMT', date: 'Tue, 14 Nov 2023 22:13:29 GMT' },
      1_000,
    ],
    ['a date that is past', { 'retry-after': 'Tue, 14 Nov 2023 22:00:00 GMT' }, 0],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
    ['a date of no zone', { 'retry-after': '2023-11-14 22:13:30' }, undefined],
    ['nothing', { 'retry-after': '' }, undefined],
    ['a negative number', { 'retry-after': '-1' }, undefined],
  ])('reads Retry-After as %s', (_name, headers, expected) => {
    const clock = { wallNow: () => 1_700_000_000_000 };
    expect(classifyError(http(429, headers), { sink: 'target', clock }).retryAfterMs).toBe(expected);
    const nested = { response: { status: 429, headers } };
    expect(classifyError(nested, { sink: 'target', clock }).retryAfterMs).toBe(expected);
  });

  it('ignores a Retry-After date when there is nothing to measure it from', () => {
    const headers = { 'retry-after': 'Tue, 14 Nov 2023 22:13:30 GMT' };
    expect(classifyError(http(429, headers), { sink: 'target' }).retryAfterMs).toBeUndefined();
  });

  it('says what went wrong, without passwords and in bounded length', () => {
    const cause = coded('ECONNREFUSED', { message: `http://user:secret@host/ ${'x'.repeat(10_000)}` });
    const { message } = classifyError(fetchFailed(cause), { sink: 'target' });
    expect(message).toMatch(/^target: fetch failed: http:\/\/\*\*\*@host/);
    expect(message.length).toBeLessThan(600);
  });

  it('agrees with what fetch really throws for a closed port and for a dropped connection', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const thrownBy = (): Promise<unknown> =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => undefined,
        (error) => error,
      );
    const dropped = await thrownBy();
    await new Promise((resolve) => server.close(resolve));
    const refused = await thrownBy();
    expect(classifyError(dropped, { sink: 'target' }).reason).toBe('ambiguous');
    expect(classifyError(refused, { sink: 'target' }).reason).toBe('unavailable');
  });
});
