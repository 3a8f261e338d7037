import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openParquet } from '../../src/codecs/parquet.ts';
import { InputError } from '../../src/core/errors.ts';
import { sourceOf } from '../codecs/parquet-files.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';
import {
  type ColumnBytes,
  dictionaryBytes,
  type Element,
  MEANING,
  pageBytes,
  parquetBytes,
  plainTexts,
  runBytes,
  TYPE,
} from './parquet-bytes.ts';

const MIB = 1024 * 1024;
const ONE_INT = pageBytes(Uint8Array.of(1, 0, 0, 0), { values: 1 });

function oneColumn(element: Element, column: Partial<ColumnBytes>, rows: number): Uint8Array {
  const type = element.type ?? TYPE.int32;
  return parquetBytes({
    elements: [element],
    rows,
    columns: [{ type, pages: ONE_INT, values: rows, ...column }],
  });
}

/** Blocks of 128 deltas of no bits: `count` integers from `first` on in steps of `step`, a byte or two each hundred. */
function stepping(first: number, step: number, count: number): Uint8Array {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
  const bytes = [...varint(128), 4, ...varint(count), ...varint(first * 2)];
  for (let left = count - 1; left > 0; left -= 128) bytes.push(...varint(step * 2), 0, 0, 0, 0);
  return Uint8Array.from(bytes);
}

/** Values of which each is the one before it and a byte more: half the square of their number in bytes. */
function growingTexts(count: number): Uint8Array {
  const data = Buffer.concat([stepping(0, 1, count), stepping(1, 0, count), Buffer.alloc(count, 'a')]);
  return pageBytes(data, { values: count, encoding: 7 });
}

function footerOf(bytes: readonly number[]): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.from('PAR1'), Buffer.from(bytes), length, Buffer.from('PAR1')]);
}

const WORD = plainTexts(['w'.repeat(60_000)]);
const TEXT: Element = { name: 't', type: TYPE.bytes, meaning: MEANING.text };
const MILLION = 1_000_000;

