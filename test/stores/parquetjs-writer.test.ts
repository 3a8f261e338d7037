import { describe, expect, it } from 'vitest';
import { loadObjectWriter } from '../../src/stores/parquet/object-writers.ts';
import { loadParquetjsWriter } from '../../src/stores/parquet/parquetjs-writer.ts';
import { encodeObject } from '../../src/stores/parquet.ts';
import { entry } from './object-files.ts';

describe('writer parquetjs-lite', () => {
  it('refuses integers that it would round, and says what writes them', async () => {
    const write = await loadParquetjsWriter();
    const unsafe = [entry(2 ** 53, new Uint8Array(1))];
    await expect(encodeObject(unsafe, {}, { write })).rejects.toMatchObject({
      name: 'StorageError',
      code: 'STORAGE_ENCODING',
      message: expect.stringContaining('column seq holds 9007199254740992'),
    });
  });

  it('makes an error of a text that the package throws', async () => {
    class ParquetSchema {}
    const ParquetWriter = { openStream: () => Promise.reject('writer was closed') };
    const write = await loadParquetjsWriter(() => Promise.resolve({ ParquetSchema, ParquetWriter } as never));
    await expect(encodeObject([], {}, { write })).rejects.toMatchObject({
      name: 'StorageError',
      message: 'parquetjs-lite could not write an object: writer was closed',
    });
  });

  it('says at once that the package is not there, and what to do', async () => {
    const load = () =>
      Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }));
    await expect(loadParquetjsWriter(load)).rejects.toMatchObject({
      name: 'ConfigError',
      path: 'parquet',
      hint: expect.stringContaining('npm install parquetjs-lite'),
    });
  });
});

describe('writers of objects', () => {
  it('are known by name, and no other name is one', async () => {
    await expect(loadObjectWriter('parquet-wasm' as never)).rejects.toMatchObject({
      name: 'ConfigError',
      message: 'parquet: found "parquet-wasm"',
    });
  });
});
