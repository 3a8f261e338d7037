import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCommand } from './command-process.ts';

const INDEX = new URL('../../src/index.ts', import.meta.url).href;
const CONFIG = `import { defineConfig, memorySink } from '${INDEX}';
export default defineConfig({ name: 'configured', sink: memorySink() });\n`;

let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'tierfall-config-'));
  writeFileSync(join(cwd, 'tierfall.config.ts'), CONFIG);
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

async function graph(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const command = startCommand(['graph', ...args], { cwd });
  const { code } = await command.ended();
  return { code, stdout: command.stdout, stderr: command.stderr };
}

describe('a config file', () => {
  it.each([
    ['no package.json', undefined],
    ['a package.json without type', '{"name":"pipeline"}'],
    ['"type": "module"', '{"type":"module"}'],
  ])('loads beside %s', async (_, manifest) => {
    if (manifest !== undefined) writeFileSync(join(cwd, 'package.json'), manifest);
    const { code, stdout, stderr } = await graph();
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('flowchart');
  });

  it('names the cure beside "type": "commonjs", and the cure works', async () => {
    writeFileSync(join(cwd, 'package.json'), '{"type":"commonjs"}');
    for (const text of [CONFIG, `export default {};\n`]) {
      writeFileSync(join(cwd, 'tierfall.config.ts'), text);
      const { code, stderr } = await graph();
      expect(code).toBe(2);
      expect(stderr).toContain('hint: The nearest package.json makes this file CommonJS');
      expect(stderr).toContain('--config tierfall.config.mts');
    }
    writeFileSync(join(cwd, 'tierfall.config.ts'), CONFIG);
    renameSync(join(cwd, 'tierfall.config.ts'), join(cwd, 'tierfall.config.mts'));
    const { code, stderr } = await graph('--config', 'tierfall.config.mts');
    expect(code, stderr).toBe(0);
  });

  it('that is wrong in another way is not blamed on the module system', async () => {
    writeFileSync(join(cwd, 'tierfall.config.ts'), 'export default {{;\n');
    const { code, stderr } = await graph();
    expect(code).toBe(2);
    expect(stderr).toContain('hint: Mend the file');
  });
});
