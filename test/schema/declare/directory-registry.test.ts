import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SchemaError } from '../../../src/core/errors.ts';
import { nodeFileSystem } from '../../../src/platform/node-file-system.ts';
import { type Field, Int32, Int64, Schema } from '../../../src/schema/arrow.ts';
import { directoryRegistry } from '../../../src/schema/declare/directory-registry.ts';

import { MemoryFileSystem } from '../../../src/testing/memory-file-system.ts';
import { field } from '../schemas.ts';

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

describe('publishing to a directory', () => {
  const published = (...fields: Field[]) => new Schema(fields);
  const int32 = published(field('a', new Int32()));
  const int64 = published(field('a', new Int64()));
  const registry = () => directoryRegistry(join(directory, 'deep', 'er'), nodeFileSystem);

  it('makes one version after the other, each of which can be had again', async () => {
    expect(await registry().publish(int32)).toEqual({ version: 1, isNew: true, diff: undefined });
    const second = await registry().publish(int64);
    expect([second.version, second.isNew, second.diff?.compatibility]).toEqual([2, true, 'compatible']);
    expect(await registry().versions(signal)).toEqual([1, 2]);
    const types = await Promise.all(
      [1, 2, 3].map(async (version) => String((await registry().get(version, signal))?.schema.fields[0])),
    );
    expect(types).toEqual(['a: Int32', 'a: Int64', 'undefined']);
    expect((await registry().latest(signal))?.version).toBe(2);
  });

  it('takes the same schema for the version that it is', async () => {
    await registry().publish(int32);
    const again = published(field('a', new Int32(), { key: 'false' }));
    expect(await registry().publish(again)).toMatchObject({ version: 1, isNew: false });
    expect(await registry().versions(signal)).toEqual([1]);
  });

  it('refuses a breaking change, naming it, unless it is forced', async () => {
    await registry().publish(int64);
    await expect(registry().publish(int32)).rejects.toMatchObject({
      code: 'SCHEMA_BREAKING',
      message: 'data that conforms to version 1 would be refused: a (type: values outside of int32)',
    });
    expect(await registry().versions(signal)).toEqual([1]);
    expect(await registry().publish(int32, { force: true })).toMatchObject({
      version: 2,
      diff: { compatibility: 'breaking' },
    });
  });

  it('refuses a schema that nobody could compile, before anything is written', async () => {
    await expect(registry().publish(published(field('a', new Int32(), { precision: 'x' })))).rejects.toThrow(
      SchemaError,
    );
    expect(await registry().versions(signal)).toEqual([]);
  });

  it('gives everybody who publishes at once a version of their own', async () => {
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        registry().publish(published(field(`f${index}`, new Int32())), { force: true }),
      ),
    );
    expect(all.map(({ version }) => version).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(readdirSync(join(directory, 'deep', 'er'))).toHaveLength(8);
  });

  it('leaves a whole version or none when the disk fails at any step', async () => {
    for (const operation of ['open', 'append', 'datasync', 'link', 'syncDirectory'] as const) {
      const disk = new MemoryFileSystem();
      await directoryRegistry('/r', disk).publish(int32);
      disk.failNext(operation, 'EIO');
      await expect(directoryRegistry('/r', disk).publish(int64)).rejects.toMatchObject({ code: 'STORAGE_IO' });
      const found = await directoryRegistry('/r', disk).latest(signal);
      expect([1, 2]).toContain(found?.version);
      expect(String(found?.schema.fields[0])).toBe(found?.version === 1 ? 'a: Int32' : 'a: Int64');
    }
  });
});
