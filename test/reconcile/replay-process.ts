/**
 * Started by a test, to be killed: drains a data directory into a table of its own, which has one row per record
 * key and remembers in which order they came.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { extractRows, framer } from '../../src/codecs/codecs.ts';
import type { Batch } from '../../src/core/batch.ts';
import type { Receipt, Residue } from '../../src/core/outcome.ts';
import { rowIndices } from '../../src/core/row-set.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import { embeddedQueue } from '../../src/reconcile/embedded-queue.ts';
import { openStateDatabase } from '../../src/reconcile/sqlite-database.ts';
import { storeQuarantine } from '../../src/reconcile/store-quarantine.ts';
import { createWorker } from '../../src/reconcile/worker.ts';
import { fsStore } from '../../src/stores/fs-store.ts';
import { decodeObject } from '../../src/stores/parquet.ts';

const directory = process.argv[2] ?? '.';
const chain = 'killed';
const db = new DatabaseSync(join(directory, 'sink.db'), { timeout: 5000 });
db.exec(`PRAGMA journal_mode=WAL;
  CREATE TABLE IF NOT EXISTS landed (n INTEGER PRIMARY KEY, key TEXT UNIQUE, text TEXT) STRICT`);
const insert = db.prepare('INSERT INTO landed (key, text) VALUES (?, ?) ON CONFLICT DO NOTHING');
const find = db.prepare('SELECT key FROM landed WHERE key IN (SELECT value FROM json_each(?))');

const engine = {
  async submitBatch(batch: Batch): Promise<Receipt> {
    const poison: number[] = [];
    for (const row of rowIndices('all', batch.rowCount)) {
      const text = Buffer.from(batch.frame.row(row)).toString();
      if (text.includes('poison')) poison.push(row);
      else insert.run(batch.rowKey(row), text);
    }
    step();
    const rejections: Residue[] = poison.length === 0 ? [] : [{ rows: poison, reason: 'refused' }];
    const landed = batch.rowCount - poison.length;
    const counts = { delivered: landed, degraded: 0, deferred: 0, dropped: 0, rejected: poison.length };
    return {
      batchKey: batch.key,
      records: batch.rowCount,
      ...counts,
      trail: [],
      loss: undefined,
      refs: [],
      rejections,
    };
  },
};

const sink = {
  lookup: async (keys: readonly string[]) =>
    new Set(find.all(JSON.stringify(keys)).map((row) => String(row['key']))),
};

let stepsLeft = Number(process.argv[3] ?? Number.POSITIVE_INFINITY);

/** Ends this process at the n-th step as a kill from outside would, however busy the one who would send it is. */
function step(): void {
  stepsLeft -= 1;
  if (stepsLeft === 0) process.kill(process.pid, 'SIGKILL');
}

const state = await openStateDatabase({ file: join(directory, 'state.db'), fs: nodeFileSystem });
const store = fsStore({ directory: join(directory, 'objects'), fs: nodeFileSystem });
const queue = embeddedQueue({ state, clock: systemClock });
const worker = createWorker({
  chain,
  store,
  queue: {
    announce: (job) => queue.announce(job),
    claim: (...args) => queue.claim(...args),
    checkpoint: (...args) => queue.checkpoint(...args).finally(step),
    complete: (...args) => {
      step();
      return queue.complete(...args);
    },
    postpone: (...args) => queue.postpone(...args),
    depth: () => queue.depth(),
    close: () => queue.close(),
  },
  quarantine: storeQuarantine({ store, chain, clock: systemClock, index: state, defer: async () => {} }),
  engine,
  sink,
  framer,
  extractRows,
  keysOf: (batch, rows) => rows.map((row) => batch.rowKey(row)),
  decode: decodeObject,
  clock: systemClock,
  random: systemRandom,
  emit: () => {},
  leaseMs: 150,
  idleMs: 10,
  concurrency: 2,
});
const report = await worker.drain();
await worker.close();
await state.close();
process.stdout.write(`${JSON.stringify(report.left)}\n`);
