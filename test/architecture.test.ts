import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkArchitecture } from './architecture/check.ts';
import { findSourceFaults } from './architecture/source-rules.ts';
import { type ArchitectureTable, TABLE } from './architecture/table.ts';

const ROOT = resolve(import.meta.dirname, '..');

const SMALL: ArchitectureTable = {
  folders: {
    core: [],
    sinks: ['core'],
    tiers: ['core', 'sinks/sink.ts'],
    chain: ['core', 'type:tiers/tier.ts'],
    cli: ['*'],
  },
  packages: { cockatiel: ['chain/breaker.ts'] },
  builtins: { 'node:fs': ['platform'] },
  ambient: ['platform'],
  fileLinesMax: 40,
  functionLinesMax: 7,
};

const planted: string[] = [];
afterEach(() => Promise.all(planted.splice(0).map((root) => rm(root, { recursive: true }))));

/** A repository that keeps to SMALL, and then `files` on top of it. */
async function checkPlanted(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), 'tierfall-architecture-'));
  planted.push(root);
  const tree: Record<string, string> = {
    'package.json': '{ "type": "module", "dependencies": { "cockatiel": "1.0.0" } }',
    'src/core/batch.ts': 'export const batch = 1;\n',
    'src/sinks/sink.ts': "export { batch } from '../core/batch.ts';\n",
    'src/tiers/tier.ts': "import type { batch } from '../sinks/sink.ts';\nexport type Tier = typeof batch;\n",
    'src/chain/breaker.ts':
      "import type { Tier } from '../tiers/tier.ts';\nimport 'cockatiel';\nexport type B = Tier;\n",
    ...files,
  };
  for (const [file, text] of Object.entries(tree)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  }
  return checkArchitecture(root, SMALL);
}

describe('the repository', () => {
  it('keeps to the table and to the source rules, in every file there is', { timeout: 60_000 }, async () => {
    const { modules, faults } = await checkArchitecture(ROOT, TABLE);
    expect(modules).toBeGreaterThan(10);
    expect(faults).toEqual([]);
  });
});

describe('the import rules', () => {
  it('accept a tree that keeps to its table', async () => {
    expect(await checkPlanted({})).toEqual({ modules: 4, files: 4, faults: [] });
  });

  it.each([
    [
      'a folder that is not listed',
      'src/core/a.ts',
      "import '../sinks/sink.ts';",
      'src/core/a.ts may not import sinks/sink.ts',
    ],
    [
      'a type from a folder that is not listed',
      'src/core/a.ts',
      "export type { Tier } from '../tiers/tier.ts';",
      'src/core/a.ts may not import tiers/tier.ts (types)',
    ],
    [
      'a value where only types are listed',
      'src/chain/a.ts',
      "export * from '../tiers/tier.ts';",
      'src/chain/a.ts may not import tiers/tier.ts',
    ],
    [
      'a value beside types from the same file',
      'src/chain/a.ts',
      "import type { Tier } from '../tiers/tier.ts';\nimport * as all from '../tiers/tier.ts';\nexport const a: Tier = all;",
      'src/chain/a.ts may not import tiers/tier.ts',
    ],
    [
      'a lazy import',
      'src/sinks/a.ts',
      "export const a = () => import('../tiers/tier.ts');",
      'src/sinks/a.ts may not import tiers/tier.ts',
    ],
    [
      'a package outside its owner',
      'src/chain/a.ts',
      "import type { X } from 'cockatiel';\nexport type Y = X;",
      'src/chain/a.ts may not import cockatiel',
    ],
    [
      'a package that nobody owns',
      'src/chain/a.ts',
      "import '@scope/other/deep';",
      'src/chain/a.ts may not import @scope/other',
    ],
    [
      'a builtin behind a port, without its prefix',
      'src/sinks/a.ts',
      "import 'fs';",
      'src/sinks/a.ts may not import node:fs',
    ],
    [
      'a file that is not there',
      'src/sinks/a.ts',
      "import './gone.ts';",
      'src/sinks/a.ts imports ./gone.ts, which is not a file under src/',
    ],
    [
      'a file that is not there, where everything is allowed',
      'src/cli/a.ts',
      "import './gone.ts';",
      'src/cli/a.ts imports ./gone.ts, which is not a file under src/',
    ],
    [
      'a file outside src',
      'src/sinks/a.ts',
      "import '../../test/a.ts';",
      'src/sinks/a.ts imports ../../test/a.ts, which is not a file under src/',
    ],
    ['a folder without a row', 'src/extra/a.ts', 'export const a = 1;', 'src/extra has no row in the table'],
  ])('find %s', async (_, file, text, fault) => {
    const { faults } = await checkPlanted({ 'test/a.ts': '', [file]: `${text}\n` });
    expect(faults).toEqual([fault]);
  });

  it('find an adapter that is imported instead of its port', async () => {
    const { faults } = await checkPlanted({
      'src/sinks/memory.ts': 'export const m = 1;\n',
      'src/tiers/a.ts': "import '../sinks/memory.ts';\n",
    });
    expect(faults).toEqual(['src/tiers/a.ts may not import sinks/memory.ts']);
  });

  it('find a cycle, also one that only types close', async () => {
    const { faults } = await checkPlanted({
      'src/core/a.ts': "import './b.ts';\nexport type A = 1;\n",
      'src/core/b.ts': "import type { A } from './a.ts';\nexport type B = A;\n",
    });
    expect(faults).toEqual(['cycle: core/a.ts, core/b.ts']);
  });

  it('find dependencies that have no owner, no importer or no entry in package.json', async () => {
    const { faults } = await checkPlanted({
      'package.json':
        '{ "dependencies": { "left-pad": "1.0.0" }, "peerDependencies": { "right-pad": "1.0.0" } }',
      'src/chain/breaker.ts': 'export const b = 1;\n',
    });
    expect(faults).toEqual([
      'left-pad has no owner in the table',
      'right-pad has no owner in the table',
      'cockatiel is owned but not a dependency',
      'left-pad is a dependency that nobody imports',
      'right-pad is a dependency that nobody imports',
    ]);
  });

  it('find a file that dependency-cruiser passes over in silence', async () => {
    const { modules, files, faults } = await checkPlanted({
      'src/core/node_modules/hidden.ts': 'export const h = 1;\n',
    });
    expect({ modules, files }).toEqual({ modules: 4, files: 5 });
    expect(faults).toEqual(['src/core/node_modules/hidden.ts was not seen by dependency-cruiser']);
  });

  it('fail on a tree in which there is nothing to look at', async () => {
    const root = await mkdtemp(join(tmpdir(), 'tierfall-architecture-'));
    planted.push(root);
    await writeFile(join(root, 'package.json'), '{}');
    await expect(checkArchitecture(root, { ...SMALL, packages: {} })).rejects.toThrow();
  });
});

