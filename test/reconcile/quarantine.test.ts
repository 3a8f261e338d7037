import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/core/keys.ts';
import type { RawEntry } from '../../src/journal/journal.ts';
import type { RowToQuarantine } from '../../src/reconcile/quarantine.ts';
import { quarantinePrefix } from '../../src/reconcile/quarantine-object.ts';
import { storeQuarantine } from '../../src/reconcile/store-quarantine.ts';
import { CHAIN, createScene, entryOf, type Scene } from './scene.ts';

function rowOf(row: number, changes: Partial<RowToQuarantine> = {}): RowToQuarantine {
  return {
    ref: `chain=${CHAIN}/date=2026-11-20/hour=00/part=0/0-a.parquet`,
    entry: 7,
    row,
    batchKey: 'b'.repeat(32),
    originalRow: row + 100,
    orderingKey: undefined,
    priority: 'normal',
    format: 'ndjson',
    attributes: { 'x"y': 'z' },
    receivedAtMs: 5,
    trail: '[]',
    reason: row % 2 === 0 ? 'refused' : 'undecodable',
    detail: undefined,
    attempts: 1,
    body: Uint8Array.of(row, 0, 255, 10),
    ...changes,
  };
}

describe('the quarantine', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  const objects = (): string[] => scene.store.keys.filter((key) => key.startsWith(quarantinePrefix(CHAIN)));

  it('gives rows back with their bytes and everything known about them', async () => {
    const given = rowOf(3, { orderingKey: 'k', detail: 'its own words', priority: 'low' });
    expect(await scene.quarantine.add([given])).toBe(1);
    const [row] = await scene.quarantine.list();
    expect(row).toMatchObject({ ...given, body: expect.anything(), state: 'held' });
    expect(Uint8Array.from(row?.body ?? [])).toEqual(given.body);
    expect(await scene.quarantine.get(row?.id ?? '')).toEqual(row);
    expect(await scene.quarantine.get('0'.repeat(32))).toBeUndefined();
  });

  it('holds a row once however often, and in whatever company, it is added', async () => {
    expect(await scene.quarantine.add([rowOf(1), rowOf(2)])).toBe(2);
    expect(await scene.quarantine.add([rowOf(1), rowOf(2)])).toBe(0);
    expect(await scene.quarantine.add([rowOf(2), rowOf(3)])).toBe(1);
    expect(objects()).toHaveLength(2);
    expect((await scene.quarantine.list()).map(({ row }) => row)).toEqual([1, 2, 3]);
  });

  it('adds nothing twice when the state file was lost between the object and its index', async () => {
    await scene.quarantine.add([rowOf(1), rowOf(2)]);
    await scene.state.transact((session) => session.run('DELETE FROM quarantine'));
    await scene.quarantine.add([rowOf(1), rowOf(2)]);
    expect(objects()).toHaveLength(1);
    await scene.state.transact((session) => session.run('DELETE FROM quarantine'));
    await scene.quarantine.add([rowOf(2), rowOf(3)]);
    await scene.quarantine.rebuild();
    expect((await scene.quarantine.list()).map(({ row }) => row)).toEqual([1, 2, 3]);
  });

  it('indexes nothing when the store fails, and everything when it is tried again', async () => {
    await scene.quarantine.counts();
    scene.store.failNext('put');
    await expect(scene.quarantine.add([rowOf(1)])).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect(await scene.quarantine.asideOf(rowOf(1).ref)).toEqual(new Map());
    expect(await scene.quarantine.add([rowOf(1)])).toBe(1);
  });

  it('cuts many rows into objects of at most 1000 rows and 4 MiB', async () => {
    const many = Array.from({ length: 2500 }, (_, n) => rowOf(n, { reason: 'refused' }));
    await scene.quarantine.add(many);
    expect(objects()).toHaveLength(3);
    const wide = Array.from({ length: 3 }, (_, n) => rowOf(n, { entry: 8, body: new Uint8Array(3 << 20) }));
    await scene.quarantine.add(wide);
    expect(objects()).toHaveLength(6);
    expect(await scene.quarantine.counts()).toMatchObject([{ reason: 'refused', held: 2502 }, { held: 1 }]);
  });

  it('lists by reason and by object, up to a limit', async () => {
    await scene.quarantine.add([rowOf(1), rowOf(2), rowOf(3), rowOf(4, { ref: 'chain=orders/other.parquet' })]);
    const rowsOf = async (filter: Parameters<typeof scene.quarantine.list>[0]) =>
      (await scene.quarantine.list(filter)).map(({ row }) => row);
    expect(await rowsOf({ reason: 'undecodable' })).toEqual([1, 3]);
    expect(await rowsOf({ ref: 'chain=orders/other.parquet' })).toEqual([4]);
    expect(await rowsOf({ limit: 2 })).toHaveLength(2);
    expect(await rowsOf({ reason: 'no such' })).toEqual([]);
  });

  it('builds an index again that knew neither ordering keys nor times, and keeps what was decided', async () => {
    await scene.quarantine.add([
      rowOf(1, { orderingKey: 'k' }),
      rowOf(2, { entry: 8 }),
      rowOf(3, { orderingKey: 'k' }),
    ]);
    const [first] = await scene.quarantine.list();
    await scene.quarantine.discard([first?.id ?? '']);
    await scene.state.transact((session) => {
      session.run('UPDATE quarantine SET ordering_key = NULL, quarantined_at = NULL');
      session.run("UPDATE state_facts SET name = replace(name, 'quarantine-index-2:', 'quarantine-index:')");
    });
    expect((await scene.quarantine.list({ orderingKey: 'k' })).map(({ row }) => row)).toEqual([3]);
    expect(await scene.quarantine.list({ since: new Date(0) })).toHaveLength(2);
    expect(await scene.quarantine.list({ since: new Date(scene.clock.wallNow() + 1) })).toEqual([]);
  });

  it('builds its index from the store when the state file is new, before it answers', async () => {
    await scene.quarantine.add([rowOf(1), rowOf(2), rowOf(3)]);
    const ids = (await scene.quarantine.list()).map(({ id }) => id);
    await scene.quarantine.discard(ids.slice(0, 1));
    await scene.quarantine.release(ids.slice(1, 2));
    await scene.state.close();
    for (const end of ['', '-wal', '-shm']) await rm(`${scene.place.file}${end}`, { force: true });
    const next = await scene.reopen();
    expect(await next.quarantine.asideOf(rowOf(1).ref)).toEqual(new Map([[7, new Set([1, 2, 3])]]));
    const sum = { held: 0, released: 0, discarded: 0 };
    for (const count of await next.quarantine.counts()) {
      sum.held += count.held;
      sum.released += count.released;
      sum.discarded += count.discarded;
    }
    expect(sum).toEqual({ held: 1, released: 1, discarded: 1 });
    expect((await next.quarantine.get(ids[0] ?? ''))?.state).toBe('discarded');
  });

  it('reports objects it cannot read, and serves the others', async () => {
    await scene.quarantine.add([rowOf(1)]);
    await scene.quarantine.add([rowOf(2)]);
    const [first = ''] = objects();
    scene.store.damage(first, (body) => body.fill(0, 0, 30));
    expect(await scene.quarantine.rebuild()).toEqual({ rows: 1, damaged: [first] });
  });

  it('changes nothing in a dry run, and says which rows would be meant', async () => {
    await scene.quarantine.add([rowOf(1), rowOf(2)]);
    const before = scene.store.keys;
    expect(await scene.quarantine.release({}, { dryRun: true })).toHaveLength(2);
    expect(await scene.quarantine.discard({ reason: 'refused' }, { dryRun: true })).toHaveLength(1);
    expect(scene.store.keys).toEqual(before);
    expect(await scene.quarantine.list()).toHaveLength(2);
  });

  it('releases a row as its own entry under its original identity, durable before it is marked', async () => {
    const deferred: RawEntry[] = [];
    const { store, clock, state } = scene;
    let fails = true;
    const defer = async (entries: readonly RawEntry[]): Promise<void> => {
      if (fails) throw new Error('no room');
      deferred.push(...entries);
    };
    const quarantine = storeQuarantine({ store, chain: CHAIN, clock, index: state, defer });
    await quarantine.add([rowOf(4, { orderingKey: 'k' })]);
    await expect(quarantine.release({})).rejects.toThrow('no room');
    expect(await quarantine.list()).toHaveLength(1);
    fails = false;
    const ids = await quarantine.release({});
    expect(ids).toHaveLength(1);
    expect(deferred).toEqual([
      expect.objectContaining({
        purpose: 'replay',
        key: 'b'.repeat(32),
        rows: [104],
        rowCount: 1,
        orderingKey: 'k',
        sha256: sha256(rowOf(4).body),
      }),
    ]);
    expect(Uint8Array.from(deferred[0]?.body ?? [])).toEqual(rowOf(4).body);
    expect(await quarantine.list()).toEqual([]);
    expect(await quarantine.release(ids)).toEqual([]);
  });

  it('never discards what was released, nor the other way round', async () => {
    await scene.quarantine.add([rowOf(1)]);
    const ids = await scene.quarantine.discard({});
    expect(await scene.quarantine.release(ids)).toEqual([]);
    expect((await scene.quarantine.get(ids[0] ?? ''))?.state).toBe('discarded');
  });
});

