/**
 * How fast a backlog comes back: rows per second into SQLite beside the loop of a fallback router, a plain worker of
 * BullMQ and the sink's own bulk load; two workers beside one; jobs through Redis beside XADD; and how fresh live rows
 * are meanwhile.
 *
 * Method: telemetry of ten fields in batches of 20 rows, as devices send it, of 500 ordering keys; the table is told for
 * batches of 1 and of 100 rows too, since peers pay per batch. In every round each subject drains the same
 * batches once, in random order, in a fresh process that has warmed up on a small backlog; a ratio is taken within its
 * round, and the median over rounds is quoted. Ratios that begin with `cpu` are of CPU time, all threads counted, which
 * neighbours on the machine disturb less. No drain is quicker than the bulk load, so `bulkVsRouterLoop` is as far as
 * `vsRouterLoop` can go on a disk as quick as this one.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { laneOf } from '../../src/stores/pack.ts';
import { startRedis } from '../../test/support/redis-server.ts';
import { type Bench, median, table } from '../report.ts';
import { type BacklogShape, DEVICES, makeBacklog, scratch } from './backlog.ts';
import type { ChildOptions, Drained, SubjectName } from './child.ts';
import type { JobRates } from './queue-jobs.ts';

const ROUNDS = 3;
const LANES = 16;
const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const QUEUE_JOBS = fileURLToPath(new URL('queue-jobs.ts', import.meta.url));

/** One key per lane, so that as many entries are out as jobs are worked on, and the sink's latency is what is waited for. */
const KEY_PER_LANE = Array.from({ length: LANES }, (_, lane) => {
  for (let n = 0; ; n += 1) if (laneOf(`key-${n}`, LANES) === lane) return `key-${n}`;
});

const SHAPES = {
  1: { rowsPerBatch: 1, batches: 3_000, orderingKeys: DEVICES },
  20: { rowsPerBatch: 20, batches: 3_000, orderingKeys: DEVICES },
  100: { rowsPerBatch: 100, batches: 600, orderingKeys: DEVICES },
  latent: { rowsPerBatch: 20, batches: 1_600, orderingKeys: KEY_PER_LANE },
  warmUp: { rowsPerBatch: 20, batches: 500, orderingKeys: DEVICES },
} as const satisfies Record<string, BacklogShape>;
type ShapeName = keyof typeof SHAPES;

interface Case {
  readonly subject: SubjectName;
  readonly shape: ShapeName;
  readonly workers: number;
}

function caseOf(subject: SubjectName, shape: ShapeName, workers = 1): Case {
  return { subject, shape, workers };
}

const CASES: readonly Case[] = [
  ...(['bulk', 'router', 'bullmq', 'bullmq x 16', 'replay', 'unpaced'] as const).map((name) =>
    caseOf(name, 20),
  ),
  ...(['bulk', 'router', 'bullmq', 'replay', 'unpaced'] as const).map((name) => caseOf(name, 100)),
  ...(['bulk', 'router', 'bullmq', 'replay'] as const).map((name) => caseOf(name, 1)),
  caseOf('live', 20),
  caseOf('latent', 'latent'),
  caseOf('latent', 'latent', 2),
];

interface Bed {
  /** Where backlogs lie, by name of their shape. */
  readonly templates: string;
  readonly redisUrl: string;
}

/** Drains one backlog by so many processes at once; the time is that of the last. */
async function run({ subject, shape, workers }: Case, { templates, redisUrl }: Bed): Promise<Drained> {
  await using target = await scratch(join(templates, `${shape}`));
  await using small = await scratch(join(templates, 'warmUp'));
  const load = { shape: SHAPES[shape], directory: target.dir };
  const options: ChildOptions = {
    subject,
    warmUp: { shape: SHAPES.warmUp, directory: small.dir },
    load,
    redisUrl,
  };
  const children: Awaited<ReturnType<typeof startChild>>[] = [];
  for (let n = 0; n < workers; n += 1) children.push(await startChild(options));
  const startedMs = performance.now();
  const drained = await Promise.all(children.map((go) => go()));
  const ms = workers === 1 ? (drained[0]?.ms ?? Number.NaN) : performance.now() - startedMs;
  return { ms, cpuMs: drained.reduce((sum, { cpuMs }) => sum + cpuMs, 0), extra: drained[0]?.extra ?? {} };
}

/** @returns starts the drain, and resolves when it has ended */
async function startChild(options: ChildOptions): Promise<() => Promise<Drained>> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (done) throw new Error(`${options.subject} ended early`);
    return value;
  };
  await next();
  return async () => {
    child.stdin.write('go\n');
    const drained = JSON.parse(await next()) as Drained;
    await once(child, 'exit');
    return drained;
  };
}

interface Round {
  readonly drained: ReadonlyMap<Case, Drained>;
  readonly jobs: JobRates;
}

