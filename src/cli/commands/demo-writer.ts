import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { defineCommand } from '../args.ts';
import type { CliContext } from '../context.ts';
import type { Gate, GoMessage } from '../demo/messages.ts';
import type { Plan } from '../demo/plan.ts';
import { runWriter } from '../demo/writer.ts';
import { EXIT_OK } from '../program.ts';

/** The process that `tierfall demo` starts, kills and starts again. Ends by itself when its parent is gone. */
export const demoWriterCommand = defineCommand(
  {
    name: 'demo-writer',
    hidden: true,
    summary: 'The pipeline of the demo, run by it in a process of its own.',
    options: {
      plan: { type: 'text', placeholder: 'FILE', required: true, description: 'What to do.' },
    },
    examples: [],
  },
  async ({ options }, { stdout, clock, signal }: CliContext) => {
    const plan = JSON.parse(await readFile(options.plan, 'utf8')) as Plan;
    const parent = listenToParent();
    await runWriter({
      plan,
      clock,
      signal: AbortSignal.any([signal, parent.signal]),
      tell: (message) => void stdout.write(`${JSON.stringify(message)}\n`),
      pass: parent.pass,
    });
    parent.close();
    return EXIT_OK;
  },
);

/** The answers on standard input; its end means that there is nobody left to tell. */
function listenToParent(): {
  readonly signal: AbortSignal;
  pass(gate: Gate): Promise<void>;
  close(): void;
} {
  const gone = new AbortController();
  const opened = new Map<Gate, () => void>();
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { gate } = JSON.parse(line) as GoMessage;
    opened.get(gate)?.();
  });
  lines.on('close', () => gone.abort(new Error('the demo that started this writer is gone')));
  return {
    signal: gone.signal,
    pass: (gate) =>
      new Promise((resolve, reject) => {
        opened.set(gate, resolve);
        gone.signal.addEventListener('abort', () => reject(gone.signal.reason), { once: true });
      }),
    close: () => lines.close(),
  };
}
