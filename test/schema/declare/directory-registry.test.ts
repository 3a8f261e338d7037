import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SchemaError } from '../../../src/core/errors.ts';
import { nodeFileSystem } from '../../../src/platform/node-file-system.ts';
import { directoryRegistry } from '../../../src/schema/declare/directory-registry.ts';

const document = (name: string) =>
  JSON.stringify({ type: 'object', properties: { [name]: { type: 'string' } } });
const { signal } = new AbortController();
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'registry-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('a directory of schemas', () => {
  it('serves the highest number, sees a new file at once and ignores everything else', async () => {
    const registry = directoryRegistry(directory, nodeFileSystem);
    expect(await registry.latest(signal)).toBeUndefined();
    writeFileSync(join(directory, '0002.json'), document('two'));
    writeFileSync(join(directory, '0001.json'), document('one'));
    for (const name of ['9.json', '0009.json.tmp', 'README.md']) writeFileSync(join(directory, name), 'x');
    mkdirSync(join(directory, '0099.json'));
    const found = await registry.latest(signal);
    expect([found?.version, found?.schema.fields[0]?.name]).toEqual([2, 'two']);
    writeFileSync(join(directory, '10000.json'), document('many'));
    expect((await registry.latest(signal))?.version).toBe(10_000);
  });

  it('has nothing registered when the directory is absent', async () => {
    expect(await directoryRegistry(join(directory, 'none'), nodeFileSystem).latest(signal)).toBeUndefined();
  });

  it.each([
    ['{"type":', 'SCHEMA_UNREADABLE'],
    ['{"type":"object","properties":{"a":{"type":"string","enum":[]}}}', 'SCHEMA_UNSUPPORTED'],
  ])('names the file when the newest is unusable (%s), rather than serve an older one', async (text, code) => {
    writeFileSync(join(directory, '0001.json'), document('one'));
    writeFileSync(join(directory, '0002.json'), text);
    const fault = await directoryRegistry(directory, nodeFileSystem)
      .latest(signal)
      .catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(SchemaError);
    expect(fault).toMatchObject({ code, message: expect.stringContaining(join(directory, '0002.json')) });
  });

  it('does nothing once aborted', async () => {
    await expect(
      directoryRegistry(directory, nodeFileSystem).latest(AbortSignal.abort(new Error('stop'))),
    ).rejects.toThrow('stop');
  });
});