async function runRound(bed: Bed): Promise<Round> {
  const drained = new Map<Case, Drained>();
  const order = CASES.map((one) => ({ one, at: Math.random() })).sort((a, b) => a.at - b.at);
  for (const { one } of order) drained.set(one, await run(one, bed));
  const { stdout } = await promisify(execFile)(process.execPath, [QUEUE_JOBS, bed.redisUrl]);
  return { drained, jobs: JSON.parse(stdout) as JobRates };
}

function of({ drained }: Round, subject: SubjectName, shape: ShapeName, workers = 1): Drained {
  for (const [one, found] of drained)
    if (one.subject === subject && `${one.shape}` === `${shape}` && one.workers === workers) return found;
  throw new Error(`no case of ${subject} in batches of ${shape}`);
}

type Ratio = (round: Round) => number;
type Pick = 'ms' | 'cpuMs';

/** How many times as fast `subject` is as `peer`. */
function beside(subject: SubjectName, peer: SubjectName, shape: ShapeName = 20, pick: Pick = 'ms'): Ratio {
  return (round) => of(round, peer, shape)[pick] / of(round, subject, shape)[pick];
}

const RATIOS: Readonly<Record<string, Ratio>> = {
  vsRouterLoop: beside('replay', 'router'),
  vsPlainBullmq: beside('replay', 'bullmq'),
  vsBullmq16: beside('replay', 'bullmq x 16'),
  vsBulkLoad: beside('replay', 'bulk'),
  bulkVsRouterLoop: beside('bulk', 'router'),
  pacedVsUnpaced: beside('replay', 'unpaced'),
  pacedVsUnpaced100: beside('replay', 'unpaced', 100),
  cpuVsRouterLoop: beside('replay', 'router', 20, 'cpuMs'),
  cpuVsBulkLoad: beside('replay', 'bulk', 20, 'cpuMs'),
  vsRouterLoop1: beside('replay', 'router', 1),
  vsPlainBullmq1: beside('replay', 'bullmq', 1),
  vsBulkLoad1: beside('replay', 'bulk', 1),
  vsRouterLoop100: beside('replay', 'router', 100),
  vsPlainBullmq100: beside('replay', 'bullmq', 100),
  vsBulkLoad100: beside('replay', 'bulk', 100),
  twoWorkers: (round) => of(round, 'latent', 'latent').ms / of(round, 'latent', 'latent', 2).ms,
  jobsVsXadd: ({ jobs }) => jobs.endToEnd / jobs.xadd,
  announceVsXadd: ({ jobs }) => jobs.announce / jobs.xadd,
  freshnessP99Ms: (round) => of(round, 'live', 20).extra['p99Ms'] ?? Number.NaN,
};

function caseTable(rounds: readonly Round[]): string {
  const rows = CASES.map((one) => {
    const { rowsPerBatch, batches } = SHAPES[one.shape];
    const all = rounds.flatMap(({ drained }) => drained.get(one) ?? []);
    const count = rowsPerBatch * batches;
    return [
      `${one.subject}${one.workers > 1 ? `, ${one.workers} workers` : ''}`,
      `${rowsPerBatch}`,
      (count / median(all.map(({ ms }) => ms))).toFixed(1),
      (median(all.map(({ cpuMs }) => cpuMs * 1_000)) / count).toFixed(1),
    ];
  });
  return table(['subject', 'rows per batch', 'rows/ms', 'CPU µs per row'], rows);
}

async function makeTemplates(templates: string): Promise<void> {
  for (const [name, shape] of Object.entries(SHAPES)) await makeBacklog(join(templates, name), shape);
}

function ratioTable(rounds: readonly Round[]): string {
  const rows = Object.entries(RATIOS).map(([name, ratio]) => {
    const all = rounds.map(ratio);
    const range = `${Math.min(...all).toFixed(2)}-${Math.max(...all).toFixed(2)}`;
    return [name, median(all).toFixed(2), range];
  });
  return table(['ratio', 'median', 'spread'], rows);
}

/** `npm run bench -- reconcile`. */
export const runReconcileBench: Bench = async ({ say, rounds = ROUNDS }) => {
  await using redis = await startRedis();
  await using home = await scratch();
  await makeTemplates(home.dir);
  const bed = { templates: home.dir, redisUrl: redis.url };
  const done: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    done.push(await runRound(bed));
    process.stderr.write(`\rround ${round}/${rounds} `);
  }
  process.stderr.write('\r');
  say(caseTable(done));
  say(ratioTable(done));
  say('Ratios without a number in their name are of batches of 20 rows.');
  say('Not measured: a store or a Redis elsewhere, encryption, rows that the sink refuses.');
  const medians = Object.entries(RATIOS).map(([name, ratio]) => [name, median(done.map(ratio))] as const);
  return Object.fromEntries(medians.map(([name, value]) => [name, Number(value.toFixed(3))]));
};
