/**
 * One subject in a process of its own: warms up on a small backlog, prepares the large one, says so, and drains it when it
 * is told to. Then it prints what that took.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type BacklogShape, plainBatches } from './backlog.ts';
import { bulkLoad, plainBullmq, routerLoop } from './peers.ts';
import { latentSink, type Prepared, replay, replayIntoSqlite, replayUnderLoad } from './subjects.ts';

export type SubjectName =
  | 'bulk'
  | 'router'
  | 'bullmq'
  | 'bullmq x 16'
  | 'replay'
  | 'unpaced'
  | 'live'
  | 'latent';

/** A backlog in `directory`: `data` is the data directory, and beside it the target is made. */
export interface Load {
  readonly shape: BacklogShape;
  readonly directory: string;
}

export interface ChildOptions {
  readonly subject: SubjectName;
  readonly warmUp: Load;
  readonly load: Load;
  readonly redisUrl: string;
}

export interface Drained {
  readonly ms: number;
  readonly cpuMs: number;
  readonly extra: Readonly<Record<string, number>>;
}

const LATENCY_MS = 5;
/** How soon a worker sees that the other one has ended: the end of a drain is no part of its speed. */
const IDLE_MS = 20;

function prepare({ subject, redisUrl }: ChildOptions, { shape, directory }: Load): Promise<Prepared> {
  const data = join(directory, 'data');
  const file = join(directory, 'target.db');
  switch (subject) {
    case 'bulk':
      return bulkLoad(file, plainBatches(shape));
    case 'router':
      return routerLoop(file, plainBatches(shape));
    case 'bullmq':
      return plainBullmq(file, plainBatches(shape), redisUrl, 1);
    case 'bullmq x 16':
      return plainBullmq(file, plainBatches(shape), redisUrl, 16);
    case 'replay':
      return replayIntoSqlite(data, file, {});
    case 'unpaced':
      return replayIntoSqlite(data, file, { pace: false });
    case 'live':
      return replayUnderLoad(data, file);
    case 'latent':
      return replay(data, latentSink(LATENCY_MS), { idleMs: IDLE_MS });
  }
}

/** A benchmark that drops rows would be quick: whoever has a table must have all of them in it. */
function checkRows(subject: SubjectName, { shape, directory }: Load): void {
  if (subject === 'latent' || subject === 'live') return;
  const database = new DatabaseSync(join(directory, 'target.db'), { readOnly: true });
  const sum = 'SELECT count(*) AS count, count(DISTINCT id) AS ids, sum(length(meta)) AS bytes FROM t';
  const { count, ids } = database.prepare(sum).get() ?? {};
  database.close();
  const rows = shape.batches * shape.rowsPerBatch;
  if (count !== rows || ids !== rows) throw new Error(`${subject}: ${count} rows are there, expected ${rows}`);
}

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const warmUp = await prepare(options, options.warmUp);
await warmUp.drain();
await warmUp.close();
const prepared = await prepare(options, options.load);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const started = { ms: performance.now(), cpu: process.cpuUsage() };
await prepared.drain();
const ms = performance.now() - started.ms;
const { user, system } = process.cpuUsage(started.cpu);
const extra = prepared.extra?.() ?? {};
await prepared.close();
checkRows(options.subject, options.load);
process.stdout.write(`${JSON.stringify({ ms, cpuMs: (user + system) / 1_000, extra } satisfies Drained)}\n`);
process.exit(0);
