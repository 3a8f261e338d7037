/** Where the story is told: the terminal, the writer, what is known so far, and the scenes as they happened. */
import { relative } from 'node:path';
import type { CliContext } from '../context.ts';
import type { Scene } from '../report.ts';
import type { Terminal } from '../terminal.ts';
import type { Gate } from './messages.ts';
import { PHASES, type Phase } from './plan.ts';
import { recordsOf, type Script } from './script.ts';
import { Tally } from './tally.ts';
import { WriterProcess } from './writer-process.ts';

export interface StageOptions {
  readonly script: Script;
  readonly planFile: string;
  readonly warehouse: string;
  readonly context: CliContext;
  readonly terminal: Terminal;
}

export class Stage {
  readonly script: Script;
  readonly warehouse: string;
  readonly terminal: Terminal;
  readonly tally = new Tally();
  readonly writer: WriterProcess;
  readonly scenes: Scene[] = [];
  readonly #context: CliContext;
  readonly #startMs: number;
  #gate: Gate | 'done' = 'clean';
  #onReceipt: () => void = () => {};

  constructor({ script, planFile, warehouse, context, terminal }: StageOptions) {
    this.script = script;
    this.warehouse = warehouse;
    this.terminal = terminal;
    this.#context = context;
    this.#startMs = context.clock.now();
    this.writer = new WriterProcess({
      planFile,
      cwd: context.cwd,
      onMessage: (message) => {
        this.tally.hear(message, this.elapsedMs);
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

  /** Announces a scene, on the terminal and for the report. */
  scene(title: string, text: string): void {
    this.tally.mark(this.elapsedMs);
    this.scenes.push({ title, text, atMs: this.elapsedMs });
    this.terminal.scene(`${this.scenes.length}. ${title}`);
    this.terminal.note(text);
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
      progress.update(records, { delivered, degraded, deferred });
      if (records >= total / 2) half.resolve();
    };
    this.writer.go(phase);
    await beside?.(half.promise);
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
    this.#onReceipt = () => {
      const { delivered, degraded, alreadyHeld, quarantined } = this.tally.settled;
      const done = Math.min(total, delivered + degraded + alreadyHeld + quarantined);
      progress.update(done, { delivered, degraded, 'already held': alreadyHeld, quarantined });
    };
    this.writer.go('drain');
    this.#gate = await this.writer.next();
    await this.writer.gone;
    this.#onReceipt = () => {};
    this.tally.mark(this.elapsedMs);
    progress.finish();
  }
}

/** The share of the run that a phase is, by records, in percent. */
export function shareOf(script: Script, phase: Phase): number {
  const total = PHASES.reduce((sum, each) => sum + recordsOf(script, each), 0);
  return Math.round((100 * recordsOf(script, phase)) / total);
}
