import { describe, expect, it, onTestFinished } from 'vitest';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import { SinkError } from '../../src/core/errors.ts';
import { type InfluxPoint, type InfluxSinkOptions, influxSink } from '../../src/sinks/influx-sink.ts';
import type { SinkRecord, WriteRequest } from '../../src/sinks/sink.ts';
import { writeRequest } from '../../src/testing/write-request.ts';
import { influxEmulator } from '../support/http/influx-emulator.ts';
import { recordServer } from '../support/http/record-server.ts';

function lines(body: string): WriteRequest {
  const batch = new Batch({ body, format: 'line-protocol' }, 'influx', framer, 0);
  const keys = Array.from({ length: batch.rowCount }, (_, row) => `k-${row}`);
  const signal = new AbortController().signal;
  return {
    batch,
    rows: 'all',
    columns: undefined,
    records: undefined,
    keys,
    attemptId: 'a',
    mode: 'insert',
    signal,
  };
}

function recordsOf(...records: readonly SinkRecord[]): WriteRequest {
  return { ...lines(''), rows: records.map((_, at) => at), records, keys: records.map((_, at) => `k-${at}`) };
}

/** What a server is sent for records, and what is refused before. */
async function sent(
  point: InfluxPoint,
  ...records: readonly SinkRecord[]
): Promise<{ text: string; refused: string[] }> {
  const server = await recordServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  server.answerNext((response) => response.writeHead(204).end());
  const sink = influxSink({ url: server.url, db: 'd', point });
  const result = await sink.write(recordsOf(...records));
  await sink.close?.();
  const refused = (result?.residue ?? []).map(({ rows, detail }) => `${rows}: ${detail}`);
  return { text: server.seen[0]?.body.toString() ?? '', refused };
}

async function faultOf(work: Promise<unknown>): Promise<SinkError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

const TIMED = { measurement: 'm', time: { field: 'at', unit: 'ns' } } as const;

