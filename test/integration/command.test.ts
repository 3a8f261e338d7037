import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type Fallback, sqliteSink } from '../../src/index.ts';
import { Field, Int32, Schema } from '../../src/schema/arrow.ts';
import { type CommandProcess, startCommand } from './command-process.ts';

const schema = new Schema([new Field('n', new Int32(), false)]);

let cwd = '';
const started: CommandProcess[] = [];
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tierfall-command-'));
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

function records(count: number): string {
  return Array.from({ length: count }, (_, n) => `{"n":${n}}\n`).join('');
}

function count(): { rows: number; distinct: number } {
  const database = new DatabaseSync(join(cwd, 'x.db'));
  const row = database.prepare('SELECT count(*) AS r, count(DISTINCT n) AS d FROM t').get();
  database.close();
  return { rows: Number(row?.['r']), distinct: Number(row?.['d']) };
}

function lockSink(): DatabaseSync {
  const database = new DatabaseSync(join(cwd, 'x.db'));
  database.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
  return database;
}

/** Defers `batches` batches of 10 records; their objects and jobs are in the data directory afterwards. */
async function defer(batches: number): Promise<void> {
  const locked = lockSink();
  const sink = sqliteSink({ file: join(cwd, 'x.db'), table: 't', busyTimeoutMs: 1 });
  const fallback = await createFallback({
    dir: join(cwd, '.tierfall'),
    sink,
    schema,
    retry: { attemptsMax: 1 },
    worker: false,
  });
  await submit(fallback, batches);
  await fallback.close();
  locked.exec('ROLLBACK');
  locked.close();
}

async function submit(fallback: Fallback, batches: number): Promise<void> {
  for (let batch = 0; batch < batches; batch += 1) {
    const body = Array.from({ length: 10 }, (_, row) => `{"n":${batch * 10 + row}}`).join('\n');
    const receipt = await fallback.submit({ body, format: 'ndjson', orderingKey: `k${batch % 5}` });
    expect(receipt.deferred).toBe(10);
  }
}

const INTO = ['--sink', 'sqlite:x.db', '--table', 't'];

describe('tierfall run as a process', () => {
  it('reads standard input', async () => {
    const command = start('run', '--input', '-', '--format', 'ndjson', ...INTO);
    command.stdin.end(records(1_234));
    expect(await command.ended(), command.stderr).toEqual({ code: 0, signal: null });
    expect(count()).toEqual({ rows: 1_234, distinct: 1_234 });
  });

  it('goes on with --resume after it was killed, and lands every record once', async () => {
    writeFileSync(join(cwd, 'in.ndjson'), records(400_000));
    const args = ['run', '-i', 'in.ndjson', '--batch-rows', '100', ...INTO];
    const first = start(...args);
    await first.said('schema inferred');
    // The first checkpoint, half a second into the run: from here on there is something to resume from.
    while (!readdirSync(join(cwd, '.tierfall')).some((name) => /^input-.*\.json$/.test(name))) await pause(5);
    first.kill('SIGKILL');
    expect((await first.ended()).signal, first.stdout).toBe('SIGKILL');
    const landed = count().rows;
    expect(landed).toBeGreaterThan(0);
    expect(landed).toBeLessThan(400_000);
    const second = start(...args, '--resume', '--json');
    expect(await second.ended(), second.stderr).toEqual({ code: 0, signal: null });
    expect(second.stdout, 'it did not start at the beginning').not.toContain('"accepted":400000');
    expect(count()).toEqual({ rows: 400_000, distinct: 400_000 });
  });

  it('stops at SIGTERM with all that it took accounted for, and resumes', async () => {
    const command = start('run', '--input', '-', '--format', 'ndjson', ...INTO, '--batch-rows', '10');
    command.stdin.write(records(1_005));
    await command.said('schema inferred');
    await pause(300);
    command.kill('SIGTERM');
    expect(await command.ended(), command.stderr).toEqual({ code: 1, signal: null });
    expect(command.stdout).toContain('Go on with --resume');
    const again = start('run', '--input', '-', '--format', 'ndjson', '--batch-rows', '10', '--resume');
    again.stdin.end(records(1_005));
    expect(await again.ended(), again.stderr).toEqual({ code: 0, signal: null });
    expect(count()).toEqual({ rows: 1_005, distinct: 1_005 });
  });

  it('is refused within a second while another one runs, and takes over once that one was killed', async () => {
    const first = start('run', '--input', '-', '--format', 'ndjson', ...INTO);
    first.stdin.write(records(5_000));
    await first.said('schema inferred');
    writeFileSync(join(cwd, 'in.ndjson'), records(10));
    const second = start('run', '-i', 'in.ndjson', ...INTO);
    const { code } = await second.ended();
    expect(code).toBe(1);
    expect(second.stderr).toContain(`DIRECTORY_LOCKED`);
    expect(second.stderr).toContain(`the process with pid ${first.pid}`);
    first.kill('SIGKILL');
    await first.ended();
    const third = start('run', '-i', 'in.ndjson', ...INTO);
    expect(await third.ended(), third.stderr).toEqual({ code: 0, signal: null });
  });
});

