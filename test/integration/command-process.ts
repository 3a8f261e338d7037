/** The command as a real process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const SCRIPT = join(import.meta.dirname, '../../src/cli/tierfall.ts');

export interface CommandProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: string;
  readonly stderr: string;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once stdout and stderr together hold `text`; rejects when the process ends before. */
  said(text: string): Promise<void>;
  ended(): Promise<{ readonly code: number | null; readonly signal: string | null }>;
}

export interface CommandOptions {
  readonly cwd: string;
  /** Of the process, when this one may change it. */
  readonly uid?: number;
}

export function startCommand(args: readonly string[], { cwd, uid }: CommandOptions): CommandProcess {
  const user = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(process.execPath, [SCRIPT, ...args], { cwd, stdio: 'pipe', ...user });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const texts = { stdout: '', stderr: '' };
  const listen = (stream: Readable, name: 'stdout' | 'stderr'): void => {
    stream.on('data', (chunk) => {
      texts[name] += String(chunk);
    });
  };
  listen(child.stdout, 'stdout');
  listen(child.stderr, 'stderr');
  let isOver = false;
  void closed.then(() => {
    isOver = true;
  });
  return {
    pid: child.pid ?? -1,
    stdin: child.stdin,
    get stdout() {
      return texts.stdout;
    },
    get stderr() {
      return texts.stderr;
    },
    kill: (signal) => void child.kill(signal),
    async said(text) {
      while (!(texts.stdout + texts.stderr).includes(text)) {
        if (isOver) throw new Error(`it ended without saying ${text}: ${texts.stdout}${texts.stderr}`);
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), closed]);
      }
    },
    async ended() {
      const [code, signal] = await closed;
      return { code, signal };
    },
  };
}
