import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createFallback, memorySink } from '../../src/index.ts';

it('tells the live engine from its replay in every metric', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tierfall-metrics-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const fallback = await createFallback({ dir, sink: memorySink(), worker: false });
  const read = (series: string): string | undefined =>
    fallback.metrics
      .render()
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1);
  fallback.engine.breaker('primary')?.isolate();
  await fallback.submit({ body: '{"n":1}\n{"n":2}\n', format: 'ndjson' });
  fallback.engine.breaker('primary')?.release();
  await fallback.submit({ body: '{"n":3}\n', format: 'ndjson' });
  fallback.engine.breaker('primary')?.isolate();
  await fallback.reconcile();
  const delivered = 'tier="primary",disposition="delivered",reason=""';
  expect(read('circuit_breaker_state{chain="default",tier="primary"}')).toBe('3');
  expect(read('circuit_breaker_state{chain="default-replay",tier="primary"}')).toBe('0');
  expect(read(`fallback_records_total{chain="default",${delivered}}`)).toBe('1');
  expect(read(`fallback_records_total{chain="default-replay",${delivered}}`)).toBe('2');
  expect(read('fallback_unaccounted_records{chain="default"}')).toBe('0');
  expect(read('fallback_unaccounted_records{chain="default-replay"}')).toBe('0');
  await fallback.close();
});
