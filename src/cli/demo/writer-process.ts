/**
 * The storyteller's hold on the writer: starts it, hears it, lets it pass a gate, kills it.
 *
 * P1 the writer is the head of a process group of its own, so a kill takes everything it may have started. P2 `kill`
 * resolves only when all that the writer told before it died was heard. P3 a writer that ends unasked fails whoever
 * waits for it, with its last words.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { TierfallError } from '../../core/errors.ts';
import type { Gate, WriterMessage } from './messages.ts';

export interface WriterProcessOptions {
  readonly planFile: string;
  readonly cwd: string;
  onMessage(message: WriterMessage): void;
}

interface Waiting {
  resolve(gate: Gate | 'done'): void;
  reject(error: unknown): void;
}

const WORDS_MAX = 4_000;

export class WriterProcess {
  readonly #options: WriterProcessOptions;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #isKilled = false;
  #isDone = false;
  #gate: Gate | undefined;
  #waiting: Waiting | undefined;
  #failure: unknown;
  readonly #trouble = Promise.withResolvers<never>();
  #words = '';

  constructor(options: WriterProcessOptions) {
    this.#options = options;
    // It is waited for in some scenes only.
    this.#trouble.promise.catch(() => undefined);
  }

  /** Never resolves; rejects when the writer fails. */
  get trouble(): Promise<never> {
    return this.#trouble.promise;
  }

  /** @returns its process id */
  start(): number {
    // The same program as this one, from its sources or as installed.
    const program = [...process.execArgv, process.argv[1] ?? ''];
    const args = [...program, 'demo-writer', '--plan', this.#options.planFile];
    const child = spawn(process.execPath, args, {
      cwd: this.#options.cwd,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#isKilled = false;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-WORDS_MAX);
    });
    // The pipe breaks when the writer is killed; what matters then is how it ended.
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
    this.#gone = new Promise((resolve) => {
      child.on('error', (error) => this.fail(error));
      child.on('close', (code, signal) => {
        if (!this.#isKilled && !this.#isDone) this.fail(this.#unexpectedEnd(code, signal));
        resolve();
      });
    });
    return child.pid ?? 0;
  }

  /** Opens a gate. */
  go(gate: Gate): void {
    this.#gate = undefined;
    this.#child?.stdin?.write(`${JSON.stringify({ type: 'go', gate })}\n`);
  }

  /** The gate at which the writer waits, once it does; `done` when it has nothing more to do. */
  next(): Promise<Gate | 'done'> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      else if (this.#gate !== undefined) resolve(this.#gate);
      else if (this.#isDone) resolve('done');
      else this.#waiting = { resolve, reject };
    });
  }

  /** SIGKILL. Does nothing when it is not running. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    const { pid, exitCode, signalCode } = this.#child ?? {};
    if (pid !== undefined && exitCode === null && signalCode === null) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // It ended between the look and the kill.
      }
    }
    await this.#gone;
  }

  /** Resolves when the process is gone. */
  get gone(): Promise<void> {
    return this.#gone;
  }

  #hear(line: string): void {
    const message = parseMessage(line);
    // A last line that was cut by the kill: its batch is behind no checkpoint and comes again.
    if (!message) return;
    this.#options.onMessage(message);
    if (message.type === 'gate') this.#gate = message.gate;
    if (message.type === 'done') this.#isDone = true;
    if (message.type === 'gate' || message.type === 'done') {
      this.#waiting?.resolve(message.type === 'gate' ? message.gate : 'done');
      this.#waiting = undefined;
    }
  }

  /** Rejects whoever waits for the writer, now or later; the first failure stands. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#trouble.reject(this.#failure);
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  #unexpectedEnd(code: number | null, signal: string | null): TierfallError {
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    return new TierfallError('DEMO_WRITER', `the writer of the demo ended ${how}: ${this.#words.trim()}`, {
      hint: 'What it acknowledged is safe in its data directories; start the demo again.',
    });
  }
}

function parseMessage(line: string): WriterMessage | undefined {
  try {
    return JSON.parse(line) as WriterMessage;
  } catch {
    return undefined;
  }
}
