import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readChunk } from '../../src/codecs/parquet-pages.ts';

const SHAPE = {
  type: 'INT32',
  width: 0,
  codec: 'UNCOMPRESSED',
  values: 2,
  definition: 0,
  repetition: 0,
  bytesMax: 1000,
} as const;

function varint(value: number): number[] {
  const zigzag = (BigInt(value) << 1n) ^ (BigInt(value) >> 63n);
  const bytes: number[] = [];
  for (let left = BigInt.asUintN(64, zigzag); ; left >>= 7n) {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) return bytes;
  }
}

/** A data page of two plain 32-bit integers: fields of its header are a delta and a type, then a zigzag integer. */
function pageOf(data: Uint8Array, { crc = crc32(data) | 0, values = 2, encoding = 0 } = {}): Uint8Array {
  const i32 = (value: number) => [0x15, ...varint(value)];
  const inner = [...i32(values), ...i32(encoding), ...i32(3), ...i32(3), 0];
  const size = data.length;
  return Uint8Array.from([...i32(0), ...i32(size), ...i32(size), ...i32(crc), 0x1c, ...inner, 0, ...data]);
}

const DATA = new Uint8Array(Int32Array.of(7, -1).buffer);
const codeOf = (page: Uint8Array) =>
  readChunk(page, SHAPE, () => {}).then(
    () => 'read',
    ({ code }) => code,
  );

describe('a page', () => {
  it('is read when its checksum is right, and refused when it is not', async () => {
    const { parts } = await readChunk(pageOf(DATA), SHAPE, () => {});
    expect(parts).toEqual([
      { kind: 'values', count: 2, values: { kind: 'numbers', data: Int32Array.of(7, -1) } },
    ]);
    expect(await codeOf(pageOf(DATA, { crc: 5 }))).toBe('PARQUET_DAMAGED');
  });

  it('is refused when it has more values than its chunk, fewer than it says, or an encoding nobody knows', async () => {
    expect(await codeOf(pageOf(DATA, { values: 3 }))).toBe('PARQUET_DAMAGED');
    expect(await codeOf(pageOf(DATA.subarray(0, 7)))).toBe('PARQUET_DAMAGED');
    expect(await codeOf(pageOf(DATA, { encoding: 77 }))).toBe('PARQUET_UNSUPPORTED');
  });

  it('is refused when it needs a dictionary that is not there', async () => {
    expect(await codeOf(pageOf(DATA, { encoding: 8 }))).toBe('PARQUET_DAMAGED');
  });
});
