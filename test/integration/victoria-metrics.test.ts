import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import { influxSink } from '../../src/sinks/influx-sink.ts';
import type { WriteRequest } from '../../src/sinks/sink.ts';
import { startVictoriaMetrics, type VictoriaMetrics } from '../support/victoria-metrics.ts';

let server: VictoriaMetrics;
beforeAll(async () => {
  server = await startVictoriaMetrics();
});
afterAll(() => server[Symbol.asyncDispose]());

function lines(body: string): WriteRequest {
  const batch = new Batch({ body, format: 'line-protocol' }, 'influx', framer, 0);
  const signal = new AbortController().signal;
  return {
    batch,
    rows: 'all',
    columns: undefined,
    records: undefined,
    keys: [],
    attemptId: 'a',
    mode: 'insert',
    signal,
  };
}

describe('influxSink on VictoriaMetrics', () => {
  it.each([
    ['v1', { db: 'd' }],
    ['v2', { bucket: 'b', org: 'o' }],
  ] as const)('lands points by the API of %s, and twice is once', async (api, target) => {
    const sink = influxSink({
      url: server.url,
      api,
      ...target,
      precision: 'ms',
      compression: 'gzip',
      compressBytesMin: 0,
    });
    const startMs = Date.now() - 100_000;
    const body = Array.from(
      { length: 100 },
      (_, at) => `${api},host=h value=${at} ${startMs + at * 1000}`,
    ).join('\n');
    expect(await sink.write(lines(body))).toBeUndefined();
    expect(await sink.write(lines(body))).toBeUndefined();
    await sink.close?.();
    const timestamps = async () =>
      new Set((await server.samples(`${api}_value`)).flatMap((series) => series.timestamps));
    await expect.poll(async () => (await timestamps()).size, { timeout: 30_000, interval: 200 }).toBe(100);
    const [series] = await server.samples(`${api}_value`);
    expect(series?.metric).toMatchObject({ host: 'h' });
  });

  it('makes points of records', async () => {
    const point = { measurement: 'weather', tags: ['city'], time: { field: 'at' } } as const;
    const sink = influxSink({ url: server.url, db: 'd', point });
    const records = [{ city: 'Seattle', temp: 4.5, wind: 3, at: Date.now() }];
    expect(await sink.write({ ...lines(''), rows: [0], records, keys: ['k'] })).toBeUndefined();
    await sink.close?.();
    const found = async (name: string) => (await server.samples(name)).flatMap(({ values }) => values);
    await expect.poll(() => found('weather_temp'), { timeout: 30_000, interval: 200 }).toEqual([4.5]);
    expect(await found('weather_wind')).toEqual([3]);
  });
});
