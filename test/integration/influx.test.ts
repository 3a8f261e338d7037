import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import { SinkError } from '../../src/core/errors.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { type InfluxSinkOptions, influxSink } from '../../src/sinks/influx-sink.ts';
import type { Sink, WriteRequest } from '../../src/sinks/sink.ts';
import { faultProxy } from '../../src/testing/fault-proxy.ts';
import { type SinkHarness, sinkContract } from '../../src/testing/sink-contract.ts';
import { type InfluxServer, startInflux } from '../support/influx-server.ts';

let server: InfluxServer;
beforeAll(async () => {
  server = await startInflux();
});
afterAll(() => server[Symbol.asyncDispose]());

const POISON = 2n ** 64n;

/** Points of one time, told apart by their key: as a tag. */
async function keyed(): Promise<SinkHarness> {
  const db = await server.database();
  const sink = influxSink({
    url: server.url,
    db,
    compression: 'gzip',
    clock: systemClock,
    point: { measurement: 'contract', time: () => 0n, key: { tag: 'tierfall_key' } },
  });
  return {
    sink,
    rows: async () => {
      const rows = new Map<string, ReadonlyMap<string, unknown>>();
      for (const { columns, values } of await server.query(db, 'SELECT * FROM contract')) {
        for (const value of values) {
          const row = new Map(columns.map((column, at) => [column, value[at]]));
          rows.set(decodedKey(String(row.get('tierfall_key'))), row);
        }
      }
      return rows;
    },
    cell: (row, { name, type }) => {
      const cell = (row as ReadonlyMap<string, unknown>)?.get(name) ?? null;
      return type === 'float' && typeof cell === 'bigint' ? Number(cell) : cell;
    },
    close: async () => {
      await sink.close?.();
      await server.query('', `DROP DATABASE "${db}"`);
    },
  };
}

function decodedKey(spelled: string): string {
  return spelled === '%' ? '' : decodeURIComponent(spelled);
}

describe('influxSink of records, on InfluxDB 1.x', () => {
  const cases = sinkContract(keyed, { poison: POISON, overwrites: true });
  for (const { name, run } of cases) it(name, run);

  it('has cases at all', () => {
    expect(cases.length).toBeGreaterThan(10);
  });
});

function lines(body: string, rows: WriteRequest['rows'] = 'all'): WriteRequest {
  const batch = new Batch({ body, format: 'line-protocol' }, 'influx', framer, 0);
  const keys = Array.from({ length: batch.rowCount }, (_, row) => batch.rowKey(row));
  const signal = new AbortController().signal;
  return { batch, rows, columns: undefined, records: undefined, keys, attemptId: 'a', mode: 'insert', signal };
}

async function rig(options: Partial<InfluxSinkOptions> = {}): Promise<{ db: string; sink: Sink }> {
  const db = await server.database();
  const sink = influxSink({ url: server.url, db, clock: systemClock, ...options });
  onTestFinished(async () => {
    await sink.close?.();
    await server.query('', `DROP DATABASE "${db}"`);
  });
  return { db, sink };
}

async function timesIn(db: string, measurement = 'm'): Promise<readonly unknown[]> {
  const series = await server.query(db, `SELECT * FROM "${measurement}"`);
  return series.flatMap(({ values }) => values.map(([time]) => time));
}

async function faultOf(work: Promise<unknown>): Promise<SinkError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SinkError);
  return error as SinkError;
}

