/** The worker command as real processes: many on one machine, stopped and killed in the middle of a drain. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, functionSink, SinkError } from '../../src/index.ts';
import { type CommandProcess, startCommand } from './command-process.ts';

const BATCHES = 160;
const ROWS = 10;
const SCHEMA = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}';

let cwd = '';
const started: CommandProcess[] = [];
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tierfall-worker-'));
  writeFileSync(join(cwd, 'schema.json'), SCHEMA);
});
afterEach(async () => {
  for (const command of started.splice(0)) {
    command.kill('SIGKILL');
    await command.ended();
  }
  rmSync(cwd, { recursive: true, force: true });
});

function start(...args: string[]): CommandProcess {
  const command = startCommand(args, { cwd });
  started.push(command);
  return command;
}

function startWorker(...args: string[]): CommandProcess {
  return start(
    'worker',
    '--sink',
    'sqlite:x.db',
    '--table',
    't',
    '--schema',
    'schema.json',
    '--log-level',
    'info',
    ...args,
  );
}

/** One object per batch, in all sixteen lanes. */
async function defer(batches: number): Promise<void> {
  const sink = functionSink(async () => {
    throw new SinkError('missing-target', 'not there yet');
  });
  const fallback = await createFallback({ dir: join(cwd, '.tierfall'), sink, worker: false });
  for (let batch = 0; batch < batches; batch += 1) {
    const body = Array.from({ length: ROWS }, (_, row) => `{"n":${batch * ROWS + row}}`).join('\n');
    await fallback.submit({ body, format: 'ndjson', orderingKey: `k${batch % 40}` });
    await fallback.flush();
  }
  await fallback.close();
}

/** Rows of the sink, in the order they came. */
function landed(): readonly number[] {
  if (!existsSync(join(cwd, 'x.db'))) return [];
  const database = new DatabaseSync(join(cwd, 'x.db'));
  try {
    const hasTable = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't'").get() !== undefined;
    return hasTable
      ? database
          .prepare('SELECT n FROM t ORDER BY rowid')
          .all()
          .map((row) => Number(row['n']))
      : [];
  } finally {
    database.close();
  }
}

async function until(isDone: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600 && !isDone(); tries += 1) await pause(50);
  expect(isDone()).toBe(true);
}

function expectAllOnceInOrder(rows: readonly number[]): void {
  expect([...rows].sort((a, b) => a - b)).toEqual(Array.from({ length: BATCHES * ROWS }, (_, n) => n));
  const lastByKey = new Map<number, number>();
  for (const n of rows) {
    const key = Math.floor(n / ROWS) % 40;
    expect(n, `key ${key}`).toBeGreaterThan(lastByKey.get(key) ?? -1);
    lastByKey.set(key, n);
  }
}

describe('worker processes', () => {
  it('three side by side, one stopped and one killed in the middle: all rows there, none twice', {
    timeout: 120_000,
  }, async () => {
    await defer(BATCHES);
    const [stopped, killed, last] = [0, 1, 2].map(() => startWorker('--concurrency', '2'));
    await Promise.all([stopped, killed, last].map((worker) => worker?.said('jobSettled')));
    expect(landed().length, 'they are in the middle').toBeLessThan(BATCHES * ROWS);
    stopped?.kill('SIGTERM');
    killed?.kill('SIGKILL');
    expect(await stopped?.ended(), stopped?.stderr).toEqual({ code: 0, signal: null });
    expect((await killed?.ended())?.signal).toBe('SIGKILL');
    await until(() => landed().length === BATCHES * ROWS);
    last?.kill('SIGTERM');
    expect(await last?.ended(), last?.stderr).toEqual({ code: 0, signal: null });
    expectAllOnceInOrder(landed());
    const reconcile = start('reconcile', '--sink', 'sqlite:x.db', '--table', 't', '--schema', 'schema.json');
    expect(await reconcile.ended(), reconcile.stdout).toEqual({ code: 0, signal: null });
    const verify = start('verify');
    expect(await verify.ended(), verify.stdout).toEqual({ code: 0, signal: null });
  });

  it('share lanes that are named, and leave the others alone', { timeout: 60_000 }, async () => {
    await defer(BATCHES);
    const first = startWorker('--lanes', '0-7');
    await first.said('jobSettled');
    let before = -1;
    for (let still = 0; still < 20; still += before === landed().length ? 1 : -still) {
      before = landed().length;
      await pause(50);
    }
    expect(before).toBeGreaterThan(0);
    expect(before, 'eight lanes wait for another worker').toBeLessThan(BATCHES * ROWS);
    const second = startWorker('--lanes', '8-15');
    await until(() => landed().length === BATCHES * ROWS);
    for (const worker of [first, second]) {
      worker.kill('SIGTERM');
      expect(await worker.ended(), worker.stderr).toEqual({ code: 0, signal: null });
    }
    expectAllOnceInOrder(landed());
  });
});

const STUCK = `export default {
  sink: { name: 'stuck', accepts: 'records', idempotent: true, write() { console.error('writing'); return new Promise(() => setInterval(() => {}, 1000)); } },
  limits: { primary: { timeoutMs: 3600000 } },
};\n`;

describe('a worker whose sink hangs', () => {
  beforeEach(async () => {
    await defer(2);
    writeFileSync(join(cwd, 'stuck.config.mts'), STUCK);
  });

  it('ends with 0 when its grace is over, and its jobs are there', { timeout: 60_000 }, async () => {
    const worker = start('worker', '-c', 'stuck.config.mts', '--dir', '.tierfall', '--grace', '300ms');
    await worker.said('writing');
    const startedMs = Date.now();
    worker.kill('SIGTERM');
    expect(await worker.ended(), worker.stderr).toEqual({ code: 0, signal: null });
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    expect(worker.stdout + worker.stderr).toContain('leases run out');
    const verify = start('verify');
    expect(await verify.ended(), verify.stdout).toEqual({ code: 0, signal: null });
  });

  it('ends at once at the second signal', { timeout: 60_000 }, async () => {
    const worker = start('worker', '-c', 'stuck.config.mts', '--dir', '.tierfall', '--grace', '1h');
    await worker.said('writing');
    worker.kill('SIGTERM');
    await pause(300);
    worker.kill('SIGTERM');
    expect((await worker.ended()).code).toBe(130);
  });

  it('says in /healthz that nothing moves', { timeout: 60_000 }, async () => {
    const worker = start(
      'worker',
      '-c',
      'stuck.config.mts',
      '--dir',
      '.tierfall',
      '--metrics',
      '0',
      '--stalled-after',
      '1s',
    );
    await worker.said('writing');
    const [url = ''] = /http:\/\/[^/\s]+/.exec(worker.stdout + worker.stderr) ?? [];
    const ask = async () => fetch(`${url}/healthz`);
    expect((await ask()).status).toBe(200);
    let response = await ask();
    for (let tries = 0; tries < 100 && response.status === 200; tries += 1) {
      await pause(100);
      response = await ask();
    }
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      ok: false,
      reasons: [expect.stringContaining('nothing has moved')],
    });
  });
});
