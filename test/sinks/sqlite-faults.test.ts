import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { column, failure, numbers, sqliteTarget, type Target, table, upTo } from './sqlite-target.ts';

const long = (rows: number) =>
  table(
    [column('x')],
    upTo(rows).map((row) => [`${row}`.padEnd(1_000, '.')]),
  );

describe('a full disk', () => {
  it('is unavailable, lands nothing of its transaction, and writing resumes once there is room', async () => {
    const target = sqliteTarget();
    const small = target.open({ bytesMax: 200_000 });
    await small.write(numbers([1]));
    const error = await failure(small, long(1_000));
    expect([error.reason, error.retryable, error.hint]).toEqual([
      'unavailable',
      true,
      'The disk or the quota is full: free space; writing then resumes by itself.',
    ]);
    expect(target.keys()).toEqual(['k-0']);
    expect(await small.lookup(['k-0', 'k-1'])).toEqual(new Set(['k-0']));
    expect(statSync(target.file).size).toBeLessThanOrEqual(200_000);
    await small.close();
    expect(await target.open().write(long(1_000))).toBeUndefined();
    expect(target.keys().length).toBe(1_000);
  });

  it('that comes after some transactions leaves exactly the rest', async () => {
    const target = sqliteTarget();
    const result = await target.open({ bytesMax: 9_000_000 }).write(long(12_000));
    expect(result?.residue).toMatchObject([{ reason: 'unavailable', rows: upTo(12_000).slice(5_000) }]);
    expect(target.keys().length).toBe(5_000);
  });
});

describe('a file that cannot be written', () => {
  /** Without the powers of root, which no permission stops. */
  async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
    if (process.geteuid?.() !== 0) return work();
    process.seteuid?.(65_534);
    try {
      return await work();
    } finally {
      process.seteuid?.(0);
    }
  }

  it('for want of its directory is unavailable, until that is there', async () => {
    const target = sqliteTarget();
    const error = await failure(target.open({ file: `${target.directory}/absent/x.db` }), numbers([1]));
    expect([error.reason, error.message]).toEqual(['unavailable', 'sqlite:t: unable to open database file']);
    expect(error.hint).toMatch(/directory exists/);
  });

  it('in a directory that is read-only is unavailable', async () => {
    const target = sqliteTarget();
    chmodSync(target.directory, 0o555);
    const error = await unprivileged(() => failure(target.open(), numbers([1])));
    chmodSync(target.directory, 0o777);
    expect([error.reason, error.message]).toEqual(['unavailable', 'sqlite:t: unable to open database file']);
  });

  it('because it is read-only is unavailable, and writing resumes on the same sink', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER)');
    chmodSync(target.directory, 0o777);
    chmodSync(target.file, 0o444);
    const sink = target.open();
    const error = await unprivileged(() => failure(sink, numbers([1])));
    expect([error.reason, error.message]).toEqual([
      'unavailable',
      'sqlite:t: attempt to write a readonly database',
    ]);
    chmodSync(target.file, 0o666);
    expect(await sink.write(numbers([1]))).toBeUndefined();
  });
});

describe('a second connection that writes', () => {
  const locked = (target: Target): DatabaseSync => {
    target.sql('PRAGMA journal_mode = WAL; CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER)');
    const other = new DatabaseSync(target.file);
    onTestFinished(() => other.close());
    other.exec('BEGIN IMMEDIATE');
    return other;
  };

  it('is waited for, with the event loop running', async () => {
    const target = sqliteTarget();
    const other = locked(target);
    setImmediate(() => other.exec('COMMIT'));
    expect(await target.open().write(numbers([1]))).toBeUndefined();
    expect(target.keys()).toEqual(['k-0']);
  });

  it('throttles once the busy timeout has passed, and nothing is in', async () => {
    const target = sqliteTarget();
    const other = locked(target);
    const sink = target.open({ busyTimeoutMs: 60 });
    const before = performance.now();
    const error = await failure(sink, numbers([1]));
    expect([error.reason, error.retryable]).toEqual(['throttled', true]);
    expect(performance.now() - before).toBeGreaterThan(30);
    expect(await sink.lookup(['k-0'])).toEqual(new Set());
    other.exec('COMMIT');
    expect(await sink.write(numbers([1]))).toBeUndefined();
  });

  it('is waited for by the clock: all writers give up in time, and the event loop stays free', async () => {
    const target = sqliteTarget();
    locked(target);
    const clock = new ManualClock();
    const sink = target.open({ busyTimeoutMs: 5_000, clock });
    const writes = Array.from({ length: 8 }, () => failure(sink, numbers([1])));
    await clock.advance(4_960);
    let settled = 0;
    for (const write of writes) void write.then(() => (settled += 1));
    await clock.advance(0);
    expect(settled).toBe(0);
    await clock.advance(40);
    expect((await Promise.all(writes)).map(({ reason }) => reason)).toEqual(Array(8).fill('throttled'));
  });

  it('is waited for also before the first WAL', async () => {
    const target = sqliteTarget();
    target.sql('CREATE TABLE t (tierfall_key TEXT PRIMARY KEY, n INTEGER)');
    const other = new DatabaseSync(target.file);
    onTestFinished(() => other.close());
    other.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 1)');
    setImmediate(() => other.exec('COMMIT'));
    expect(await target.open().write(numbers([1]))).toBeUndefined();
  });

  it('does not hold up an abort', async () => {
    const target = sqliteTarget();
    locked(target);
    const controller = new AbortController();
    const write = failure(target.open({ busyTimeoutMs: 60_000 }), numbers([1], { signal: controller.signal }));
    setImmediate(() => controller.abort());
    expect((await write).reason).toBe('unavailable');
  });
});