describe('quarantine and replay together', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await createScene();
  });
  afterEach(() => scene.close());

  const texts = ['{"id":1}', '{"id":2}', '{"id":3}', '{"id":4}'];

  it('lands a released row under the key it always had, and the account balances all the way', async () => {
    const entry = entryOf(texts);
    await scene.put(0, [entry]);
    scene.chain.judge = (text) => (/[24]/.test(text) ? { reason: 'refused' } : undefined);
    await scene.until(scene.worker().drain());
    expect(await scene.report()).toMatchObject({ rows: 4, delivered: 2, quarantined: 2, balanced: true });
    scene.chain.judge = () => undefined;
    const rows = await scene.quarantine.list();
    await scene.quarantine.release(rows.slice(0, 1).map(({ id }) => id));
    expect(await scene.report()).toMatchObject({
      rows: 4,
      quarantined: 1,
      pending: 1,
      released: 1,
      balanced: true,
    });
    await scene.until(scene.worker().drain());
    expect(await scene.report()).toMatchObject({
      rows: 4,
      delivered: 3,
      quarantined: 1,
      pending: 0,
      balanced: true,
    });
    expect([...scene.chain.rows.keys()].sort()).toEqual([0, 1, 2].map((row) => `${entry.key}-${row}`));
    await scene.quarantine.discard({});
    expect(await scene.report()).toMatchObject({
      rows: 4,
      delivered: 3,
      discarded: 1,
      quarantined: 0,
      balanced: true,
    });
  });

  it('takes a released row back when it fails again', async () => {
    await scene.put(0, [entryOf(texts)]);
    scene.chain.judge = (text) => (text.includes('2') ? { reason: 'refused' } : undefined);
    await scene.until(scene.worker().drain());
    await scene.quarantine.release({});
    await scene.until(scene.worker().drain());
    expect(await scene.quarantine.list()).toMatchObject([{ originalRow: 1, reason: 'refused' }]);
    expect(await scene.report()).toMatchObject({
      rows: 4,
      delivered: 3,
      quarantined: 1,
      released: 1,
      balanced: true,
    });
  });

  it('lands a row that was released, failed again for the same reason, and was released again', async () => {
    await scene.put(0, [entryOf(texts)]);
    scene.chain.judge = (text) => (text.includes('2') ? { reason: 'refused', detail: 'no' } : undefined);
    for (let round = 0; round < 3; round += 1) {
      await scene.until(scene.worker().drain());
      expect(await scene.report()).toMatchObject({ rows: 4, delivered: 3, quarantined: 1, balanced: true });
      expect(await scene.quarantine.release({})).toHaveLength(1);
    }
    scene.chain.judge = () => undefined;
    await scene.until(scene.worker().drain());
    expect(scene.chain.rows.size).toBe(4);
    expect(await scene.report()).toMatchObject({
      rows: 4,
      delivered: 4,
      quarantined: 0,
      released: 3,
      balanced: true,
    });
  });

  it('does not send a quarantined row again when its object has to wait', async () => {
    await scene.put(0, [entryOf(texts)]);
    let outage = 3;
    scene.chain.judge = (text) => {
      if (text.includes('2')) return { reason: 'refused' };
      return text.includes('4') && outage-- > 0 ? { reason: 'unavailable' } : undefined;
    };
    await scene.until(scene.worker({ sink: {} }).drain());
    const sent = scene.chain.seen.map((batch) => batch.rowCount);
    expect(sent).toEqual([4, 3, 3, 3]);
    expect(await scene.report()).toMatchObject({ delivered: 3, quarantined: 1, balanced: true });
  });

  it('cuts csv and json bodies so that a row alone is still of its format', async () => {
    const csv = Buffer.from('id,name\r\n1,"a, b"\r\n2,c\r\n');
    const json = Buffer.from('[{"id":1},\n {"id":2}]');
    const shared = { rowCount: 2, rows: undefined };
    await scene.put(0, [
      entryOf([], { ...shared, format: 'csv', body: csv, sha256: sha256(csv), key: 'c'.repeat(32) }),
      entryOf([], { ...shared, format: 'json', body: json, sha256: sha256(json), key: 'd'.repeat(32) }),
    ]);
    scene.chain.judge = (text) => (/^2|2}/.test(text) ? undefined : { reason: 'refused' });
    await scene.until(scene.worker().drain());
    const bodies = (await scene.quarantine.list()).map(({ body }) => Buffer.from(body).toString());
    expect(bodies[0]).toContain('id,name');
    expect(bodies[0]).toContain('1,"a, b"');
    expect(JSON.parse(bodies[1] ?? '')).toEqual({ id: 1 });
    scene.chain.judge = () => undefined;
    await scene.quarantine.release({});
    await scene.until(scene.worker().drain());
    expect(scene.chain.rows.get(`${'c'.repeat(32)}-0`)).toBe('1,"a, b"');
    expect(await scene.report()).toMatchObject({ rows: 4, delivered: 4, balanced: true });
  });

  it('notices that rows vanished from the quarantine', async () => {
    await scene.put(0, [entryOf(texts)]);
    scene.chain.judge = (text) => (text.includes('2') ? { reason: 'refused' } : undefined);
    await scene.until(scene.worker().drain());
    const [key = ''] = scene.store.keys.filter((name) => name.startsWith('quarantine/'));
    await scene.store.delete(key);
    expect(await scene.report()).toMatchObject({ rows: 4, delivered: 3, quarantined: 0, balanced: false });
  });
});
