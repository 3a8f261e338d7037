import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { smallDisk } from '../faults/privileges.ts';
import { startCommand } from './command-process.ts';

const MIB = 1024 * 1024;
const GROWTH_MAX = 400 * MIB;

let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tierfall-hard-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function residentBytes(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function* lineOf(bytes: number): Generator<Buffer> {
  yield Buffer.from('{"n":1}\n{"n":2}\n{"n":3,"t":"');
  const chunk = Buffer.alloc(MIB, 'x');
  for (let left = bytes; left > 0; left -= MIB) yield chunk;
  yield Buffer.from('"}\n{"n":4}\n');
}

describe('a line of 1 GiB', () => {
  it('is refused at its byte, in bounded memory, and the records before it are in the sink', async (context) => {
    if (process.platform !== 'linux') {
      process.stdout.write('memory of a child is read from /proc, which is not here: not measured\n');
      return context.skip();
    }
    const args = ['run', '--input', '-', '--format', 'ndjson', '--sink', 'sqlite:x.db', '--table', 't'];
    const idle = startCommand([...args, '--dir', 'idle'], { cwd });
    idle.stdin.end('{"n":0}\n');
    let base = 0;
    const measureIdle = setInterval(() => {
      base = Math.max(base, residentBytes(idle.pid));
    }, 20);
    await idle.ended();
    clearInterval(measureIdle);
    const command = startCommand(args, { cwd });
    let peak = 0;
    const measure = setInterval(() => {
      peak = Math.max(peak, residentBytes(command.pid));
    }, 20);
    // The command stops reading at its limit, which closes the pipe.
    await pipeline(Readable.from(lineOf(1024 * MIB)), command.stdin).catch(() => undefined);
    const { code } = await command.ended();
    clearInterval(measure);
    expect(code, command.stdout).toBe(1);
    expect(command.stderr).toContain('INPUT_RECORD_TOO_LARGE');
    expect(command.stderr).toContain('at byte 16');
    expect(command.stderr).toContain('hint: ');
    expect(base).toBeGreaterThan(20 * MIB);
    expect(peak - base, 'bytes of memory beyond those of an idle run').toBeLessThan(GROWTH_MAX);
    const database = new DatabaseSync(join(cwd, 'x.db'));
    expect(
      database
        .prepare('SELECT n FROM t WHERE n > 0 ORDER BY n')
        .all()
        .map((row) => row['n']),
    ).toEqual([1, 2]);
    database.close();
  });
});

describe('tierfall run on a full disk', () => {
  it('stops in words once nobody takes a batch, and lands everything with --resume', async (context) => {
    const disk = smallDisk(3 * MIB);
    if (disk === undefined) return context.skip();
    writeFileSync(join(disk, 'filler'), Buffer.alloc(MIB));
    const record = (n: number): string => `{"n":${n},"text":"${'x'.repeat(200)}"}\n`;
    writeFileSync(join(cwd, 'in.ndjson'), Array.from({ length: 20_000 }, (_, n) => record(n)).join(''));
    const locked = new DatabaseSync(join(cwd, 'in.db'));
    locked.exec('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE');
    const index = new URL('../../src/index.ts', import.meta.url).href;
    const sink = `sqliteSink({ file: '${join(cwd, 'in.db')}', table: 't', busyTimeoutMs: 1 })`;
    writeFileSync(
      join(cwd, 'tierfall.config.ts'),
      `import { sqliteSink } from '${index}';
export default { sink: ${sink}, retry: { attemptsMax: 1, firstMs: 1 } };`,
    );
    const args = ['run', '-i', 'in.ndjson', '--dir', join(disk, 'data')];
    const first = startCommand(args, { cwd });
    expect(await first.ended(), first.stderr).toEqual({ code: 1, signal: null });
    expect(first.stderr).toContain('CHAIN_EXHAUSTED');
    expect(first.stderr).toContain('STORAGE_FULL');
    expect(first.stderr).toContain('hint: ');
    expect(first.stderr).not.toContain('unexpected');
    locked.exec('ROLLBACK');
    locked.close();
    rmSync(join(disk, 'filler'));
    const second = startCommand([...args, '--resume', '--patience', '20s'], { cwd });
    expect(await second.ended(), second.stdout + second.stderr).toEqual({ code: 0, signal: null });
    const database = new DatabaseSync(join(cwd, 'in.db'));
    expect({ ...database.prepare('SELECT count(*) AS r, count(DISTINCT n) AS d FROM t').get() }).toEqual({
      r: 20_000,
      d: 20_000,
    });
    database.close();
    const status = startCommand(['status', '--dir', join(disk, 'data'), '--json'], { cwd });
    expect(await status.ended(), status.stderr).toEqual({ code: 0, signal: null });
    expect(status.stdout).toContain('"quarantined":0,"discarded":0,"pending":0,"balanced":"yes"');
  });
});