describe('a damaged file', () => {
  it('that is no database is unavailable and is left as it is', async () => {
    const target = sqliteTarget();
    const text = 'these are not the pages you are looking for\n'.repeat(200);
    writeFileSync(target.file, text);
    const error = await failure(target.open(), numbers([1]));
    expect([error.reason, error.message]).toEqual(['unavailable', 'sqlite:t: file is not a database']);
    expect(readFileSync(target.file, 'utf8')).toBe(text);
  });

  it('with a torn page is unavailable, and usable on the same sink once it is restored', async () => {
    const target = sqliteTarget();
    const writer = target.open();
    await writer.write(long(500));
    await writer.reset();
    const whole = readFileSync(target.file);
    const torn = Buffer.from(whole);
    torn.fill(0xa5, 4_096);
    writeFileSync(target.file, torn);
    const sink = target.open();
    const error = await failure(sink, numbers([1], { keys: ['new'] }));
    expect([error.reason, error.message]).toEqual([
      'unavailable',
      'sqlite:t: database disk image is malformed',
    ]);
    writeFileSync(target.file, whole);
    expect(await sink.write(numbers([1], { keys: ['new'] }))).toBeUndefined();
    expect(target.keys().length).toBe(501);
  });
});

describe('a file that was taken away under the sink', () => {
  it('is noticed where files can be told apart: the write goes to the file that is there', async () => {
    const target = sqliteTarget();
    const identityOf = (file: string): string | undefined => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found && `${found.dev}:${found.ino}`;
    };
    const sink = target.open({ identityOf });
    await sink.write(numbers([1]));
    rmSync(target.file);
    expect(await sink.lookup(['k-0'])).toEqual(new Set());
    await sink.write(numbers([2]));
    expect(target.all('SELECT n FROM t')).toEqual([{ n: 2n }]);
  });
});

describe('a process that is killed', () => {
  const CHILD = fileURLToPath(new URL('sqlite-writer.ts', import.meta.url));

  /** Starts a writer and kills it after it has acknowledged some requests. */
  async function killAfterAcks(file: string, acks: number): Promise<number> {
    const child: ChildProcess = spawn(process.execPath, [CHILD, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let acked = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      acked += chunk.toString().split('\n').length - 1;
      if (acked >= acks) child.kill('SIGKILL');
    });
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');
    return acked;
  }

  it('keeps every row it acknowledged, and writing all again completes the rest without a duplicate', async () => {
    const target = sqliteTarget();
    const acked = await killAfterAcks(target.file, 3);
    expect(target.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    const held = target.keys();
    expect(held.length).toBeGreaterThanOrEqual(acked * 1_000);
    const sink = target.open();
    const rows = held.length + 500;
    expect(await sink.write(numbers(upTo(rows)))).toBeUndefined();
    expect(
      target.all('SELECT count(*) AS rows, count(DISTINCT tierfall_key) AS keys, sum(n) AS sum FROM t'),
    ).toEqual([{ rows: BigInt(rows), keys: BigInt(rows), sum: (BigInt(rows) * BigInt(rows - 1)) / 2n }]);
  });
});
