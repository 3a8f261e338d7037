import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readHybrid } from '../../src/codecs/parquet-encodings.ts';
import { readChunk } from '../../src/codecs/parquet-pages.ts';
import { ENCODING, readValues } from '../../src/codecs/parquet-values.ts';

const SHAPE = {
  start: 100,
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
      { kind: 'values', count: 2, offset: 100, values: { kind: 'numbers', data: Int32Array.of(7, -1) } },
    ]);
    expect(await codeOf(pageOf(DATA, { crc: 5 }))).toBe('PARQUET_DAMAGED');
  });

  it('is refused when it has more values than its chunk, fewer than it says, or an encoding nobody knows', async () => {
    expect(await codeOf(pageOf(DATA, { values: 3 }))).toBe('PARQUET_DAMAGED');
    expect(await codeOf(pageOf(DATA.subarray(0, 7)))).toBe('PARQUET_DAMAGED');
    expect(await codeOf(pageOf(DATA, { encoding: 77 }))).toBe('PARQUET_UNSUPPORTED');
  });

  it('is refused when its dictionary holds values with lengths where the schema knows the length', async () => {
    const i32 = (value: number) => [0x15, ...varint(value)];
    const dictionaryOf = (data: readonly number[]): Uint8Array =>
      // Type 2, unpacked and packed size; then field 7 with the number of values and their encoding.
      Uint8Array.from([
        ...i32(2),
        ...i32(data.length),
        ...i32(data.length),
        0x4c,
        ...i32(2),
        ...i32(0),
        0,
        0,
        ...data,
      ]);
    const indices = Uint8Array.of(1, 3, 0b10);
    const page = pageOf(indices, { encoding: ENCODING.dictionary });
    const shape = { ...SHAPE, type: 'FIXED_LEN_BYTE_ARRAY', width: 2 } as const;
    const read = (data: readonly number[]) =>
      readChunk(Buffer.concat([dictionaryOf(data), page]), shape, () => {}).then(
        ({ dictionary }) => dictionary?.kind,
        ({ code }) => code,
      );
    expect(await read([1, 2, 3, 4])).toBe('spans');
    expect(await read([2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 3, 4])).toBe('PARQUET_DAMAGED');
  });

  it('is refused when it needs a dictionary that is not there', async () => {
    expect(await codeOf(pageOf(DATA, { encoding: 8 }))).toBe('PARQUET_DAMAGED');
  });
});

describe('values of a page', () => {
  /** One value in delta encoding: blocks of 128 in 4 parts, one value, and the value. */
  const single = (value: number) => [0x80, 1, 4, 1, ...varint(value)];
  const read = (bytes: readonly number[], encoding: number, count = 1) =>
    readValues(
      { bytes: Uint8Array.from(bytes), at: 0 },
      encoding,
      count,
      { type: 'BYTE_ARRAY', width: 0 },
      1000,
    );

  it('begin with no more than the value before them has, and end within the page', () => {
    expect(read([...single(0), ...single(2), 104, 105], ENCODING.deltaBytes)).toMatchObject({
      data: Uint8Array.of(104, 105),
    });
    expect(() => read([...single(5), ...single(0)], ENCODING.deltaBytes)).toThrow('more than the one before');
    expect(() => read([...single(3), 104, 105], ENCODING.deltaLength)).toThrow('ends too early');
    expect(() => read([...single(-1), 104], ENCODING.deltaLength)).toThrow('claims -1 bytes');
    expect(() => read([9, 0, 0, 0, 104], ENCODING.plain)).toThrow('ends too early');
    expect(() => read([0x80, 1, 0, 1, 0], ENCODING.deltaLength, 2)).toThrow('no such size');
  });

  it('are as many as asked for, however long a run claims to be', () => {
    const levels = new Uint8Array(5);
    // A run of 2^27 ones, then of one zero.
    readHybrid({ bytes: Uint8Array.of(0x80, 0x80, 0x80, 0x80, 1, 1), at: 0 }, 1, levels, 5);
    expect([...levels]).toEqual([1, 1, 1, 1, 1]);
    expect(() => readHybrid({ bytes: Uint8Array.of(2, 1), at: 0 }, 1, levels, 5)).toThrow('ends too early');
    expect(() => readHybrid({ bytes: Uint8Array.of(0, 1), at: 0 }, 1, levels, 5)).toThrow('a run is empty');
  });

  it('of any width are unpacked as they were packed', () => {
    for (let width = 1; width <= 32; width += 1) {
      const values = Array.from({ length: 16 }, (_, at) => BigInt.asUintN(width, BigInt(at + 1) * 0x9e3779b1n));
      let packed = values.reduce((bits, value, at) => bits | (value << BigInt(at * width)), 0n);
      const bytes: number[] = [2 * 2 + 1];
      for (let at = 0; at < width * 2; at += 1) {
        bytes.push(Number(packed & 255n));
        packed >>= 8n;
      }
      const output = new Int32Array(16);
      readHybrid({ bytes: Uint8Array.from(bytes), at: 0 }, width, output, 16);
      expect(Array.from(output, (value) => BigInt.asUintN(width, BigInt(value)))).toEqual(values);
    }
  });
});