const HOSTILE: Readonly<Record<string, readonly [bytes: () => Uint8Array, code: RegExp]>> = {
  'rows that nothing backs': [
    () =>
      oneColumn(
        { name: 'n', type: TYPE.int32, repetition: 1 },
        { pages: pageBytes(runBytes(30 * MILLION, 0, true), { values: 30 * MILLION }) },
        30 * MILLION,
      ),
    /TOO_LARGE/,
  ],
  'values beyond 2^53': [
    () => oneColumn({ name: 'n', type: TYPE.int32 }, {}, Number.MAX_SAFE_INTEGER),
    /TOO_LARGE/,
  ],
  'values of a fixed length of nothing': [
    () =>
      oneColumn(
        { name: 'f', type: TYPE.fixed, width: 0 },
        { pages: pageBytes(new Uint8Array(0), { values: MILLION }) },
        MILLION,
      ),
    /DAMAGED/,
  ],
  'values of a fixed length of 2 GiB': [
    () => oneColumn({ name: 'f', type: TYPE.fixed, width: 2 ** 31 - 1 }, {}, 1),
    /DAMAGED/,
  ],
  'bytes by the million, of which each is an object': [
    () =>
      oneColumn(
        { name: 'b', type: TYPE.bytes },
        {
          pages: Buffer.concat([
            dictionaryBytes(WORD, 1),
            pageBytes(Buffer.concat([Buffer.of(1), runBytes(20 * MILLION, 0, false)]), {
              values: 20 * MILLION,
              encoding: 8,
            }),
          ]),
        },
        20 * MILLION,
      ),
    /TOO_LARGE/,
  ],
  'a dictionary of two thousand million words': [
    () => oneColumn(TEXT, { pages: dictionaryBytes(new Uint8Array(8), 2 ** 31 - 1) }, 1),
    /DAMAGED/,
  ],
  'a long word of a dictionary, a million times, written out': [
    () =>
      oneColumn(
        TEXT,
        {
          pages: Buffer.concat([
            dictionaryBytes(WORD, 1),
            pageBytes(Buffer.concat([Buffer.of(1), runBytes(MILLION, 0, false)]), {
              values: MILLION,
              encoding: 8,
            }),
            pageBytes(plainTexts(['a']), { values: 1 }),
          ]),
        },
        MILLION + 1,
      ),
    /TOO_LARGE/,
  ],
  'texts that each repeat the one before it': [
    () => oneColumn(TEXT, { pages: growingTexts(60_000) }, 60_000),
    /TOO_LARGE/,
  ],
  'pages without values, by the hundred thousand': [
    () => {
      const empty = pageBytes(new Uint8Array(0), { values: 0 });
      return oneColumn(
        { name: 'n', type: TYPE.int32 },
        { pages: Buffer.concat(new Array(100_000).fill(empty)) },
        1,
      );
    },
    /DAMAGED/,
  ],
  'a page of gzip that is a thousand times what it claims': [
    () =>
      oneColumn(
        { name: 'n', type: TYPE.int32 },
        { pages: pageBytes(gzipSync(Buffer.alloc(64 * MIB)), { values: 1, unpacked: 4 }), codec: 2 },
        1,
      ),
    /DAMAGED/,
  ],
  'a page of zstd that is a thousand times what it claims': [
    () =>
      oneColumn(
        { name: 'n', type: TYPE.int32 },
        { pages: pageBytes(zstdCompressSync(Buffer.alloc(64 * MIB)), { values: 1, unpacked: 4 }), codec: 6 },
        1,
      ),
    /DAMAGED/,
  ],
  'a page that claims to unpack to 2 GiB': [
    () =>
      oneColumn(
        { name: 'n', type: TYPE.int32 },
        { pages: pageBytes(zstdCompressSync(Buffer.alloc(4)), { values: 1, unpacked: 2 ** 31 - 1 }), codec: 6 },
        1,
      ),
    /TOO_LARGE/,
  ],
  'a schema whose root claims a thousand million fields': [
    () =>
      parquetBytes({ elements: [{ name: 'n', type: TYPE.int32 }], rootChildren: 1e9, rows: 0, columns: [] }),
    /DAMAGED/,
  ],
  'a schema of groups within groups': [
    () => {
      const groups = Array.from({ length: 10_000 }, () => ({ name: 'g', children: 1 }));
      return parquetBytes({
        elements: [...groups, { name: 'n', type: TYPE.int32 }],
        rootChildren: 1,
        rows: 0,
        columns: [],
      });
    },
    /DAMAGED/,
  ],
  'a footer of millions of empty structs': [
    // Field 4 of the footer: a list of 2,100,000 structs (0x80b720 as a varint), each of which ends at once.
    () => footerOf([0x49, 0xfc, 0xa0, 0x96, 0x80, 0x01, ...new Uint8Array(2_100_000)]),
    /TOO_LARGE/,
  ],
};

async function readAll(bytes: Uint8Array): Promise<InputError | undefined> {
  try {
    const file = await openParquet(sourceOf(bytes));
    for (let group = 0; group < file.rowGroups; group += 1) await file.readRowGroup(group);
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

describe('a Parquet file made to harm', () => {
  it.each(Object.keys(HOSTILE))('is refused in words, in little time and memory, with %s', async (name) => {
    const [make, code] = HOSTILE[name] ?? [() => new Uint8Array(0), /never/];
    const bytes = make();
    const before = process.memoryUsage().arrayBuffers;
    const cpuMs = cpuStopwatch();
    const fault = await readAll(bytes);
    expect(cpuMs()).toBeLessThan(5000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(300 * MIB);
    expect(fault?.code).toMatch(code);
    expect(fault?.hint.length).toBeGreaterThan(20);
  });

  it('holds all pages of a chunk to one limit, not each of them', async () => {
    const page = growingTexts(3000);
    const bytes = oneColumn(TEXT, { pages: Buffer.concat([page, page, page]) }, 9000);
    const read = async (groupBytesMax: number): Promise<number | undefined> =>
      (await (await openParquet(sourceOf(bytes), { groupBytesMax })).readRowGroup(0)).rows.length;
    expect(await read(20 * MIB)).toBe(9000);
    await expect(read(10 * MIB)).rejects.toThrow('bytes of the values of a page');
  });
});
