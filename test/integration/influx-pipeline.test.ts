import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createFallback, influxSink } from '../../src/index.ts';
import { workplace } from '../cli/workplace.ts';
import { type InfluxServer, startInflux } from '../support/influx-server.ts';

let server: InfluxServer;
beforeAll(async () => {
  server = await startInflux();
});
afterAll(() => server[Symbol.asyncDispose]());

async function countIn(db: string, measurement: string): Promise<number> {
  const [series] = await server.query(db, `SELECT COUNT(f) FROM "${measurement}"`);
  return Number(series?.values[0]?.[1] ?? 0);
}

describe('a pipeline into InfluxDB 1.x', () => {
  it('defers line protocol while the server is dead, and brings it back byte for byte', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tierfall-influx-'));
    const db = await server.database();
    const sink = influxSink({ url: server.url, db, compression: 'gzip' });
    const fallback = await createFallback({ dir, sink, worker: false, retry: { attemptsMax: 1 } });
    onTestFinished(async () => {
      await fallback.close();
      await sink.close?.();
      rmSync(dir, { recursive: true });
    });
    const submit = (from: number) => {
      const lines = Array.from({ length: 50 }, (_, at) => `m,t=a\\ b f=${from + at} ${from + at}`);
      return fallback.submit({ format: 'line-protocol', body: lines.join('\n') });
    };
    expect(await submit(0)).toMatchObject({ delivered: 50 });
    await server.kill();
    for (let batch = 1; batch < 10; batch += 1)
      expect(await submit(batch * 50)).toMatchObject({ deferred: 50 });
    await server.start();
    await fallback.reconcile();
    expect(await fallback.report()).toMatchObject({ pending: 0, quarantined: 0, balanced: true });
    expect(await countIn(db, 'm')).toBe(500);
  });

  it('quarantines the lines that the server refuses, with its words, and lands the others', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'tierfall-influx-'));
    const db = await server.database();
    const sink = influxSink({ url: server.url, db });
    const fallback = await createFallback({ dir, sink, worker: false });
    onTestFinished(async () => {
      await fallback.close();
      await sink.close?.();
      rmSync(dir, { recursive: true });
    });
    await fallback.submit({ format: 'line-protocol', body: 'm f=1 1' });
    const receipt = await fallback.submit({
      format: 'line-protocol',
      body: 'm f="x" 2\nm f=3 3\nm f=u 4\nm f=5 5',
    });
    expect(receipt).toMatchObject({ delivered: 2, deferred: 2 });
    await fallback.reconcile();
    expect(await fallback.report()).toMatchObject({ pending: 0, quarantined: 2, balanced: true });
    expect(await countIn(db, 'm')).toBe(3);
  });

  it('is named on the command line, and looked up when its keys travel with the points', async () => {
    const db = await server.database();
    const place = workplace();
    const records = Array.from(
      { length: 300 },
      (_, at) => `{"id":${at},"city":"c ${at % 7}","at":"2026-11-20T00:00:00.${at + 100}Z","f":${at / 2}}`,
    );
    place.file('in.ndjson', records.join('\n'));
    const spec = `influx:${server.url}?db=${db}&measurement=weather&time=at&tags=city&key-tag=key`;
    const ran = await place.tierfall(['run', '-i', 'in.ndjson', '--sink', spec, '--patience', '5s']);
    expect(ran.code, ran.out + ran.err).toBe(0);
    expect(await countIn(db, 'weather')).toBe(300);
    const again = await place.tierfall(['run', '-i', 'in.ndjson', '--patience', '5s']);
    expect(again.code, again.out + again.err).toBe(0);
    expect(await countIn(db, 'weather')).toBe(300);
  });
});