describe('tierfall worker as a process', () => {
  it('two side by side land everything once, serve metrics, and end with 0 on SIGTERM', async () => {
    await defer(60);
    const workers = [0, 1].map(() => start('worker', '--schema', schemaFile(), ...INTO, '--metrics', '0'));
    for (const worker of workers) await worker.said('metrics at ');
    const [url = ''] = /http:\/\/\S+\/metrics/.exec(workers[0]?.stdout + (workers[0]?.stderr ?? '')) ?? [];
    await until(() => hasTable() && count().rows === 600);
    const response = await fetch(url);
    const text = await response.text();
    expect(response.headers.get('content-type')).toContain('text/plain');
    const samples = text.split('\n').filter((line) => line.startsWith('fallback_unaccounted_records'));
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) expect(sample).toMatch(/ 0$/);
    for (const worker of workers) {
      worker.kill('SIGTERM');
      expect(await worker.ended(), worker.stderr).toEqual({ code: 0, signal: null });
    }
    expect(count()).toEqual({ rows: 600, distinct: 600 });
    const verify = start('verify');
    expect(await verify.ended(), verify.stdout).toEqual({ code: 0, signal: null });
  });

  it('packs what a killed writer left, and a writer that starts meanwhile is not refused', async () => {
    writeFileSync(join(cwd, 'in.ndjson'), records(20_000));
    const locked = lockSink();
    const writer = start('run', '-i', 'in.ndjson', '--batch-rows', '100', ...INTO);
    await writer.said('circuit opened');
    writer.kill('SIGKILL');
    await writer.ended();
    locked.exec('ROLLBACK');
    locked.close();
    const worker = start('worker', ...INTO);
    await worker.said('worker is running');
    const again = start('run', '-i', 'in.ndjson', '--batch-rows', '100', '--resume');
    expect(await again.ended(), again.stderr).toEqual({ code: 0, signal: null });
    worker.kill('SIGTERM');
    expect(await worker.ended(), worker.stderr).toEqual({ code: 0, signal: null });
    expect(count()).toEqual({ rows: 20_000, distinct: 20_000 });
  });
});

function schemaFile(): string {
  const file = join(cwd, 'schema.json');
  writeFileSync(
    file,
    '{"type":"object","properties":{"n":{"type":"integer","minimum":-2147483648,"maximum":2147483647}},"required":["n"]}',
  );
  return file;
}

function hasTable(): boolean {
  const database = new DatabaseSync(join(cwd, 'x.db'));
  const found = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't'").get();
  database.close();
  return found !== undefined;
}

async function until(isDone: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300 && !isDone(); tries += 1) await pause(100);
  expect(isDone()).toBe(true);
}
