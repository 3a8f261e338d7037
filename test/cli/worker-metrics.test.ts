import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Workplace, workplace } from './workplace.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** What `/metrics` says as soon as it says `series`; the whole text when it never does. */
async function scrapeUntil(port: number, series: RegExp): Promise<string> {
  let text = '';
  for (let attempt = 0; attempt < 2000 && !series.test(text); attempt += 1) {
    text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (response) => response.text(),
      () => '',
    );
    await new Promise(setImmediate);
  }
  return text;
}

/** Two records in the sink, two in quarantine. */
async function settled(): Promise<Workplace> {
  const place = workplace();
  place.file('in.ndjson', '{"n":1}\n{"n":2}\n{"n":\n{"n":4,\n');
  expect((await place.tierfall(['run', '-i', 'in.ndjson', '--sink', 'sqlite:x.db'])).code).toBe(3);
  return place;
}

describe('tierfall worker --metrics', () => {
  it('serves queue depth, replay lag and quarantine', async () => {
    const place = await settled();
    const port = await freePort();
    const stop = new AbortController();
    const running = place.tierfall(['worker', '--metrics', String(port)], { signal: stop.signal });
    const text = await scrapeUntil(port, /^quarantine_rows/m);
    stop.abort();
    expect((await running).code).toBe(0);
    expect(text).toMatch(/^quarantine_rows\{chain="default",reason="undecodable"\} 2$/m);
    expect(text).toMatch(/^deferred_reconciliation_queue_depth\{chain="default"\} 0$/m);
    expect(text).toMatch(/^replay_lag_seconds\{chain="default"\} 0$/m);
  });
});
