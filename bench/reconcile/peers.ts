/**
 * The peers: each brings the same rows into the same table, key column included, parsed from the same NDJSON and under
 * synchronous=FULL.
 */
import { mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Queue, Worker } from 'bullmq';
import type { PlainBatch } from './backlog.ts';
import type { Prepared } from './subjects.ts';

const TABLE = `CREATE TABLE t (tierfall_key TEXT NOT NULL PRIMARY KEY, id INTEGER, ts TEXT, device TEXT, temp REAL,
  hum REAL, count INTEGER, big INTEGER, ok INTEGER, status TEXT, meta TEXT) STRICT`;
const INSERT = `INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tierfall_key) DO NOTHING`;
const BULK_ROWS = 5_000;
const FILLED_AT_ONCE = 500;

interface Record {
  readonly id: number;
  readonly ts: string;
  readonly device: string;
  readonly temp: number;
  readonly hum: number | null;
  readonly count: number;
  readonly big: number;
  readonly ok: boolean;
  readonly status: string;
  readonly meta: unknown;
}

class Target {
  readonly #database: DatabaseSync;
  readonly #insert: ReturnType<DatabaseSync['prepare']>;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${TABLE}`);
    this.#insert = this.#database.prepare(INSERT);
  }

  /** All of them in one transaction. */
  write(batches: readonly PlainBatch[]): void {
    this.#database.exec('BEGIN');
    for (const { key, body } of batches) {
      let row = 0;
      for (const line of body.split('\n')) {
        const { id, ts, device, temp, hum, count, big, ok, status, meta } = JSON.parse(line) as Record;
        const numbers = [temp, hum, count, big, ok ? 1 : 0] as const;
        this.#insert.run(`${key}-${row}`, id, ts, device, ...numbers, status, JSON.stringify(meta));
        row += 1;
      }
    }
    this.#database.exec('COMMIT');
  }

  close(): void {
    this.#database.close();
  }
}

/** The sink's own bulk load: what it takes when nobody has to account for anything. */
export async function bulkLoad(file: string, batches: readonly PlainBatch[]): Promise<Prepared> {
  const target = new Target(file);
  const perCommit = Math.max(1, Math.floor((BULK_ROWS * batches.length) / rowsOf(batches)));
  return {
    drain: async () => {
      for (let at = 0; at < batches.length; at += perCommit) target.write(batches.slice(at, at + perCommit));
    },
    close: async () => target.close(),
  };
}

function rowsOf(batches: readonly PlainBatch[]): number {
  return batches.reduce((rows, { body }) => rows + body.split('\n').length, 0);
}

/** The loop of a fallback router: read a stored batch, write it, delete its file, and the next one. */
export async function routerLoop(file: string, batches: readonly PlainBatch[]): Promise<Prepared> {
  const target = new Target(file);
  const directory = `${file}-stored`;
  await mkdir(directory);
  for (const { key, body } of batches) await writeFile(join(directory, key), body);
  return {
    drain: async () => {
      for (const { key } of batches) {
        const stored = join(directory, key);
        target.write([{ key, body: await readFile(stored, 'utf8') }]);
        await unlink(stored);
      }
    },
    close: async () => target.close(),
  };
}

/** A worker of BullMQ, one job per batch with the body in it. */
export async function plainBullmq(
  file: string,
  batches: readonly PlainBatch[],
  url: string,
  concurrency: number,
): Promise<Prepared> {
  const target = new Target(file);
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const name = `bench-${process.pid}-${batches.length}`;
  const queue = new Queue(name, { connection });
  for (let at = 0; at < batches.length; at += FILLED_AT_ONCE) {
    const jobs = batches.slice(at, at + FILLED_AT_ONCE).map((data) => ({ name: 'replay', data }));
    await queue.addBulk(jobs.map((job) => ({ ...job, opts: { removeOnComplete: true } })));
  }
  const done = Promise.withResolvers<void>();
  const process_ = async ({ data }: { data: PlainBatch }): Promise<void> => target.write([data]);
  const worker = new Worker<PlainBatch>(name, process_, { connection, concurrency, autorun: false });
  let left = batches.length;
  worker.on('completed', () => {
    left -= 1;
    if (left === 0) done.resolve();
  });
  worker.on('failed', (_, error) => done.reject(error));
  await worker.waitUntilReady();
  return {
    drain: async () => {
      void worker.run();
      await done.promise;
    },
    close: async () => {
      await worker.close();
      await queue.obliterate({ force: true });
      await queue.close();
      target.close();
    },
  };
}
