/**
 * An empty queue filled from a store of many objects that wait: how long it takes, and what it costs. The objects are small
 * and lie in the layout of a real store; the queue is in Redis, or in the data directory.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { batchKey, sha256 } from '../../src/core/keys.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import { embeddedQueue } from '../../src/reconcile/embedded-queue.ts';
import type { Queue } from '../../src/reconcile/queue.ts';
import { openStateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { type SweepReport, sweep } from '../../src/reconcile/sweep.ts';
import { fsStore } from '../../src/stores/fs-store.ts';
import { decodeObject, encodeObject, objectFacts } from '../../src/stores/parquet.ts';
import type { Store } from '../../src/stores/store.ts';
import { startRedis } from '../support/redis-server.ts';

export interface RebuildOptions {
  readonly refs: number;
  readonly queue: 'redis' | 'embedded';
  /** Bytes of records in each object. */
  readonly bodyBytes: number;
  readonly say: (line: string) => void;
}

export interface RebuildResult {
  readonly report: SweepReport;
  readonly tookMs: number;
  /** Of this process. */
  readonly cpuMs: number;
  readonly peakMb: number;
  /** Jobs that the queue holds afterwards. */
  readonly waiting: number;
}

const CHAIN = 'default';
const LANES = 16;
const OBJECTS_PER_HOUR = 12_000;
const ROWS = 10;

/** The objects of `refs` deferred batches, written as quickly as the disk takes them. */
export async function makeObjects(
  { refs, bodyBytes }: Pick<RebuildOptions, 'refs' | 'bodyBytes'>,
  write: (ref: string, chunks: readonly Uint8Array[]) => void | Promise<void>,
): Promise<void> {
  const filler = 'x'.repeat(Math.max(0, Math.floor(bodyBytes / ROWS) - 20));
  for (let seq = 0; seq < refs; seq += 1) {
    const lane = seq % LANES;
    const entry = entryOf(seq, filler);
    const meta = { 'tierfall.chain': CHAIN, 'tierfall.purpose': 'replay', 'tierfall.lane': String(lane) };
    const { chunks, sha256: digest } = await encodeObject([entry], meta);
    const hour = String(Math.floor(seq / OBJECTS_PER_HOUR) % 24).padStart(2, '0');
    const name = `${String(seq).padStart(16, '0')}-${digest.slice(0, 32)}.parquet`;
    const part = String(lane).padStart(2, '0');
    await write(`chain=${CHAIN}/date=2026-01-01/hour=${hour}/part=${part}/${name}`, chunks);
  }
}

function entryOf(seq: number, filler: string): JournalEntry {
  const rows = Array.from({ length: ROWS }, (_, row) => `{"n":${seq * ROWS + row},"s":"${filler}"}`);
  const body = Buffer.from(rows.join('\n'));
  return {
    ...{ seq, purpose: 'replay', key: batchKey(CHAIN, undefined, body), orderingKey: `device-${seq % LANES}` },
    ...{ priority: 'normal', format: 'ndjson', attributes: {}, receivedAtMs: 1_767_225_600_000 },
    ...{ reason: 'unavailable', trail: '[]', rowCount: ROWS, rows: undefined, sha256: sha256(body), body },
  };
}

/** Fills the queue from the store, as a worker does before it claims anything. */
export async function rebuild(store: Store, queue: Queue): Promise<RebuildResult> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const fill = await queue.beginFill?.();
  const report = await sweep({
    ...{ store, chain: CHAIN, queue, decode: (bytes: Uint8Array) => decodeObject(bytes), factsOf: objectFacts },
    ...{ emit: () => undefined, checkSettlements: true },
  });
  if (fill && !(await fill.end())) throw new Error('the queue forgot some of it meanwhile');
  const { user, system } = process.cpuUsage(cpu);
  const tookMs = performance.now() - startedMs;
  clearInterval(watch);
  const { waiting } = await queue.depth();
  return { report, tookMs, cpuMs: (user + system) / 1_000, peakMb: peak / 2 ** 20, waiting };
}

export async function runRebuild(options: RebuildOptions): Promise<RebuildResult> {
  const cwd = mkdtempSync(join(tmpdir(), 'tierfall-rebuild-'));
  try {
    const directory = join(cwd, 'objects');
    const made = new Set<string>();
    await makeObjects(options, (ref, chunks) => {
      const file = join(directory, ref);
      if (!made.has(dirname(file))) mkdirSync(dirname(file), { recursive: true });
      made.add(dirname(file));
      writeFileSync(file, Buffer.concat(chunks));
    });
    options.say(`${options.refs} objects are stored`);
    const store = fsStore({ directory, fs: nodeFileSystem });
    return options.queue === 'redis' ? await overRedis(store) : await overState(store, cwd);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

async function overRedis(store: Store): Promise<RebuildResult> {
  await using redis = await startRedis();
  const queue = bullmqQueue({ connection: redis.url, chain: CHAIN, clock: systemClock });
  try {
    return await rebuild(store, queue);
  } finally {
    await queue.close();
  }
}

async function overState(store: Store, cwd: string): Promise<RebuildResult> {
  const state = await openStateDatabase({ file: join(cwd, 'state.db'), fs: nodeFileSystem });
  try {
    return await rebuild(store, embeddedQueue({ state, clock: systemClock, chain: CHAIN }));
  } finally {
    await state.close();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      refs: { type: 'string', default: '100000' },
      queue: { type: 'string', default: 'redis' },
      'body-bytes': { type: 'string', default: '1000' },
    },
  });
  const { report, tookMs, cpuMs, peakMb, waiting } = await runRebuild({
    refs: Number(values.refs),
    queue: values.queue === 'embedded' ? 'embedded' : 'redis',
    bodyBytes: Number(values['body-bytes']),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const isWhole = report.announced === Number(values.refs) && waiting === report.announced;
  process.stdout.write(
    `${report.announced} of ${values.refs} announced, ${waiting} wait\n` +
      `${(tookMs / 1_000).toFixed(1)} s, ${(cpuMs / 1_000).toFixed(1)} s of CPU, ` +
      `${Math.round((cpuMs * 1_000) / report.announced)} us each, at most ${Math.round(peakMb)} MB\n`,
  );
  process.exitCode = isWhole ? 0 : 1;
}
