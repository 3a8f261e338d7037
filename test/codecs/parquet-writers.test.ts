/** Files as other writers leave them, where they do what the format's own description does not expect. */
import { describe, expect, it } from 'vitest';
import { openParquet } from '../../src/codecs/parquet.ts';
import { BadRows } from '../../src/codecs/parquet-bad-rows.ts';
import { jsonVector } from '../../src/codecs/parquet-nested.ts';
import type { Chunk } from '../../src/codecs/parquet-pages.ts';
import { buildTree } from '../../src/codecs/parquet-tree.ts';
import { toArrow } from '../../src/schema/arrow-batch.ts';
import { readColumns, sourceOf } from './parquet-files.ts';

/** One column `x` each, by parquet-cpp 25. */
const FILES = {
  /** A row group of no rows, whose column chunk says that its pages start at byte 0. */
  noRows:
    'UEFSMRUEFQAVAEwVABUAEgAAFQQZLDUAGAZzY2hlbWEVAgAVAiUCGAF4ABYAGRwZHCYAHBUCGSUABhkYAXgVABYAFhwWHCYAJggpHBUEFQAVAgAA' +
    'ABYcFgAmCBYcACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNS4wLjEZHBwAAAB0AAAAUEFSMQ==',
  /** 96-bit timestamps: 1970, the first day of the year 1, the last one of 9999, and null. */
  farTimes:
    'UEFSMRUAFVQVVCwVCBUAFQYVBhwAAAACAAAAAwcAAAAAAAAAAIw9JQAAAAAAAAAAAFJEGgAAAAAAAAAAACz+UQAVBBksNQAYBnNjaGVtYRUCABUG' +
    'JQIYAXgAFggZHBkcJgAcFQYZJQYAGRgBeBUAFggWehZ6JghJHBUAFQAVAgA8KQYZJgIGAAAAFnoWCCYIFnoAKCBwYXJxdWV0LWNwcC1hcnJvdyB2' +
    'ZXJzaW9uIDI1LjAuMRkcHAAAAHoAAABQQVIx',
  /** The texts a, b, a; the size of the chunk lacks the 14 bytes that the header of its dictionary takes. */
  shortChunk:
    'UEFSMRUEFRQVFEwVBBUAEgAAAQAAAGEBAAAAYhUAFRIVEiwVBhUQFQYVBhwAAAACAAAABgEBAwIVBBksNQAYBnNjaGVtYRUCABUMJQIYAXglAEwc' +
    'AAAAFgYZHBkcJgAcFQwZNQAGEBkYAXgVABYGFmgWTCY4JggpLBUEFQAVAgAVABUQFQIAPBYGGQYZJgAGAAAAFmgWBiYIFmgAKCBwYXJxdWV0LWNw' +
    'cC1hcnJvdyB2ZXJzaW9uIDI1LjAuMRkcHAAAAIwAAABQQVIx',
} as const;

const bytesOf = (name: keyof typeof FILES): Uint8Array => Buffer.from(FILES[name], 'base64');

describe('a Parquet file of another writer', () => {
  it('may have a row group without rows that says nothing about its pages', async () => {
    const file = await openParquet(sourceOf(bytesOf('noRows')));
    expect([file.rowCount, file.rowGroups]).toEqual([0, 1]);
    const { rows, vectors } = await file.readRowGroup(0);
    expect([rows.length, vectors[0]?.length]).toEqual([0, 0]);
  });

  it('may have left the header of the dictionary out of the size of its chunk', async () => {
    expect(await readColumns(bytesOf('shortChunk'))).toEqual({ x: ['a', 'b', 'a'] });
  });

  it('may hold 96-bit timestamps of any year, which Arrow then refuses instead of changing them', async () => {
    const x = [0n, -62_135_596_800_000_000_000n, 253_402_214_400_000_000_000n, null];
    expect(await readColumns(bytesOf('farTimes'))).toEqual({ x });
    const file = await openParquet(sourceOf(bytesOf('farTimes')));
    const columns = await file.readRowGroup(0);
    expect(() => toArrow(columns)).toThrow('cannot hold bigint -62135596800000000000');
  });

  it('is damaged when the first value of a list is said to go on with a record before it', () => {
    const root = { repetition: 'required', width: 0, meaning: { kind: 'plain' }, group: 'struct' } as const;
    const [node] = buildTree([
      { ...root, name: 'schema', children: 1, type: undefined },
      { ...root, name: 'x', children: 0, type: 'INT32', repetition: 'repeated' },
    ]).children;
    const values = { kind: 'numbers', data: Int32Array.of(1, 2) } as const;
    const textOf = (...repetitions: number[]): unknown => {
      const chunk: Chunk = {
        definitions: Uint8Array.of(1, 1),
        repetitions: Uint8Array.from(repetitions),
        parts: [{ kind: 'values', values, count: 2, offset: 0 }],
        dictionary: undefined,
      };
      if (!node) throw new Error('no column');
      return jsonVector(node, [chunk], { levels: [2], rows: 1, lengthMax: 100, bad: new BadRows() }).at(0);
    };
    expect(textOf(0, 1)).toBe('[1,2]');
    expect(() => textOf(1, 1)).toThrow('starts within a record');
  });
});
