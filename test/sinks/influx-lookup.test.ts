import { describe, expect, it, onTestFinished } from 'vitest';
import { influxSink } from '../../src/sinks/influx-sink.ts';
import { recordServer } from '../support/http/record-server.ts';

/** What a sink finds whose server answers a lookup with this. */
async function lookedUp(answer: string, status = 200): Promise<unknown> {
  const server = await recordServer();
  const point = { measurement: 'm', time: { field: 'at' }, key: { tag: 'k' } } as const;
  const sink = influxSink({ url: server.url, db: 'd', point });
  onTestFinished(async () => {
    await sink.close?.();
    await server[Symbol.asyncDispose]();
  });
  server.answerNext((response) => response.writeHead(status).end(answer));
  return sink.lookup?.(['a', 'b c']).catch((error: unknown) => (error as { reason: unknown }).reason);
}

const series = (key: string): string => `{"name":"m","tags":{"k":"${key}"},"columns":["time"],"values":[[1]]}`;

describe('a lookup', () => {
  it('takes what is named by its tag for held', async () => {
    const answer = `{"results":[{"statement_id":0,"series":[${series('b%20c')},${series('other')}]}]}`;
    expect(await lookedUp(answer)).toEqual(new Set(['b c']));
    expect(await lookedUp('{"results":[{"statement_id":0}]}')).toEqual(new Set());
  });

  it.each([
    ['a part', `{"results":[{"series":[${series('a')}],"partial":true}]}`],
    ['an error', '{"results":[{"error":"shard is offline"}]}'],
    ['no results', '{}'],
    ['no JSON', '<html>'],
    ['half of it', '{"results":[{"ser'],
  ])('answered by %s says nothing about what is not held', async (_what, answer) => {
    expect(await lookedUp(answer)).toBe('unavailable');
  });

  it.each([
    [401, 'unauthorised'],
    [400, 'unavailable'],
    [404, 'missing-target'],
    [503, 'unavailable'],
  ])('answered by %i fails as %s', async (status, reason) => {
    expect(await lookedUp('{"error":"no"}', status)).toBe(reason);
  });
});