describe('influxSink makes points of records', () => {
  it('with tags in order, and every name and value escaped', async () => {
    const point = { ...TIMED, measurement: { field: 'kind' }, tags: ['zone', 'a host'] };
    const { text } = await sent(point, {
      kind: 'my, kind',
      zone: 'x=1',
      'a host': 'b,c d',
      at: 7n,
      'f 1': 'say "hi"\\\nthere',
      ok: true,
      none: null,
    });
    expect(text).toBe('my\\,\\ kind,a\\ host=b\\,c\\ d,zone=x\\=1 f\\ 1="say \\"hi\\"\\\\\nthere",ok=true 7\n');
  });

  it('with numbers as floats and 64-bit integers as integers, or as they are declared', async () => {
    const { text } = await sent(TIMED, { at: 1, a: 1, b: 2n ** 63n - 1n, c: -0, d: 1e21, e: 5e-324 });
    expect(text).toBe('m a=1,b=9223372036854775807i,c=-0,d=1e+21,e=5e-324 1\n');
    const fields = { a: 'integer', b: 'float', c: 'string', d: 'string' } as const;
    const declared = await sent(
      { ...TIMED, fields },
      { at: 1, a: 1, b: 3n, c: 4, d: { deep: [1n] }, other: 5 },
    );
    expect(declared.text).toBe('m a=1i,b=3,c="4",d="{\\"deep\\":[\\"1\\"]}" 1\n');
  });

  it.each([
    [{ field: 'at' }, 1_500, '1500000000'],
    [{ field: 'at', unit: 's' }, -2n, '-2000000000'],
    [{ field: 'at', unit: 'us' }, 3, '3000'],
    [{ field: 'at' }, '2026-11-20T17:48:46.123456789Z', '1795196926123456789'],
    [{ field: 'at' }, '1969-12-31T23:59:59.5+00:00', '-500000000'],
    [{ field: 'at' }, '2026-11-20T18:48:46+01:00', '1795196926000000000'],
    [() => 9n, undefined, '9'],
  ] as const)('with the time %o of %s', async (time, at, expected) => {
    const { text } = await sent({ measurement: 'm', time } as InfluxPoint, { at, f: 1 });
    expect(text.trimEnd().split(' ').at(-1)).toBe(expected);
  });

  it('with the unit that a schema gives a timestamp, which is text where it is a field', async () => {
    const stamp = { type: 'timestamp', nullable: true, key: false, unit: 'us' } as const;
    const cells = [[1_500_000n, 2_500_000n]];
    const request = writeRequest({
      columns: [
        { ...stamp, name: 'at' },
        { ...stamp, name: 'seen' },
      ],
      cells,
    });
    const server = await recordServer();
    onTestFinished(() => server[Symbol.asyncDispose]());
    server.answerNext((response) => response.writeHead(204).end());
    const sink = influxSink({ url: server.url, db: 'd', point: { measurement: 'm', time: { field: 'at' } } });
    expect(await sink.write(request)).toBeUndefined();
    await sink.close?.();
    expect(server.seen[0]?.body.toString()).toBe('m seen="1970-01-01T00:00:02.500000Z" 1500000000\n');
  });

  it('and refuses, row by row, what line protocol cannot say', async () => {
    const point = { ...TIMED, tags: ['t'], fields: { f: 'float', i: 'integer', b: 'boolean' } } as const;
    const { text, refused } = await sent(
      point,
      { at: 1, f: 1 },
      { at: 2, f: Number.NaN },
      { at: 3, i: 1.5 },
      { at: 4, i: 2n ** 63n },
      { at: 5, b: 'yes' },
      { at: 6 },
      { f: 7 },
      { at: 2n ** 63n, f: 8 },
      { at: 9, f: 9, t: 'line\nbreak' },
      { at: 10, f: 10, t: 'end\\' },
      { at: 'yesterday', f: 11 },
      { at: '2026-02-31T00:00:00Z', f: 12 },
    );
    expect(text).toBe('m f=1 1\n');
    expect(refused.map((line) => line.replace('influx:d: ', ''))).toEqual([
      '1: the field "f" holds a number that is not finite, which is no float of InfluxDB',
      '2: the field "i" holds a number, which is no integer of InfluxDB',
      '3: the field "i" holds a bigint, which is no integer of InfluxDB',
      '4: the field "b" holds a string, which is no boolean of InfluxDB',
      '5: the record has no field, and a point needs one',
      '6: the record has no time',
      '7,10,11: the time of the record is none that InfluxDB can hold',
      '8,9: the tag "t" holds what line protocol cannot write in a tag',
    ]);
  });

  it('and refuses fields that InfluxDB drops without a word, and points that would replace each other', async () => {
    const point = { measurement: 'm', time: { field: 'at' } } as const;
    const { refused, text } = await sent(
      point,
      { at: 1, time: 5 },
      { at: 2, f: 1 },
      { at: 2, f: 2 },
      { at: 2, f: 1 },
    );
    expect(refused.map((line) => line.replace('influx:d: ', ''))).toEqual([
      '0: "time" cannot name a tag or a field: InfluxDB keeps it for itself',
      '2: another record of the request is the same point (measurement, tags and time)',
    ]);
    expect(text).toBe('m f=1 2000000\nm f=1 2000000\n');
  });

  it('and calls nothing when no row is left', async () => {
    const sink = influxSink({ url: 'http://127.0.0.1:1', db: 'd', point: TIMED });
    expect((await sink.write(recordsOf({ at: 1 })))?.residue).toMatchObject([{ rows: [0], reason: 'refused' }]);
  });
});

