/** Where the story is told: the terminal, the writer, what is known so far, and the scenes as they happened. */
import { relative } from 'node:path';
import { TierfallError } from '../../core/errors.ts';
import type { CliContext } from '../context.ts';
import type { Scene } from '../report.ts';
import type { TableRow } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { Gate } from './messages.ts';
import type { Phase } from './plan.ts';
import { recordsOf, type Script } from './script.ts';
import { Tally } from './tally.ts';
import { WriterProcess } from './writer-process.ts';

export interface StageOptions {
  readonly script: Script;
  readonly planFile: string;
  readonly warehouse: string;
  readonly context: CliContext;
  readonly terminal: Terminal;
  /** Whether programs read along, who need neither blank lines nor wrapped ones. */
  readonly json: boolean;
}

const TEXT_WIDTH = 96;
const READING_MS = 600;

export class Stage {
  readonly script: Script;
  readonly warehouse: string;
  readonly terminal: Terminal;
  readonly tally = new Tally();
  readonly writer: WriterProcess;
  readonly scenes: Scene[] = [];
  readonly #context: CliContext;
  readonly #json: boolean;
  readonly #startMs: number;
  #gate: Gate | 'done' = 'clean';
  #onReceipt: () => void = () => {};
  #onReady: (resumedAt: number) => void = () => {};

  constructor({ script, planFile, warehouse, context, terminal, json }: StageOptions) {
    this.script = script;
    this.warehouse = warehouse;
    this.terminal = terminal;
    this.#context = context;
    this.#json = json;
    this.#startMs = context.clock.now();
    this.writer = new WriterProcess({
      planFile,
      cwd: context.cwd,
      onMessage: (message) => {
        this.tally.hear(message, this.elapsedMs);
        if (message.type === 'ready') this.#onReady(message.resumedAt ?? 0);
        if (message.type === 'receipt' || message.type === 'settled') this.#onReceipt();
      },
    });
  }

  get elapsedMs(): number {
    return this.#context.clock.now() - this.#startMs;
  }

  /** Starts the writer and waits until it stands at its first gate. */
  async open(): Promise<number> {
    const pid = this.writer.start();
    this.#gate = await this.writer.next();
    return pid;
  }

  /** Ends the story early: whoever waits for the writer is told that the demo was stopped. */
  stop(): void {
    this.writer.fail(new TierfallError('DEMO_STOPPED', 'the demo was stopped', { hint: 'Start it again.' }));
  }

  /** Kills the writer and starts it again; it goes on by itself. */
  async restart(): Promise<{ readonly pid: number; readonly resumedAt: number }> {
    await this.writer.kill();
    const ready = Promise.withResolvers<number>();
    this.#onReady = ready.resolve;
    const pid = this.writer.start();
    return { pid, resumedAt: await Promise.race([ready.promise, this.writer.trouble]) };
  }

  /** Announces a scene, on the terminal and for the report, and leaves a moment to read it. */
  async scene(title: string, text: string): Promise<void> {
    this.tally.mark(this.elapsedMs);
    this.scenes.push({ title, text, atMs: this.elapsedMs });
    this.terminal.scene(`${this.scenes.length}. ${title}`);
    this.say(text);
    const { clock } = this.#context;
    await new Promise<void>((resolve) => clock.schedule(READING_MS, resolve, { keepAlive: true }));
  }

  /** Says something in lines that can be read. */
  say(text: string): void {
    const width = Math.min(TEXT_WIDTH, (this.#context.stdout.columns ?? TEXT_WIDTH) - 1);
    this.terminal.note(this.#json ? text : wrap(text, width));
  }

  /** A table set off from what is above it. */
  table(rows: readonly TableRow[], title?: string): void {
    if (!this.#json) this.terminal.note('');
    this.terminal.table(rows, title);
  }

  /** A path as people would type it. */
  shown(path: string): string {
    return relative(this.#context.cwd, path) || '.';
  }

  /** Whether the writer has records for this phase, and waits to send them. */
  isAt(gate: Gate): boolean {
    return this.#gate === gate;
  }

  /**
   * Lets the writer go on with a phase and shows its progress until it stands at the next gate.
   * @param beside runs meanwhile; it is given a promise of the moment at which half of the records are acknowledged
   */
  async play(phase: Phase, beside?: (half: Promise<void>) => Promise<void>): Promise<void> {
    const total = recordsOf(this.script, phase);
    const progress = this.terminal.progress(phase, { total, unit: 'records' });
    const half = Promise.withResolvers<void>();
    this.#onReceipt = () => {
      const { records, delivered, degraded, deferred } = this.tally.inPhase(phase);
      const replayed = phase === 'back' ? this.#replayed : 0;
      progress.update(records, withoutZeros({ delivered, degraded, deferred, replayed }));
      if (records >= total / 2) half.resolve();
    };
    this.writer.go(phase);
    await beside?.(Promise.race([half.promise, this.writer.trouble]));
    // A writer that was killed before its first batch of the phase asks again.
    this.#gate = await this.writer.next();
    while (this.#gate === phase) {
      this.writer.go(phase);
      this.#gate = await this.writer.next();
    }
    this.#onReceipt = () => {};
    progress.finish();
  }

  /** Lets the writer drain, and shows what replay does until the writer is done. */
  async drain(): Promise<void> {
    const total = this.tally.counts(() => true).deferred;
    const progress = this.terminal.progress('drain', { total, unit: 'records' });
    this.#onReceipt = () => progress.update(Math.min(total, this.#replayed), withoutZeros(this.tally.settled));
    this.#onReceipt();
    this.writer.go('drain');
    this.#gate = await this.writer.next();
    await this.writer.gone;
    this.#onReceipt();
    this.#onReceipt = () => {};
    this.tally.mark(this.elapsedMs);
    progress.finish();
  }

  get #replayed(): number {
    return Object.values(this.tally.settled).reduce((sum, rows) => sum + rows, 0);
  }
}

function withoutZeros(counts: Readonly<Record<string, number>>): TableRow {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}

/** The share of the run that a phase is, by records, in percent. */
export function shareOf(script: Script, phase: Phase): number {
  return Math.round((100 * recordsOf(script, phase)) / recordsOf(script));
}
