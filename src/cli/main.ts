/** The program: its commands, its signals, its exit code. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../platform/system-clock.ts';
import { coerceCommand } from './commands/coerce.ts';
import { demoCommand } from './commands/demo.ts';
import { demoWriterCommand } from './commands/demo-writer.ts';
import { diffCommand } from './commands/diff.ts';
import { graphCommand } from './commands/graph.ts';
import { healCommand } from './commands/heal.ts';
import { journalCommand } from './commands/journal.ts';
import { quarantineCommand } from './commands/quarantine.ts';
import { reconcileCommand } from './commands/reconcile.ts';
import { runCommand } from './commands/run.ts';
import { schemaCommand } from './commands/schema.ts';
import { statusCommand } from './commands/status.ts';
import { sweepCommand } from './commands/sweep.ts';
import { verifyCommand } from './commands/verify.ts';
import { workerCommand } from './commands/worker.ts';
import type { CliContext } from './context.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_UNLANDED, EXIT_USAGE, runProgram } from './program.ts';

/** Every command, in the order of the help page. */
export const COMMANDS = [
  demoCommand,
  runCommand,
  workerCommand,
  statusCommand,
  reconcileCommand,
  healCommand,
  sweepCommand,
  quarantineCommand,
  verifyCommand,
  journalCommand,
  diffCommand,
  schemaCommand,
  coerceCommand,
  graphCommand,
  demoWriterCommand,
];

function version(): string {
  // Both `src/cli/` and `dist/` are looked at from where this file is.
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version: found } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'tierfall' && found) return found;
    } catch {
      // Not there: the next place.
    }
  }
  return 'unknown';
}

/** What is on the first help page. */
export const program = {
  name: 'tierfall',
  version: version(),
  summary: 'Keeps data pipelines writing when their target refuses, and proves that nothing is missing.',
  sections: [
    {
      title: 'Exit codes',
      rows: [
        [String(EXIT_OK), 'Done; every record is in the sink.'],
        [String(EXIT_FAILED), 'Failed; the message says where and what to do.'],
        [String(EXIT_USAGE), 'The command line or a setting is wrong; nothing was done.'],
        [
          String(EXIT_UNLANDED),
          'Safe, but some records rest outside the sink (deferred, in quarantine), or stay degraded after a heal.',
        ],
      ],
    },
  ],
} as const;

const LINGER_MS = 500;

/** Runs the command of `process.argv` and sets the exit code. The first signal asks it to stop, the second one ends it. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) process.exit(130);
      stopping.abort(new Error(`stopped by ${name}`));
    });
  }
  const context: CliContext = {
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    env: process.env,
    signal: stopping.signal,
  };
  const output = {
    stdout: (text: string): void => void process.stdout.write(text),
    stderr: (text: string): void => void process.stderr.write(text),
  };
  const code = await runProgram(program, COMMANDS, args, context, output);
  process.exitCode = code;
  // Whoever was told to stop ends, also where a call that nobody waits for any more holds the process.
  if (stopping.signal.aborted) setTimeout(() => process.exit(code), LINGER_MS).unref();
}