describe('the source rules', () => {
  const check = (text: string, path = 'src/core/a.ts') => findSourceFaults(path, text, SMALL);

  it('limit files and functions, and count the last line of each', () => {
    const fits = `function f() {${'\n'.repeat(6)}}\n`;
    expect(check(fits)).toEqual([]);
    expect(check(fits.replace('\n', '\n\n'))).toEqual([
      'src/core/a.ts:1 has a function of 8 lines, the limit is 7',
    ]);
    expect(check(`${'//\n'.repeat(40)}`)).toEqual([]);
    expect(check(`${'//\n'.repeat(41)}`)).toEqual(['src/core/a.ts:1 has 41 lines, the limit is 40']);
  });

  it.each([
    'const f = () => {',
    'class A { m() {',
    'class A { constructor() {',
    'class A { get m() {',
    'const o = { async *m() {',
  ])('measure `%s`', (opening) => {
    const closing = '}'.repeat(opening.split('{').length - 1);
    expect(check(`${opening}${'\n'.repeat(7)}${closing}`)).toHaveLength(1);
  });

  it('let a suite be as long as its file, but not a test', () => {
    const block = (name: string) => check(`${name}('x', () => {${'\n'.repeat(20)}});`, 'test/a.test.ts');
    expect(block('describe')).toEqual([]);
    expect(block('it')).toHaveLength(1);
  });

  it.each([
    'Date.now()',
    'Math.random()',
    'performance.now()',
    'setTimeout(f, 1)',
    'globalThis.setTimeout(f, 1)',
    'new Date()',
    "import { setTimeout } from 'node:timers/promises'",
    'const now = Date.now',
  ])('find `%s` in src outside platform, and nowhere else', (text) => {
    expect(check(text)).toHaveLength(1);
    expect(check(text, 'src/platform/a.ts')).toEqual([]);
    expect(check(text, 'test/a.test.ts')).toEqual([]);
  });

  it.each(['socket.setTimeout(1)', 'new Date(0)', '// Date.now() steps', "'setTimeout'"])(
    'allow `%s`',
    (text) => {
      expect(check(text)).toEqual([]);
    },
  );

  it.each(['// TODO later', '/* FIXME */', 'f(/* TODO */ 1);', '{\n  // TODO\n}'])('find `%s`', (text) => {
    expect(check(text)).toHaveLength(1);
  });

  it.each([
    "it.skip('', f)",
    "describe.only('', f)",
    "it.concurrent.skip('', f)",
    "test.skipIf(a)('', f)",
    "it.todo('')",
  ])('find `%s`', (text) => {
    expect(check(text)).toHaveLength(1);
  });
});
