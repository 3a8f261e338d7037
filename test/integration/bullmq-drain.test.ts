import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type Fallback, type FallbackOptions, sqliteSink } from '../../src/index.ts';
import { Field, Int32, Schema } from '../../src/schema/arrow.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type CommandProcess, startCommand } from './command-process.ts';

const ROWS = 10;
const KEYS = 7;
const schema = new Schema([new Field('n', new Int32(), false)]);

let cwd = '';
let redis: RedisServer;
const started: CommandProcess[] = [];
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'tierfall-redis-'));
  const n = { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
  writeFileSync(
    join(cwd, 'schema.json'),
    JSON.stringify({ type: 'object', properties: { n }, required: ['n'] }),
  );
  redis = await startRedis();
});
afterEach(async () => {
  for (const command of started.splice(0)) {
    command.kill('SIGKILL');
    await command.ended();
  }
  await redis[Symbol.asyncDispose]();
  rmSync(cwd, { recursive: true, force: true });
});

function startWorker(): CommandProcess {
  const sink = ['--sink', 'sqlite:x.db', '--table', 't', '--schema', 'schema.json'];
  const args = ['worker', '--dir', '.tierfall', ...sink, '--queue', redis.url, '--concurrency', '2'];
  const command = startCommand(args, { cwd });
  started.push(command);
  return command;
}

function lockSink(): () => void {
  const database = new DatabaseSync(join(cwd, 'x.db'));
  database.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
  return () => {
    database.exec('ROLLBACK');
    database.close();
  };
}

function open(options: Partial<FallbackOptions> = {}): Promise<Fallback> {
  const sink = sqliteSink({ file: join(cwd, 'x.db'), table: 't', busyTimeoutMs: 1 });
  const common = { sink, schema, retry: { attemptsMax: 1 }, queue: redis.url };
  return createFallback({ dir: join(cwd, '.tierfall'), ...common, ...options });
}

async function submit(fallback: Fallback, batch: number): Promise<void> {
  const body = Array.from({ length: ROWS }, (_, row) => `{"n":${batch * ROWS + row}}`).join('\n');
  const receipt = await fallback.submit({ body, format: 'ndjson', orderingKey: `k${batch % KEYS}` });
  expect(receipt.deferred).toBe(ROWS);
}

/** Defers so many batches, each an object of its own. */
async function defer(batches: number): Promise<void> {
  const unlock = lockSink();
  const fallback = await open({ worker: false });
  for (let batch = 0; batch < batches; batch += 1) {
    await submit(fallback, batch);
    await fallback.flush();
  }
  await fallback.close();
  unlock();
}

/** The records that landed, in the order they did. */
function landed(): number[] {
  const database = new DatabaseSync(join(cwd, 'x.db'));
  try {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 't'").get();
    if (!table) return [];
    return database
      .prepare('SELECT n FROM t ORDER BY rowid')
      .all()
      .map((row) => Number(row['n']));
  } finally {
    database.close();
  }
}

/** Every record once, and those of each key in order. */
function expectAllInOrder(batches: number): void {
  const all = landed();
  expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: batches * ROWS }, (_, n) => n));
  for (let key = 0; key < KEYS; key += 1) {
    const ofKey = all.filter((n) => Math.floor(n / ROWS) % KEYS === key);
    expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b));
  }
}

async function jobsLeft(): Promise<{ readonly active: number; readonly all: number }> {
  const status = startCommand(['status', '--dir', '.tierfall', '--queue', redis.url, '--json'], { cwd });
  await status.ended();
  const [, text = ''] = /(\{[^{}]*"waiting"[^{}]*\})/.exec(status.stdout) ?? [];
  const { waiting, active, postponed } = JSON.parse(text) as Record<'waiting' | 'active' | 'postponed', number>;
  return { active, all: waiting + active + postponed };
}

