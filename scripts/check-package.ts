/**
 * Builds and packs the package and looks at what a user would get: publint, attw, both module systems, and the
 * command under a Node that is too old for it.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT, runCommand } from './run-command.ts';

const COMMAND = join(ROOT, 'dist', 'tierfall.js');
const ENTRIES = ['tierfall', 'tierfall/testing'];
const PRETEND_OLD = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'22.17.1'})";

function check(passed: boolean, claim: string): void {
  if (!passed) throw new Error(claim);
  process.stdout.write(`${claim}\n`);
}

/** The pictures and documents of this repository that README.md shows or links; its links into the source are for those who have it. */
function linkedFromReadme(): readonly string[] {
  const targets = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/\]\(([\w./-]+)\)/g)];
  const linked = targets
    .map(([, target = '']) => target)
    .filter((path) => /\.(?:md|svg)$|^LICENSE$/.test(path));
  check(linked.length > 1, `README.md names ${linked.length} pictures and documents`);
  return linked;
}

function checkTarball(scratch: string): void {
  // dist is fresh: without --ignore-scripts npm would build it a second time.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', scratch];
  const packed = runCommand('npm', pack, { capture: true });
  check(packed.code === 0, `npm packs it${packed.code === 0 ? '' : `: ${packed.stderr}`}`);
  const [{ filename, files, size }] = JSON.parse(packed.stdout);
  const strangers = files.filter(
    ({ path }: { path: string }) => !/^(dist\/|docs\/[\w-]+\.svg$|[A-Z]+(\.md)?$|package\.json$)/.test(path),
  );
  check(
    strangers.length === 0,
    `${files.length} files, ${Math.round(size / 1000)} kB, nothing but dist and documents`,
  );
  const absent = ['README.md', ...linkedFromReadme()].filter(
    (name) => !files.some(({ path }: { path: string }) => path === name),
  );
  check(
    absent.length === 0,
    `README.md with its pictures and documents is in it${absent.length === 0 ? '' : `, but for ${absent.join(', ')}`}`,
  );
  const tarball = join(scratch, filename);
  check(runCommand('publint', ['run', tarball, '--strict']).code === 0, 'publint has no objection');
  const attw = ['--no-definitely-typed', '--profile', 'node16', '--format', 'ascii', '--no-emoji', '--quiet'];
  const types = runCommand('attw', [tarball, ...attw]).code === 0;
  if (!types) runCommand('attw', [tarball, ...attw.slice(0, -1)]);
  check(types, 'types resolve as the code does, from ESM and from CommonJS');
}

function checkModules(): void {
  for (const entry of ENTRIES) {
    const esm = runCommand('node', ['--input-type=module', '--eval', `await import('${entry}')`]).code === 0;
    const cjs = runCommand('node', ['--input-type=commonjs', '--eval', `require('${entry}')`]).code === 0;
    check(esm && cjs, `${entry} loads by import and by require`);
  }
}

function checkCommand(): void {
  const text = readFileSync(COMMAND, 'utf8');
  check(text.startsWith('#!/usr/bin/env node\n'), 'the command has its shebang');
  check(process.platform === 'win32' || (statSync(COMMAND).mode & 0o111) !== 0, 'the command is executable');
  // A static import is resolved before the first line runs: an old Node would die of it instead of explaining itself.
  const { statements } = ts.createSourceFile(COMMAND, text, ts.ScriptTarget.Latest);
  const early = statements.some(
    (node) => ts.isImportDeclaration(node) || (ts.isExportDeclaration(node) && node.moduleSpecifier),
  );
  check(!early, 'the command imports nothing before it has looked at its Node');
  const old = runCommand('node', ['--import', PRETEND_OLD, COMMAND, '--help'], { capture: true });
  check(
    old.code === 2 && old.stderr.includes('22.18'),
    'the command explains itself on an old Node and exits 2',
  );
  check(runCommand('node', [COMMAND, '--help'], { capture: true }).code === 0, 'the command prints its help');
}

const scratch = mkdtempSync(join(tmpdir(), 'tierfall-package-'));
try {
  check(runCommand('tsup', ['--silent']).code === 0, 'tsup builds it');
  checkTarball(scratch);
  checkModules();
  checkCommand();
} catch (error) {
  process.stderr.write(`not so: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
