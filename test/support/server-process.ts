/** Processes of servers that a test starts: without privileges, on ports that are free, and gone with the test. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const PROBE_EVERY_MS = 15;
const READY_WITHIN_MS = 45_000;
const STOP_WITHIN_MS = 5_000;
const LOG_TAIL = 2_000;

/** The user `nobody`, when we are root and may choose: several servers refuse to run as root. */
export const UNPRIVILEGED: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export interface ServerCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly options: SpawnOptions;
  /** Where its output goes. */
  readonly log: string;
}

export class ServerProcess {
  readonly pid: number;
  readonly #command: ServerCommand;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #ending: string | undefined;

  constructor(command: ServerCommand) {
    this.#command = command;
    const log = openSync(command.log, 'a');
    this.#child = spawn(command.command, command.args, { ...command.options, stdio: ['ignore', log, log] });
    closeSync(log);
    this.pid = this.#child.pid ?? 0;
    this.#exited = new Promise((resolve) => {
      const end = (words: string): void => {
        this.#ending ??= words;
        resolve();
      };
      this.#child.once('error', (error) => end(error.message));
      this.#child.once('exit', (code, signal) => end(`exit ${code ?? signal}`));
    });
    // A test that dies must not leave servers behind.
    process.once('exit', this.#kill);
  }

  /** Asks again and again until `isReady` says so. @throws Error with the end of its log when it ends before */
  async ready(isReady: () => Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + READY_WITHIN_MS;
    while (!(await isReady().catch(() => false))) {
      if (this.#ending !== undefined) throw new Error(this.#explain(this.#ending));
      if (performance.now() > untilMs) throw new Error(this.#explain(`not ready within ${READY_WITHIN_MS} ms`));
      await sleep(PROBE_EVERY_MS);
    }
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(this.#kill, STOP_WITHIN_MS);
    await this.#exited;
    clearTimeout(timer);
    process.removeListener('exit', this.#kill);
  }

  readonly #kill = (): void => void this.#child.kill('SIGKILL');

  #explain(words: string): string {
    return `${this.#command.name}: ${words}\n${readFileSync(this.#command.log, 'utf8').slice(-LOG_TAIL)}`;
  }
}
