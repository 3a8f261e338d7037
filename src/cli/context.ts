/** What every command is given: the outside of the process, so that tests can bring their own. */
import type { Clock } from '../core/clock.ts';
import { createTerminal, type Terminal, type TextOutput } from './terminal.ts';

export interface CliContext {
  readonly cwd: string;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput & { readonly isTTY?: boolean };
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

export function terminalOf(context: CliContext, json: boolean): Terminal {
  const { stdout, stderr, clock, env } = context;
  return createTerminal({ stdout, stderr, isTty: stderr.isTTY === true, json, clock, env });
}
