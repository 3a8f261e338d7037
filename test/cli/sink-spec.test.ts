import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { keptSpec, openSink } from '../../src/cli/sink-spec.ts';
import { ConfigError } from '../../src/core/errors.ts';
import { recordServer } from '../support/http/record-server.ts';
import { workplace } from './workplace.ts';

function open(spec: string, env: Readonly<Record<string, string>> = {}) {
  const sink = openSink(spec, 'movies', env);
  onTestFinished(async () => sink.close?.());
  return sink;
}

describe('--sink', () => {
  it('keeps a file by its whole path, and an address as it is', () => {
    expect(keptSpec('sqlite:x.db', '/data')).toBe('sqlite:/data/x.db');
    for (const spec of ['http://host/records', 'https://host/', 'influx:http://host:8086?db=d']) {
      expect(keptSpec(spec, '/data')).toBe(spec);
    }
  });

  it.each([
    ['mysql://ann:hunter2@host', 'expected sqlite:FILE, influx:URL or http://'],
    ['influx:host', 'expected sqlite:FILE'],
    ['http://ann:hunter2@host/', 'holds a user or a password'],
    ['influx:http://ann:hunter2@host?db=d', 'holds a user or a password'],
    ['influx:http://host', 'db: is missing'],
    ['influx:http://host?api=v2&bucket=b', 'org: is missing'],
    ['influx:http://host?db=d&token=hunter2', 'token: is no parameter'],
    ['influx:http://host?db=d&precision=h', 'precision'],
  ])('refuses %s before anything is kept, without showing a password', (spec, words) => {
    const refused = (): unknown => keptSpec(spec, '/data');
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(words);
    expect(refused).not.toThrow('hunter2');
  });

  it('opens InfluxDB for line protocol, or for records when it is told where their time is', () => {
    expect(open('influx:http://host?db=d')).toMatchObject({
      name: 'influx:d',
      accepts: 'bytes',
      idempotent: true,
    });
    const points = open('influx:http://host?db=d&time=at&unit=s&tags=a,b&fields=c&key-tag=k');
    expect(points).toMatchObject({ accepts: 'records', idempotent: true });
    expect(points.lookup).toBeDefined();
    expect(open('influx:http://host?api=v2&bucket=b&org=o')).toMatchObject({ name: 'influx:b' });
  });

  it('takes credentials from the environment, and nothing else from there', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      request.resume().on('end', () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const login = { TIERFALL_SINK_USER: 'ann', TIERFALL_SINK_PASSWORD: 'pw' };
    const request = {
      ...{
        rows: [0],
        records: [{ at: 1, f: 1 }],
        columns: undefined,
        keys: ['k'],
        attemptId: 'a',
        mode: 'insert',
      },
      batch: { rowCount: 1 },
      signal: new AbortController().signal,
    } as never;
    for (const env of [{}, login, { TIERFALL_SINK_TOKEN: 'T' }]) {
      await open(`${url}/records`, env).write(request);
      await open(`influx:${url}?db=d&time=at`, env).write(request);
    }
    expect(seen).toEqual([undefined, undefined, 'Basic YW5uOnB3', 'Basic YW5uOnB3', 'Bearer T', 'Token T']);
  });
});

describe('tierfall run', () => {
  it('lands records at an HTTP endpoint, and the others remember it', async () => {
    const server = await recordServer();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const place = workplace();
    place.file('in.ndjson', '{"n":1}\n{"n":2}\n');
    const ran = await place.tierfall(['run', '-i', 'in.ndjson', '--sink', server.url, '--patience', '2s']);
    expect(ran.code, ran.out + ran.err).toBe(0);
    const lines = server.seen.flatMap(({ body }) => body.toString().trimEnd().split('\n'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ n: 1 }, { n: 2 }]);
    const status = await place.tierfall(['reconcile']);
    expect(status.code, status.out).toBe(0);
  });
});
