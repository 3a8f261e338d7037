/** Runs one command in the repository with this very Node first on the PATH; never through the caller's. */
import { spawnSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');

export interface CommandResult {
  /** Exit code; 1 when a signal ended it. */
  readonly code: number;
  /** Empty unless `capture` was set. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs to the end and returns; output goes to the terminal unless `capture` is set. The command gets no stdin.
 * @throws Error when it cannot be started at all
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly capture?: boolean } = {},
): CommandResult {
  const path = [join(ROOT, 'node_modules', '.bin'), dirname(process.execPath), process.env['PATH'] ?? ''];
  const output = options.capture ? 'pipe' : 'inherit';
  const result = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, PATH: path.join(delimiter) },
    stdio: ['ignore', output, output],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    // On Windows the tools of node_modules/.bin are .cmd files, which only a shell starts.
    shell: process.platform === 'win32',
  });
  if (result.error) throw new Error(`cannot run ${command}: ${result.error.message}`, { cause: result.error });
  return { code: result.status ?? 1, stdout: result.stdout ?? '', stderr: result.stderr ?? '' };
}
