/**
 * The test command: types, lint, architecture, servers, tests, package. A gate that fails does not hide the others: all run,
 * and the last line is always `N passed, N failed`, the tests' own counts plus one failure per failed gate.
 *
 * `npm test -- <args>` hands the arguments to vitest and to nothing else.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';
import { type Counts, countTests } from './test-counts.ts';

function runGate(name: string, gate: () => boolean): boolean {
  process.stdout.write(`\n> ${name}\n`);
  const startedMs = performance.now();
  const passed = gate();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`${passed ? 'ok' : 'FAILED'}: ${name} in ${seconds} s\n`);
  return passed;
}

function runTests(args: readonly string[]): Counts {
  const scratch = mkdtempSync(join(tmpdir(), 'tierfall-test-'));
  const file = join(scratch, 'vitest.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const { code } = runCommand('vitest', ['run', ...reporters, ...args]);
    return countTests(readReport(file), code);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readReport(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // vitest died before it wrote; its exit code and the missing counts say so.
    return undefined;
  }
}

const succeeds = (command: string, ...args: readonly string[]) => runCommand(command, args).code === 0;
const failedGates: string[] = [];
const gate = (name: string, run: () => boolean): void => {
  if (!runGate(name, run)) failedGates.push(name);
};

let counts: Counts = { passed: 0, failed: 0 };
gate('types', () => succeeds('tsc', '--noEmit'));
gate('lint', () => succeeds('biome', 'check', '.'));
gate('architecture', () => succeeds('node', 'scripts/check-architecture.ts'));
gate('servers', () => succeeds('node', 'scripts/install-servers.ts'));
const testsPassed = runGate('tests', () => {
  counts = runTests(process.argv.slice(2));
  return counts.failed === 0;
});
gate('package', () => succeeds('node', 'scripts/check-package.ts'));

const failedSteps = testsPassed ? failedGates : [...failedGates, 'tests'];
if (failedSteps.length > 0) process.stderr.write(`\nfailed: ${failedSteps.join(', ')}\n`);
process.stdout.write(`\n${counts.passed} passed, ${counts.failed + failedGates.length} failed\n`);
process.exitCode = failedSteps.length > 0 ? 1 : 0;