describe('influxSink of bytes', () => {
  it('sends the body itself, to the address of its version, with credentials in a header', async () => {
    const server = await recordServer();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const base = server.url.replace('/records', '/under/');
    const body = '# comment\n\nm f=1 1\n m f=2 2';
    const auth = { user: 'ann', password: 'pw' };
    const options: readonly InfluxSinkOptions[] = [
      { url: base, db: 'd b', rp: 'r', precision: 'us', auth },
      { url: base, db: 'd', auth: { token: 'T' } },
      { url: base, api: 'v2', bucket: 'b', org: 'o', precision: 's', auth: { token: 'T' } },
      { url: base, api: 'v3', db: 'd', precision: 'ms', auth: { token: 'T' } },
    ];
    for (const each of options) {
      server.answerNext((response) => response.writeHead(204).end());
      const sink = influxSink(each);
      expect(await sink.write(lines(body))).toBeUndefined();
      await sink.close?.();
    }
    expect(server.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/under/write?db=d+b&precision=u&rp=r', 'Basic YW5uOnB3'],
      ['/under/write?db=d&precision=n', 'Token T'],
      ['/under/api/v2/write?bucket=b&org=o&precision=s', 'Token T'],
      ['/under/api/v3/write_lp?db=d&precision=millisecond', 'Bearer T'],
    ]);
    for (const { body: received } of server.seen) expect(received.toString()).toBe(body);
  });

  it('refuses what is no line protocol', async () => {
    const request = { ...lines(''), batch: new Batch({ body: '{}', format: 'ndjson' }, 's', framer, 0) };
    const sink = influxSink({ url: 'http://127.0.0.1:1', db: 'd' });
    expect(await faultOf(sink.write(request))).toMatchObject({ reason: 'undecodable' });
  });

  it.each([
    [413, 'too-large', undefined],
    [429, 'throttled', 3000],
    [503, 'throttled', 3000],
    [401, 'unauthorised', undefined],
  ])('tells %i as %s', async (status, reason, retryAfterMs) => {
    const server = await recordServer();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const headers = retryAfterMs === undefined ? {} : { 'retry-after': '3' };
    server.answerNext((response) => response.writeHead(status, headers).end('{"error":"no: secret-T"}'));
    const sink = influxSink({ url: server.url, db: 'd', auth: { token: 'secret-T' } });
    const fault = await faultOf(sink.write(lines('m f=1 1')));
    expect(fault).toMatchObject({ reason, retryAfterMs });
    expect(fault.message).toBe(`influx:d: HTTP ${status}: no: ***`);
    await sink.close?.();
  });

  it('is told at once what is wrong with its options', () => {
    const bad = (options: Partial<InfluxSinkOptions>) => () =>
      influxSink({ url: 'http://h', db: 'd', ...options });
    expect(bad({ db: '' })).toThrow('db: is missing');
    expect(bad({ api: 'v2' })).toThrow('bucket: is missing');
    expect(bad({ api: 'v4' as never })).toThrow('api');
    expect(bad({ precision: 'm' as never })).toThrow('precision');
    expect(bad({ point: { measurement: 'm' } })).toThrow('point.time: is missing');
    expect(bad({ point: { ...TIMED, tags: ['time'] } })).toThrow('keeps it for itself');
    expect(bad({ point: { ...TIMED, tags: ['a'], fields: ['a'] } })).toThrow('used twice');
  });
});

describe.each(['v2', 'v3'] as const)('influxSink of %s, as far as it is documented', (api) => {
  it('gives every line its fate, and the others are in', async () => {
    const server = await influxEmulator();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const target = api === 'v2' ? { bucket: 'b', org: 'o' } : { db: 'd' };
    const sink = influxSink({ url: server.url, api, ...target, compression: 'gzip', compressBytesMin: 0 });
    const all = Array.from({ length: 40 }, (_, at) => `m,t=a f=${at} ${at}`);
    const bad = all.with(3, 'bad').with(9, 'm,t=a f="x" 9').with(30, 'm,t=a f=t 30').with(31, 'worse one 31');
    const result = await sink.write(lines(bad.join('\n')));
    await sink.close?.();
    const named = (result?.residue ?? []).flatMap(({ rows, reason, detail }) =>
      (rows as readonly number[]).map((row) => [row, reason, /: (.*)/.exec(detail ?? '')?.[1]] as const),
    );
    expect(named.map(([row]) => row).sort((a, b) => a - b)).toEqual([3, 9, 30, 31]);
    for (const [, reason, words] of named)
      expect([reason, words]).toEqual(['refused', expect.stringMatching(/.{10}/)]);
    expect(server.points.size).toBe(36);
    // 2.x: one line that cannot be read, what is left, the others, the suspects. The line without a time was not sent.
    expect(server.seen.length).toBe(api === 'v2' ? 4 : 2);
  });
});

describe('influxSink of v2', () => {
  it('tells a bucket that is not there', async () => {
    const server = await influxEmulator();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const sink = influxSink({ url: server.url, api: 'v2', bucket: 'nowhere', org: 'o' });
    expect(await faultOf(sink.write(lines('m f=1 1')))).toMatchObject({ reason: 'missing-target' });
    await sink.close?.();
  });
});