describe('influxSink of bytes, on InfluxDB 1.x', () => {
  it('lands points with every oddity of line protocol, in any precision', async () => {
    const { db, sink } = await rig({ precision: 'ms', compression: 'gzip' });
    const body =
      '# a comment\nm,t=a\\ b f=1,s="say \\"hi\\"\nand more" 1\n\nm,t=c i=9007199254740993i,b=t 2 \n';
    expect(await sink.write(lines(body))).toBeUndefined();
    const [series] = await server.query(db, 'SELECT * FROM m');
    expect(series?.columns).toEqual(['time', 'b', 'f', 'i', 's', 't']);
    expect(series?.values).toEqual([
      [1_000_000n, null, 1n, null, 'say "hi"\nand more', 'a b'],
      [2_000_000n, true, null, 9007199254740993n, null, 'c'],
    ]);
  });

  it('lands lines with the ends of another system, and a mark in front', async () => {
    const { db, sink } = await rig();
    expect(await sink.write(lines('\ufeffm f=1 1\r\nm f=2 2\r\n'))).toBeUndefined();
    expect(await timesIn(db)).toEqual([1n, 2n]);
  });

  it('names lines that cannot be read, with the words of the server, and the others are in', async () => {
    const { db, sink } = await rig();
    const result = await sink.write(lines('m f= 1\nm f=2 2\nm g=u 3\nm f=4 4\nm f= 1\n'));
    expect(result?.residue).toEqual([
      { rows: [0, 4], reason: 'refused', detail: `influx:${db}: missing field value` },
      { rows: [2], reason: 'refused', detail: expect.stringMatching(/: invalid (boolean|number|field)/) },
    ]);
    expect(await timesIn(db)).toEqual([2n, 4n]);
  });

  it('refuses all of them when none can be read', async () => {
    const { db, sink } = await rig();
    const result = await sink.write(lines('m f= 1\nm f=u 2\n'));
    expect(result?.residue.map(({ rows, reason }) => [rows, reason])).toEqual([
      [[0], 'refused'],
      [[1], 'refused'],
    ]);
    expect(await timesIn(db)).toEqual([]);
  });

  it('finds points whose fields are of another type, although the server names the first of them only', async () => {
    const { db, sink } = await rig();
    await sink.write(lines('m f=1 1\n'));
    const bad = new Map([
      [3, 'm f="text" 3'],
      [17, 'm f=t 17'],
      [18, 'm f=7i 18'],
      [90, 'm,t=x f= 90'],
    ]);
    const body = Array.from({ length: 100 }, (_, at) => bad.get(at) ?? `m f=${at} ${at}`).join('\n');
    const result = await sink.write(lines(body));
    const named = (result?.residue ?? []).flatMap(({ rows, reason, whole }) =>
      (rows as readonly number[]).map((row) => [row, reason, whole]),
    );
    expect(named.toSorted()).toEqual([...bad.keys()].toSorted().map((row) => [row, 'refused', undefined]));
    const [first] = result?.residue ?? [];
    expect(first?.detail).toMatch(/missing field value|field type conflict/);
    expect(await timesIn(db)).toEqual(
      Array.from({ length: 100 }, (_, at) => BigInt(at)).filter((at) => !bad.has(Number(at))),
    );
  });

  it('finds points that do not fit each other where the server has no type yet, and says nothing of lines', async () => {
    const { db, sink } = await rig();
    const result = await sink.write(lines('m f=4 4\nm f="x" 5\nm f=6 6\nm f=7 1500000000000000000\n'));
    expect(result?.residue).toMatchObject([{ rows: [1], reason: 'refused' }]);
    expect(await timesIn(db)).toEqual([4n, 6n, 1500000000000000000n]);
  });

  it('finds points that are older than the server keeps any', async () => {
    const { db, sink } = await rig({ precision: 's' });
    await server.query('', `CREATE RETENTION POLICY short ON "${db}" DURATION 1h REPLICATION 1 DEFAULT`);
    const nowS = Math.floor(Date.now() / 1000);
    const result = await sink.write(lines(`m f=1 ${nowS}\nm f=2 1\nm f=3 ${nowS - 1}\n`));
    expect(result?.residue).toMatchObject([{ rows: [1], reason: 'refused' }]);
    expect((await timesIn(db)).length).toBe(2);
  });

  it('refuses points without a time, unless it is to leave them to the server', async () => {
    const { db, sink } = await rig();
    const body = 'm f=1 1\nm f=2\nm,t=3 f=3i\nm f="x 4"\nm f=5 -5\n';
    const result = await sink.write(lines(body));
    expect(result?.residue).toMatchObject([{ rows: [1, 2, 3], reason: 'refused' }]);
    expect(await timesIn(db)).toEqual([-5n, 1n]);
    const other = await rig({ serverTime: true });
    expect(other.sink.idempotent).toBe(false);
    expect(await other.sink.write(lines('m f=2\nm f=3\n'))).toBeUndefined();
    const refused = await other.sink.write(lines('m f=4\nm f="x" 5\nm f=6 6\n'));
    expect(refused?.residue).toMatchObject([{ rows: 'all', reason: 'ambiguous', whole: true }]);
  });

  it('tells database and retention policy that are not there', async () => {
    const { db } = await rig();
    const missing = influxSink({ url: server.url, db: 'nowhere' });
    const policy = influxSink({ url: server.url, db, rp: 'nowhere' });
    for (const sink of [missing, policy]) {
      expect(await faultOf(sink.write(lines('m f=1 1')))).toMatchObject({ reason: 'missing-target' });
    }
  });

  it('writes in parts, and only the rows that it was asked to write', async () => {
    const { db, sink } = await rig({ rowsMax: 7 });
    const body = Array.from({ length: 50 }, (_, at) => `m f=${at} ${at}`).join('\n');
    const rows = Array.from({ length: 25 }, (_, at) => at * 2);
    expect(await sink.write(lines(body, rows))).toBeUndefined();
    expect(await timesIn(db)).toEqual(rows.map(BigInt));
  });

  it('keeps what it was answered for through a crash of the server, and goes on afterwards', async () => {
    const { db, sink } = await rig();
    await sink.write(lines('m f=1 1'));
    await server.kill();
    await server.start();
    await sink.reset?.();
    await sink.write(lines('m f=2 2'));
    expect(await timesIn(db)).toEqual([1n, 2n]);
  });
});

