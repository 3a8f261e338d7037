/** A directory for one test, and the command run in it: in this process, with its own streams and signal. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { COMMANDS, program } from '../../src/cli/main.ts';
import { runProgram } from '../../src/cli/program.ts';
import { systemClock } from '../../src/platform/system-clock.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Workplace {
  readonly path: string;
  /** Writes a file of the workplace. @returns its path */
  file(name: string, content: string | Uint8Array): string;
  /** Runs `tierfall …args` here. */
  tierfall(args: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<Ran>;
  /** Rows of a query on a database of the workplace. */
  rows(database: string, query: string): Record<string, unknown>[];
  /** Paths below a folder, relative to it, sorted; none when it is not there. */
  below(folder: string): string[];
}

/** Removed when the test ends. */
export function workplace(): Workplace {
  const path = mkdtempSync(join(tmpdir(), 'tierfall-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    file(name, content) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    tierfall: (args, { signal } = {}) => run(path, args, signal ?? new AbortController().signal),
    rows(database, query) {
      const opened = new DatabaseSync(join(path, database), { readOnly: true });
      const rows = opened.prepare(query).all();
      opened.close();
      return rows.map((row) => ({ ...row }));
    },
    below(folder) {
      try {
        return readdirSync(join(path, folder), { recursive: true }).map(String).sort();
      } catch {
        return [];
      }
    },
  };
}

async function run(cwd: string, args: readonly string[], signal: AbortSignal): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = { write: (text: string): void => void out.push(text) };
  const stderr = { write: (text: string): void => void err.push(text) };
  const context: CliContext = { cwd, stdout, stderr, clock: systemClock, env: {}, signal };
  const output = { stdout: stdout.write, stderr: stderr.write };
  const code = await runProgram(program, COMMANDS, args, context, output);
  return { code, out: out.join(''), err: err.join('') };
}

/** The ids that `quarantine list --json` tells. */
export function quarantinedIds(out: string): readonly string[] {
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { rows?: readonly { id: string }[] });
  return lines.flatMap(({ rows = [] }) => rows.map(({ id }) => id));
}
