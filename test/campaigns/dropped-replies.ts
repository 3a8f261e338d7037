/**
 * Records through a whole pipeline to real servers, over a network that commits and then drops every twentieth reply. Then the
 * target is looked at from outside: every record there, and once. The last target is a control that tells no rows apart: a
 * campaign in which it has no duplicates would prove nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createFallback, httpSink, influxSink, type Sink } from '../../src/index.ts';
import { faultProxy } from '../../src/testing/fault-proxy.ts';
import { recordServer } from '../support/http/record-server.ts';
import { type InfluxServer, startInflux } from '../support/influx-server.ts';

export interface DroppedReplies {
  readonly records: number;
  readonly rowsPerBatch: number;
  /** Part of the replies that are dropped. */
  readonly share: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface DroppedRepliesResult {
  readonly target: string;
  readonly isControl: boolean;
  readonly requests: number;
  readonly dropped: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly pending: number;
  readonly ms: number;
}

interface Target extends AsyncDisposable {
  readonly port: number;
  readonly isControl?: boolean;
  sink(port: number): Sink;
  /** Batch of records `from` and those behind it. */
  batch(ids: readonly number[]): { readonly body: string; readonly format: 'ndjson' | 'line-protocol' };
  /** The record of each row that the target holds. */
  held(): Promise<readonly number[]>;
}

const TIME_OF_ZERO = 1_700_000_000_000_000_000n;

function ndjson(ids: readonly number[]): { readonly body: string; readonly format: 'ndjson' } {
  return {
    body: ids.map((id) => `{"id":${id},"at":${1_700_000_000_000 + id},"v":${id / 4}}`).join('\n'),
    format: 'ndjson',
  };
}

async function httpTarget(appends: boolean): Promise<Target> {
  const server = await recordServer({ appends });
  return {
    port: server.port,
    isControl: appends,
    sink: (port) =>
      httpSink({
        url: `http://127.0.0.1:${port}/`,
        keyField: 'key',
        idempotent: !appends,
        compression: 'zstd',
      }),
    batch: ndjson,
    held: async () => server.stored.map((key) => Number(server.rows.get(key)?.['id'])),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function influxLines(server: InfluxServer): Promise<Target> {
  const db = await server.database();
  return {
    port: server.port,
    sink: (port) => influxSink({ url: `http://127.0.0.1:${port}`, db, compression: 'gzip' }),
    batch: (ids) => ({
      body: ids.map((id) => `m,host=h${id % 10} id=${id}i,v=${id / 4} ${TIME_OF_ZERO + BigInt(id)}`).join('\n'),
      format: 'line-protocol',
    }),
    held: () => idsIn(server, db),
    [Symbol.asyncDispose]: async () => void (await server.query('', `DROP DATABASE "${db}"`)),
  };
}

async function influxPoints(server: InfluxServer): Promise<Target> {
  const db = await server.database();
  const point = {
    measurement: 'm',
    time: { field: 'at' },
    fields: { id: 'integer', v: 'float' },
    key: { field: 'k' },
  } as const;
  return {
    port: server.port,
    sink: (port) => influxSink({ url: `http://127.0.0.1:${port}`, db, point }),
    batch: ndjson,
    held: () => idsIn(server, db),
    [Symbol.asyncDispose]: async () => void (await server.query('', `DROP DATABASE "${db}"`)),
  };
}

async function idsIn(server: InfluxServer, db: string): Promise<readonly number[]> {
  const series = await server.query(db, 'SELECT id FROM m');
  return series.flatMap(({ values }) => values.map(([, id]) => Number(id)));
}

async function attack(name: string, target: Target, options: DroppedReplies): Promise<DroppedRepliesResult> {
  const { records, rowsPerBatch, share, seed } = options;
  const dir = mkdtempSync(join(tmpdir(), 'tierfall-dropped-'));
  const startedMs = performance.now();
  await using proxy = await faultProxy({
    port: target.port,
    seed,
    shares: [{ fault: { kind: 'drop-reply' }, share }],
  });
  const sink = target.sink(proxy.port);
  const fallback = await createFallback({ dir, sink, retry: { firstMs: 5, maxMs: 50 } });
  try {
    for await (const receipt of fallback.run(batchesOf(target, records, rowsPerBatch), { inFlightMax: 8 })) {
      if (receipt.rejected > 0) throw new Error(`${receipt.rejected} records were rejected`);
    }
    await fallback.reconcile();
    const { pending } = await fallback.report();
    const held = await target.held();
    const distinct = new Set(held);
    return {
      ...{ target: name, isControl: target.isControl ?? false, requests: proxy.exchanges },
      dropped: proxy.met.get('drop-reply') ?? 0,
      lost: Array.from({ length: records }, (_, id) => id).filter((id) => !distinct.has(id)).length,
      duplicated: held.length - distinct.size,
      pending,
      ms: performance.now() - startedMs,
    };
  } finally {
    await fallback.close();
    await sink.close?.();
    rmSync(dir, { recursive: true, force: true });
  }
}

function* batchesOf(target: Target, records: number, rowsPerBatch: number) {
  for (let from = 0; from < records; from += rowsPerBatch) {
    const count = Math.min(rowsPerBatch, records - from);
    yield target.batch(Array.from({ length: count }, (_, at) => from + at));
  }
}

export async function runDroppedReplies(options: DroppedReplies): Promise<readonly DroppedRepliesResult[]> {
  await using influx = await startInflux();
  const targets = [
    ['httpSink', () => httpTarget(false)],
    ['influxSink of bytes', () => influxLines(influx)],
    ['influxSink of records', () => influxPoints(influx)],
    ['a target without keys (control)', () => httpTarget(true)],
  ] as const;
  const results: DroppedRepliesResult[] = [];
  for (const [name, open] of targets) {
    await using target = await open();
    const result = await attack(name, target, options);
    options.say(wordsOf(result));
    results.push(result);
  }
  return results;
}

function wordsOf({ target, requests, dropped, lost, duplicated, pending, ms }: DroppedRepliesResult): string {
  const replies = `${dropped} of ${requests} replies dropped`;
  return `${target}: ${lost} lost, ${duplicated} duplicated, ${pending} pending; ${replies} in ${(ms / 1_000).toFixed(1)} s`;
}

/** What is wrong, in words. */
export function faultsOf(results: readonly DroppedRepliesResult[]): readonly string[] {
  return results.flatMap((result) => {
    const { isControl, dropped, lost, duplicated, pending } = result;
    const isAsExpected = isControl ? duplicated > 0 : duplicated === 0;
    return dropped > 0 && lost === 0 && pending === 0 && isAsExpected ? [] : [wordsOf(result)];
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '100000' },
      'rows-per-batch': { type: 'string', default: '20' },
      share: { type: 'string', default: '0.05' },
      seed: { type: 'string', default: '1' },
    },
  });
  const results = await runDroppedReplies({
    records: Number(values.records),
    rowsPerBatch: Number(values['rows-per-batch']),
    share: Number(values.share),
    seed: Number(values.seed),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const faults = faultsOf(results);
  process.stdout.write(faults.length === 0 ? 'all there, once\n' : `${faults.join('\n')}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