describe('influxSink behind a network that fails', () => {
  it('is ambiguous when the reply was lost, and the same rows are there once when they are sent again', async () => {
    const db = await server.database();
    const proxy = await faultProxy({ port: server.port });
    const sink = influxSink({ url: `http://127.0.0.1:${proxy.port}`, db, clock: systemClock, timeoutMs: 500 });
    onTestFinished(async () => {
      await sink.close?.();
      await proxy.close();
    });
    for (const kind of ['drop-reply', 'half-open', 'black-hole', 'reset'] as const) {
      proxy.failNext({ kind });
      expect(await faultOf(sink.write(lines('m f=1 1\nm f=2 2')))).toMatchObject({ reason: 'ambiguous' });
      expect(await sink.write(lines('m f=1 1\nm f=2 2'))).toBeUndefined();
    }
    await proxy.refuse();
    await sink.reset?.();
    expect(await faultOf(sink.write(lines('m f=1 1')))).toMatchObject({ reason: 'unavailable' });
    expect(await timesIn(db)).toEqual([1n, 2n]);
  });

  it('calls rows ambiguous that were not settled when the server went away while lines were looked for', async () => {
    const db = await server.database();
    const proxy = await faultProxy({ port: server.port });
    const sink = influxSink({ url: `http://127.0.0.1:${proxy.port}`, db, clock: systemClock });
    onTestFinished(async () => {
      await sink.close?.();
      await proxy.close();
    });
    await sink.write(lines('m f=1 1'));
    // The first answer comes through, and names no line; what is asked after it does not arrive.
    proxy.failNext({ kind: 'bandwidth', bytesPerSecond: 1e9 });
    proxy.failNext({ kind: 'refuse' });
    const result = await sink.write(lines('m f="x" 2\nm f= 3\nm f=4 4'));
    expect(result?.residue).toMatchObject([{ rows: 'all', reason: 'ambiguous', whole: true }]);
    expect(await timesIn(db)).toEqual([1n, 4n]);
  });
});

describe('lookup on InfluxDB 1.x', () => {
  it.each([{ tag: 'k' }, { field: 'k' }])('finds the keys that are held, by %o', async (key) => {
    const point = { measurement: { field: 'm' }, tags: ['host'], time: { field: 'at' }, key } as const;
    const { sink } = await rig({ point });
    const keys = Array.from({ length: 450 }, (_, at) => `key ${at}\\'"\n`);
    const records = keys.map((_, at) => ({ m: `m${at % 3}`, host: 'h', at, f: at }));
    expect(await sink.write({ ...lines(''), rows: keys.map((_, at) => at), records, keys })).toBeUndefined();
    const asked = [...keys, 'absent', "x' OR 'a'='a", ''];
    expect(await sink.lookup?.(asked)).toEqual(new Set(keys));
  });

  it('is there only where points carry their keys and the server can be asked', () => {
    const url = 'http://host';
    const point = { measurement: 'm', time: { field: 't' }, key: { tag: 'k' } } as const;
    expect(influxSink({ url, db: 'd' }).lookup).toBeUndefined();
    expect(influxSink({ url, db: 'd', point: { ...point, key: { field: 'k' } } }).lookup).toBeDefined();
    expect(influxSink({ url, db: 'd', point, lookup: false }).lookup).toBeUndefined();
    expect(influxSink({ url, api: 'v3', db: 'd', point }).lookup).toBeUndefined();
  });
});
