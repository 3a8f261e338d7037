/** Where a campaign takes place: a directory, a Redis, a sink in SQLite, and workers as real processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type CommandProcess, startCommand } from '../integration/command-process.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { findDisorder, type Sent } from './disorder.ts';

export interface Stage extends AsyncDisposable {
  readonly redis: RedisServer;
  /** The data directory of the pipeline. */
  readonly dir: string;
  /** The database of the sink; its table is `records`. */
  readonly sinkFile: string;
  startWorker(): CommandProcess;
  /** Records in the sink, of which none is ever deleted. */
  landed(): number;
  /** What is wrong with the sink, and what the project itself says of it; empty when all is well. */
  judge(sent: Sent, say: (line: string) => void): Promise<readonly string[]>;
}

/** @param schema JSON Schema of the records, which have a `key` and a number `n` */
export async function openStage(name: string, schema: object): Promise<Stage> {
  const cwd = mkdtempSync(join(tmpdir(), `tierfall-${name}-`));
  writeFileSync(join(cwd, 'schema.json'), JSON.stringify(schema));
  const redis = await startRedis();
  const sinkFile = join(cwd, 'sink.db');
  const where = ['--dir', '.tierfall', '--queue', redis.url];
  const sink = ['--sink', 'sqlite:sink.db', '--table', 'records', '--schema', 'schema.json'];
  const started: CommandProcess[] = [];
  return {
    redis,
    dir: join(cwd, '.tierfall'),
    sinkFile,
    startWorker: () => {
      const worker = startCommand(['worker', ...where, ...sink], { cwd });
      started.push(worker);
      return worker;
    },
    landed: () => countRecords(sinkFile),
    judge: async (sent, say) => {
      const faults = [...findDisorder(sinkFile, sent)];
      for (const args of [
        ['reconcile', ...where, ...sink, '--report'],
        ['verify', ...where],
      ]) {
        const command = startCommand(args, { cwd });
        const { code } = await command.ended();
        const words = command.stdout.split('\n').slice(0, 12).join('\n');
        say(words);
        if (code !== 0) faults.push(`tierfall ${args[0]} exits ${code}: ${words}${command.stderr.slice(-500)}`);
      }
      return faults;
    },
    [Symbol.asyncDispose]: async () => {
      for (const worker of started) worker.kill('SIGKILL');
      for (const worker of started) await worker.ended();
      await redis[Symbol.asyncDispose]();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

function countRecords(file: string): number {
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
    try {
      return Number(database.prepare('SELECT MAX(rowid) AS n FROM records').get()?.['n'] ?? 0);
    } finally {
      database.close();
    }
  } catch {
    // Nobody has made it yet.
    return 0;
  }
}
