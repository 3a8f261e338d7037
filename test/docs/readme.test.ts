import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const COMMAND = join(ROOT, 'src', 'cli', 'tierfall.ts');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const scratches: string[] = [];
afterAll(() => {
  for (const scratch of scratches) rmSync(scratch, { recursive: true, force: true });
});

/** An empty directory that looks like a checkout after `npm ci`. */
function newScratch(): string {
  const scratch = mkdtempSync(join(tmpdir(), 'tierfall-readme-'));
  scratches.push(scratch);
  symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
  return scratch;
}

function blocksOf(language: string): readonly string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, text = '']) => text,
  );
}

/** A source file beside this one, as a user would have it. */
function asPublished(name: string): string {
  const text = readFileSync(join(import.meta.dirname, name), 'utf8');
  return text.replace(/^\/\/ biome-ignore.*\n/, '').replace("'../../src/index.ts'", "'tierfall'");
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node; ends the process politely once it says `until`. */
function run(cwd: string, args: readonly string[], until?: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].on('data', (chunk) => {
        said[stream] += chunk;
        const isTime = until !== undefined && `${said.stdout}${said.stderr}`.includes(until);
        if (isTime && !child.killed) child.kill('SIGTERM');
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...said }));
  });
}

describe('the example', () => {
  it('is the file that the compiler checks', () => {
    expect(blocksOf('ts')).toEqual([asPublished('example.ts'), asPublished('tierfall.config.ts')]);
  });

  it('has twenty lines, give or take blank ones', () => {
    const lines = asPublished('example.ts').split('\n');
    expect(lines.filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(20);
  });

  it('prints what the README says', { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await run(newScratch(), [join(import.meta.dirname, 'example.ts')]);
    expect(stderr).toBe('');
    expect(stdout).toBe(blocksOf('text')[0]);
    expect(code).toBe(0);
  });
});

it('ARCHITECTURE.md shows the default graph as the command prints it', { timeout: 60_000 }, async () => {
  const [, drawn] =
    /^```mermaid\n([\s\S]*?)^```/m.exec(readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')) ?? [];
  const { stdout } = await run(newScratch(), [COMMAND, 'graph']);
  expect(drawn).toBe(stdout);
});

describe('the tour of the command', () => {
  const scratch = newScratch();
  const commands = blocksOf('sh')
    .flatMap((block) => block.split('\n'))
    .filter((line) => line.startsWith('npx tierfall '))
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(2));

  it('shows every command but help and the demo', () => {
    expect(commands.map(([name]) => name).sort()).toEqual(
      [
        'diff',
        'graph',
        'heal',
        'journal',
        'quarantine',
        'reconcile',
        'run',
        'schema',
        'status',
        'sweep',
        'verify',
        'worker',
      ].sort(),
    );
  });

  it('works line by line, and every record lands', { timeout: 120_000 }, async () => {
    for (const [name, ...args] of commands) {
      if (name === 'worker') continue;
      const { code, stderr } = await run(scratch, [COMMAND, name ?? '', ...args]);
      expect([name, code], stderr).toEqual([name, 0]);
    }
  });

  it('starts a worker that stops when it is told to', { timeout: 60_000 }, async () => {
    const worker = commands.find(([name]) => name === 'worker') ?? [];
    const args = worker.map((arg) => (/^\d+$/.test(arg) ? '0' : arg));
    const { code, stdout, stderr } = await run(scratch, [COMMAND, ...args], 'worker is running');
    expect(`${stdout}${stderr}`).toContain('/metrics');
    expect(code).toBe(0);
  });
});
