/** Degraded rows of a whole pipeline over a real database, upgraded in place when the schema gets wider. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, EventBus, functionSink, memorySink, type SinkRecord } from '../../src/index.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { expireSettled } from '../../src/reconcile/retention.ts';
import { readSettlement } from '../../src/reconcile/settlement.ts';
import { longestTurn } from '../support/cpu-time.ts';
import { type DegradedPipeline, degradedPipeline, drifted, narrow, siteOf, wide } from './degraded-pipeline.ts';

let pipeline: DegradedPipeline;
beforeEach(async () => {
  pipeline = await degradedPipeline();
});
afterEach(() => pipeline.close());

const objects = (): readonly string[] =>
  pipeline.store.keys.filter((key) => key.startsWith('heal/') && key.endsWith('.parquet'));
const beside = (end: RegExp): readonly string[] =>
  pipeline.store.keys.filter((key) => key.startsWith('heal/') && end.test(key));
const sites = (): readonly unknown[] => pipeline.rows().map((row) => row['site']);

describe('healing', () => {
  it('brings the original values into the sink byte for byte when the schema takes them, and settles', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), '{"id":2,"title":"fits"}', drifted(3)]);
    expect(Object.keys(pipeline.rows()[0] ?? {})).toEqual(['tierfall_key', 'id', 'title']);
    const before = pipeline.rows().map((row) => row['tierfall_key']);
    const report = await fallback.heal({ schema: wide() });
    expect(report).toMatchObject({
      objects: 1,
      settled: 1,
      rows: 2,
      healed: 2,
      pending: 0,
      obstacle: undefined,
    });
    expect(sites()).toEqual([siteOf(1), null, siteOf(3)]);
    expect(pipeline.rows().map((row) => row['tierfall_key'])).toEqual(before);
    const found = await readSettlement(pipeline.store, objects()[0] ?? '');
    expect(found).toMatchObject({
      state: 'valid',
      settlement: { rows: 2, delivered: 2, alreadyHeld: 0, proof: { checked: 'lookup', missing: [] } },
    });
  });

  it('does nothing more in a second run', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1)]);
    await fallback.heal({ schema: wide() });
    const { upgrades } = pipeline.sink;
    const keys = pipeline.store.keys;
    const again = await fallback.heal({ schema: wide() });
    expect(again).toMatchObject({ objects: 0, rows: 0, healed: 0 });
    expect([pipeline.sink.upgrades, pipeline.store.keys]).toEqual([upgrades, keys]);
  });

  it('leaves rows for a later schema that do not conform, and does not read them again under the same one', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), '{"id":"2","title":"text id","site":"x"}', drifted(3)]);
    expect(await fallback.heal({ schema: wide() })).toMatchObject({
      settled: 0,
      healed: 2,
      pending: 1,
      reasons: { 'schema-mismatch': 1 },
    });
    expect(sites()).toEqual([siteOf(1), null, siteOf(3)]);
    expect(beside(/settled/)).toEqual([]);
    const { upgrades } = pipeline.sink;
    const gets = pipeline.store.calls('get');
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ healed: 0, pending: 1 });
    expect(pipeline.sink.upgrades).toBe(upgrades);
    expect(pipeline.store.calls('get') - gets, 'only the document about it').toBe(1);
    expect(await fallback.report({ heals: true })).toMatchObject({
      heals: { objects: 1, settled: 0, rows: 3, healed: 2, degraded: 1 },
    });
  });

  it('upgrades nothing under the schema that rows were degraded under', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1)]);
    expect(await fallback.heal()).toMatchObject({ healed: 0, pending: 1, reasons: { 'schema-mismatch': 1 } });
    expect(pipeline.sink.upgrades).toBe(0);
  });

  it('never overwrites a version of the record that came later', async () => {
    const fallback = await pipeline.open({ schema: narrow(true) });
    await pipeline.submit(fallback, [drifted(1), drifted(2)]);
    pipeline.sql("UPDATE records SET title = 'newer' WHERE id = 1");
    expect(await fallback.heal({ schema: wide(true) })).toMatchObject({ healed: 1, superseded: 1, settled: 1 });
    expect(pipeline.rows().map(({ id, title, site }) => [id, title, site])).toEqual([
      [1, 'newer', null],
      [2, 't2', siteOf(2)],
    ]);
    const [ref = ''] = objects();
    expect(await readSettlement(pipeline.store, ref)).toMatchObject({
      settlement: { rows: 2, delivered: 1, alreadyHeld: 1 },
    });
  });

  it('keeps the first of two records of one key, as the sink did', async () => {
    const fallback = await pipeline.open({ schema: narrow(true) });
    await pipeline.submit(fallback, [drifted(1, 'first')], 'a');
    await pipeline.submit(fallback, [drifted(1, 'second')], 'b');
    expect(await fallback.heal({ schema: wide(true) })).toMatchObject({ healed: 1, superseded: 1 });
    expect(sites()).toEqual(['first']);
  });

  it('writes no row that the sink does not hold', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), drifted(2)]);
    pipeline.sql('DELETE FROM records WHERE id = 1');
    expect(await fallback.heal({ schema: wide() })).toMatchObject({
      healed: 1,
      pending: 1,
      reasons: { absent: 1 },
    });
    expect(pipeline.rows()).toHaveLength(1);
    // It is looked for each time: it may have been waiting in replay.
    expect(await fallback.heal({ schema: wide() })).toMatchObject({
      healed: 0,
      pending: 1,
      reasons: { absent: 1 },
    });
  });

  it('gives up a row only when the sink let go of it in its own time', async () => {
    Object.defineProperty(pipeline.sink, 'retentionMs', { value: 0 });
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), drifted(2)]);
    pipeline.sql('DELETE FROM records WHERE id = 1');
    expect(await fallback.heal({ schema: wide() })).toMatchObject({
      healed: 1,
      gone: 1,
      pending: 0,
      settled: 1,
    });
  });

  it('heals rows that were degraded when they were replayed', async () => {
    const fallback = await pipeline.open({ retry: { attemptsMax: 1 } });
    pipeline.sink.down('unauthorised');
    await pipeline.submit(fallback, [drifted(1), drifted(2)]);
    pipeline.sink.up();
    await fallback.reconcile();
    expect(await fallback.report()).toMatchObject({ rows: 2, degraded: 2 });
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ healed: 2, settled: 1 });
    expect(sites()).toEqual([siteOf(1), siteOf(2)]);
  });

  it('heals rows whose delivery had an unknown outcome, once they are known to be there', async () => {
    const fallback = await pipeline.open({ retry: { attemptsMax: 1 } });
    pipeline.sink.failNext('ambiguous', 1, { applied: true });
    await pipeline.submit(fallback, [drifted(1)], 'landed');
    pipeline.sink.failNext('ambiguous');
    await pipeline.submit(fallback, [drifted(2)], 'lost');
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ healed: 1, reasons: { absent: 1 } });
    await fallback.reconcile();
    expect(await fallback.report()).toMatchObject({ rows: 2, alreadyHeld: 1, degraded: 1, pending: 0 });
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ pending: 0, superseded: 0 });
    expect(sites()).toEqual([siteOf(1), siteOf(2)]);
  });

  it('stops at a sink that is away, and goes on from there', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1)]);
    pipeline.sink.down('unavailable');
    const report = await fallback.heal({ schema: wide() });
    expect(report).toMatchObject({ healed: 0, pending: 1, reasons: { unavailable: 1 } });
    expect(report.obstacle).toMatch(/^unavailable/);
    pipeline.sink.up();
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ healed: 1, settled: 1 });
  });

  it('sends fewer rows at once when the sink asks for that', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), drifted(2), drifted(3)]);
    pipeline.sink.failNext('too-large', 2);
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ healed: 3, settled: 1 });
    expect(sites()).toEqual([1, 2, 3].map((id) => siteOf(id)));
  });

  it('changes nothing in a dry run, and counts what it would try', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), '{"id":"2","site":"x"}']);
    await fallback.flush();
    const { keys } = pipeline.store;
    expect(await fallback.heal({ schema: wide(), dryRun: true })).toMatchObject({
      healed: 1,
      pending: 2,
      dryRun: true,
    });
    expect([pipeline.store.keys, pipeline.sink.upgrades]).toEqual([keys, 0]);
  });

  it('leaves out objects whose hour was over before the given time', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1)]);
    const inAnHour = new Date(Date.now() + 3_600_001);
    expect(await fallback.heal({ schema: wide(), since: inAnHour })).toMatchObject({ objects: 0 });
    expect(await fallback.heal({ schema: wide(), since: new Date() })).toMatchObject({ objects: 1, healed: 1 });
  });

  it('finds the newest schema of a registry by itself', async () => {
    const registry = { latest: async () => ({ schema: narrow().schema, version: 1 }) };
    const fallback = await pipeline.open({ registry });
    await pipeline.submit(fallback, [drifted(1)]);
    Object.assign(registry, { latest: async () => ({ schema: wide().schema, version: 2 }) });
    expect(await fallback.heal()).toMatchObject({ healed: 1, settled: 1 });
  });

  it('is done by the timer of a worker, told by an event and counted', async () => {
    const first = await pipeline.open();
    await pipeline.submit(first, [drifted(1), drifted(2)]);
    await first.flush();
    await first.close();
    const told: unknown[] = [];
    const bus = new EventBus();
    bus.on('rowsHealed', (event) => told.push(event));
    const second = await pipeline.open({ bus, schema: wide(), worker: { heal: { everyMs: 20 } } });
    for (let tries = 0; tries < 500 && told.length === 0; tries += 1) await sleep(10);
    expect(told).toMatchObject([{ healed: 2, superseded: 0, pending: 0, settled: true }]);
    expect(sites()).toEqual([siteOf(1), siteOf(2)]);
    await second.close();
    expect(second.metrics.render()).toContain('fallback_healed_rows_total{chain="default",outcome="healed"} 2');
    const { upgrades } = pipeline.sink;
    await sleep(60);
    expect(pipeline.sink.upgrades, 'nobody heals after the close').toBe(upgrades);
  });

  it('upgrades each row once however many heal at the same time', async () => {
    const fallback = await pipeline.open();
    for (let n = 0; n < 5; n += 1) await pipeline.submit(fallback, [drifted(2 * n), drifted(2 * n + 1)]);
    const reports = await Promise.all([1, 2, 3].map(() => fallback.heal({ schema: wide() })));
    expect(reports.map(({ pending, superseded }) => [pending, superseded])).toEqual(Array(3).fill([0, 0]));
    expect(sites()).toEqual(Array.from({ length: 10 }, (_, id) => siteOf(id)));
  });

  it('reports an object that is damaged, and heals the others', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1)]);
    await fallback.flush();
    await pipeline.submit(fallback, [drifted(2)]);
    await fallback.flush();
    const [first = ''] = objects();
    pipeline.store.damage(first, (body) => body.fill(0, 40, 60));
    const report = await fallback.heal({ schema: wide() });
    expect(report).toMatchObject({ healed: 1, settled: 1, unreadable: [{ ref: first }] });
  });

  it('looks again at rows whose document is damaged, and changes nothing by that', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), '{"id":"2","site":"x"}']);
    await fallback.heal({ schema: wide() });
    const [document = ''] = beside(/\.healed-/);
    pipeline.store.damage(document, (body) => body.fill(32, 10, 20));
    pipeline.sql("UPDATE records SET title = 'edited after' WHERE id = 2");
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ healed: 1, pending: 1 });
    expect(pipeline.rows()[0]).toMatchObject({ site: siteOf(1) });
  });

  it('expires only what is settled', async () => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1)]);
    await fallback.heal({ schema: wide() });
    await pipeline.submit(fallback, ['{"id":"2","site":"x"}']);
    await fallback.heal({ schema: wide() });
    expect(objects()).toHaveLength(2);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const options = { store: pipeline.store, chain: 'default', clock: systemClock, settledTtlMs: 1 };
    expect(await expireSettled(options)).toEqual({ objects: 1, rows: 1 });
    expect(objects()).toHaveLength(1);
    expect(beside(/./).every((key) => key.startsWith((objects()[0] ?? '').slice(0, -8)))).toBe(true);
    const { expired, heals, balanced } = await fallback.report({ heals: true });
    expect([expired.objects, expired.heals, heals?.degraded, balanced]).toEqual([
      0,
      { objects: 1, rows: 1 },
      1,
      true,
    ]);
  });

  it('lets others run while a large object is healed', async () => {
    const fallback = await pipeline.open();
    const lines = Array.from({ length: 30_000 }, (_, id) => drifted(id));
    await pipeline.submit(fallback, lines);
    await fallback.flush();
    const stop = longestTurn();
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ healed: 30_000, settled: 1 });
    // 500 rows are one transaction of SQLite, which is synchronous.
    expect(stop()).toBeLessThan(35);
  });
});

describe('a sink', () => {
  it('of bytes, or one that keeps doubles, is refused', async () => {
    const appending = functionSink(async () => undefined, { name: 'appending' });
    const fallback = await pipeline.open({ sink: appending });
    await expect(fallback.heal({ schema: wide() })).rejects.toThrow(ConfigError);
    await expect(fallback.heal({ schema: wide() })).rejects.toThrow(
      /appending cannot heal: it is not idempotent/,
    );
    await fallback.close();
    const bytes = await pipeline.open({ sink: memorySink({ accepts: 'bytes' }) });
    await expect(bytes.heal({ schema: wide() })).rejects.toThrow(/takes bytes only/);
  });

  it('that cannot compare heals rows that no other record can have the key of, and no others', async () => {
    const held = new Map<string, SinkRecord>();
    const sink = functionSink(
      (records, { keys, mode }) => {
        for (const [at, key] of keys.entries()) {
          if (mode === 'upgrade' || !held.has(key)) held.set(key, records[at] ?? {});
        }
      },
      {
        idempotent: true,
        name: 'upserting',
        lookup: async (keys) => new Set(keys.filter((key) => held.has(key))),
      },
    );
    const fallback = await pipeline.open({ sink });
    await pipeline.submit(fallback, [drifted(1), drifted(2)]);
    const [gone = ''] = held.keys();
    held.delete(gone);
    await expect(fallback.heal({ schema: wide(true) })).rejects.toThrow(/cannot compare/);
    const report = await fallback.heal({ schema: wide() });
    expect(report).toMatchObject({ healed: 1, pending: 1, reasons: { absent: 1 } });
    expect([...held.values()].map(({ site }) => site)).toEqual([siteOf(2)]);
  });
});

describe('a heal that is interrupted', () => {
  it.each([
    ['before the sink is asked', (p: DegradedPipeline) => p.sink.failNext('unavailable')],
    [
      'after the sink has upgraded, with a lost answer',
      (p: DegradedPipeline) => p.sink.failNext('ambiguous', 1, { applied: true }),
    ],
    ['when it writes down what is decided', (p: DegradedPipeline) => p.store.failNext('put')],
    [
      'when it settles',
      (p: DegradedPipeline) => {
        const put = p.store.put.bind(p.store);
        p.store.put = async (key, chunks, options) => {
          if (!key.includes('.settled')) return put(key, chunks, options);
          p.store.put = put;
          throw new Error('killed');
        };
      },
    ],
  ])('%s is repeated without harm', async (_, interrupt) => {
    const fallback = await pipeline.open();
    await pipeline.submit(fallback, [drifted(1), drifted(2)]);
    await fallback.flush();
    interrupt(pipeline);
    await fallback.heal({ schema: wide() }).catch(() => undefined);
    expect(beside(/settled/)).toEqual([]);
    expect(await fallback.heal({ schema: wide() })).toMatchObject({ settled: 1, superseded: 0, pending: 0 });
    expect(sites()).toEqual([siteOf(1), siteOf(2)]);
    const [ref = ''] = objects();
    expect(await readSettlement(pipeline.store, ref)).toMatchObject({ settlement: { rows: 2, delivered: 2 } });
  });
});