describe('a drain over Redis', () => {
  it('loses nothing and repeats nothing when Redis is flushed and killed and a worker dies in the middle', async () => {
    const batches = 140;
    await defer(batches);
    const [dying] = [startWorker(), startWorker()];
    const until = (rows: number) =>
      expect.poll(() => landed().length, { timeout: 40_000, interval: 5 }).toBeGreaterThan(rows);
    await until(50);
    await redis.client().flushall();
    await until(400);
    dying.kill('SIGKILL');
    await until(600);
    await redis.kill();
    await redis.start();
    await redis.client().flushall();
    await expect.poll(() => landed().length, { timeout: 60_000 }).toBe(batches * ROWS);
    await expect.poll(async () => (await jobsLeft()).all, { timeout: 30_000 }).toBe(0);
    expectAllInOrder(batches);
    for (const worker of started) worker.kill('SIGTERM');
    for (const worker of started) await worker.ended();
    const verify = startCommand(['verify', '--dir', '.tierfall', '--queue', redis.url], { cwd });
    expect(await verify.ended()).toMatchObject({ code: 0 });
  }, 180_000);

  it('gives the job of a killed worker to another within 15 seconds', async () => {
    await defer(1);
    const unlock = lockSink();
    const dying = startWorker();
    await expect.poll(async () => (await jobsLeft()).active, { timeout: 20_000 }).toBe(1);
    dying.kill('SIGKILL');
    await dying.ended();
    const startedMs = performance.now();
    unlock();
    startWorker();
    await expect.poll(() => landed().length, { timeout: 30_000, interval: 20 }).toBe(ROWS);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  }, 90_000);

  it('acknowledges records while Redis is away, and lands them when it is back', async () => {
    await redis.kill();
    const unlock = lockSink();
    const fallback = await open({ worker: { idleMs: 20 } });
    for (let batch = 0; batch < 5; batch += 1) await submit(fallback, batch);
    await fallback.flush();
    await redis.start();
    unlock();
    await expect
      .poll(() => fallback.reconcile({ patienceMs: 20_000 }).catch(() => undefined), { timeout: 40_000 })
      .toMatchObject({ drained: true });
    await fallback.close();
    expectAllInOrder(5);
  }, 90_000);

  it('keeps the queue that a command was given, without its password', async () => {
    const { port } = redis;
    writeFileSync(join(cwd, 'in.ndjson'), '{"n":1}\n');
    await redis.client().call('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all');
    const queue = `redis://app:secret@127.0.0.1:${port}/0`;
    const sink = ['--sink', 'sqlite:x.db', '--table', 't'];
    const run = startCommand(['run', '--input', 'in.ndjson', ...sink, '--queue', queue], { cwd });
    expect(await run.ended()).toMatchObject({ code: 0 });
    const settings = readFileSync(join(cwd, '.tierfall/settings.json'), 'utf8');
    expect(settings).toContain(`redis://127.0.0.1:${port}/0`);
    expect(settings).not.toContain('secret');
  }, 60_000);

  it('lands everything, and exits well, while Redis is away', async () => {
    writeFileSync(join(cwd, 'in.ndjson'), '{"n":1}\n{"n":2}\n');
    const where = ['--sink', 'sqlite:x.db', '--table', 't', '--queue', 'redis://127.0.0.1:1/0'];
    const run = startCommand(['run', '--input', 'in.ndjson', ...where], { cwd });
    expect(await run.ended(), run.stderr).toMatchObject({ code: 0 });
    expect(run.stderr).toContain('the queue in Redis could not be used');
    expect(run.stdout + run.stderr).toContain('Ledger of this run');
  }, 60_000);

  it('says what is wrong with a queue that is none', async () => {
    const status = startCommand(['status', '--queue', 'http://user:secret@127.0.0.1'], { cwd });
    expect((await status.ended()).code).not.toBe(0);
    expect(status.stderr).toContain('expected redis://HOST:PORT');
    expect(status.stderr).not.toContain('secret');
  });
});
