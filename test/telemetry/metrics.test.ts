import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { METRICS } from '../../src/telemetry/names.ts';
import { parsePrometheus } from './prometheus-text.ts';

function valuesOf(text: string, name: string): number[] {
  return (
    parsePrometheus(text)
      .get(name)
      ?.samples.map(({ value }) => value) ?? []
  );
}

describe('metrics', () => {
  it('renders counters, gauges and histograms as text that a strict reader accepts', () => {
    const metrics = createMetrics('orders');
    metrics
      .counter('fallback_tier_transitions_total', { from: 'primary', to: 'raw-persist', reason: 'unavailable' })
      .add(3);
    metrics.gauge('circuit_breaker_state', { tier: 'primary' }, () => 2);
    const latency = metrics.histogram('tier_execution_latency_seconds', { tier: 'primary', outcome: 'landed' });
    for (const ms of [0.2, 1, 30, 250, 90_000]) latency.record(ms);
    const families = parsePrometheus(metrics.render());
    expect([...families.keys()]).toEqual([
      'fallback_tier_transitions_total',
      'circuit_breaker_state',
      'tier_execution_latency_seconds',
    ]);
    const transitions = families.get('fallback_tier_transitions_total')?.samples[0];
    expect(Object.fromEntries(transitions?.labels ?? [])).toEqual({
      chain: 'orders',
      from: 'primary',
      to: 'raw-persist',
      reason: 'unavailable',
    });
    const buckets = families.get('tier_execution_latency_seconds')?.samples ?? [];
    const atMost = (le: string): number | undefined =>
      buckets.find(({ labels }) => labels.get('le') === le)?.value;
    expect([atMost('0.001'), atMost('0.05'), atMost('0.25'), atMost('60'), atMost('+Inf')]).toEqual([
      2, 3, 4, 4, 5,
    ]);
    expect(buckets.find(({ name }) => name.endsWith('_sum'))?.value).toBeCloseTo(90.2812, 6);
  });

  it('gives back any text in a label unchanged', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' }), { maxLength: 8 }), (fields) => {
        const metrics = createMetrics('chain "with"\n\\odd{name}');
        for (const field of fields)
          metrics.counter('fallback_loss_cells_total', { field, kind: 'nulled' }).add(1);
        const samples = parsePrometheus(metrics.render()).get('fallback_loss_cells_total')?.samples ?? [];
        expect(samples.map(({ labels }) => labels.get('field'))).toEqual(fields);
      }),
    );
  });

  it('gives the same series for the same labels (M1)', () => {
    const metrics = createMetrics('c');
    const labels = { tier: 'primary', disposition: 'delivered', reason: '' };
    metrics.counter('fallback_records_total', labels).add(2);
    metrics.counter('fallback_records_total', { ...labels }).add(5);
    expect(valuesOf(metrics.render(), 'fallback_records_total')).toEqual([7]);
  });

  it('counts label values beyond the limit under one series and keeps the total (M2)', () => {
    const metrics = createMetrics('c', { seriesMax: 10 });
    for (let i = 0; i < 100; i += 1) {
      metrics.counter('fallback_loss_cells_total', { field: `f${i}`, kind: 'nulled' }).add(1);
    }
    const samples = parsePrometheus(metrics.render()).get('fallback_loss_cells_total')?.samples ?? [];
    expect(samples).toHaveLength(10);
    expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(100);
    expect(samples.find(({ labels }) => labels.get('field') === 'other')?.value).toBe(91);
  });

  it('reads gauges at each scrape and leaves out one that throws (M3)', () => {
    const metrics = createMetrics('c');
    let depth = 1;
    metrics.gauge('deferred_reconciliation_queue_depth', {}, () => depth);
    metrics.gauge('quarantine_rows', { reason: 'refused' }, () => {
      throw new Error('closed');
    });
    expect(valuesOf(metrics.render(), 'deferred_reconciliation_queue_depth')).toEqual([1]);
    depth = 9;
    const text = metrics.render();
    expect(valuesOf(text, 'deferred_reconciliation_queue_depth')).toEqual([9]);
    expect(valuesOf(text, 'quarantine_rows')).toEqual([]);
  });

  it('replaces the reader of a gauge that is registered again', () => {
    const metrics = createMetrics('c');
    metrics.gauge('replay_lag_seconds', {}, () => 1);
    metrics.gauge('replay_lag_seconds', {}, () => Number.POSITIVE_INFINITY);
    expect(valuesOf(metrics.render(), 'replay_lag_seconds')).toEqual([Number.POSITIVE_INFINITY]);
  });

  it('renders nothing at all before the first series', () => {
    expect(createMetrics('c').render()).toBe('');
  });

  it('names every metric and label as Prometheus requires, with a help text', () => {
    for (const [name, { help, labels }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(help).toMatch(/^[A-Z].+\.$/);
      for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
    }
    expect(Object.keys(METRICS).length).toBeGreaterThan(15);
  });
});
