/**
 * The pages of one column chunk: levels and values, as many as the chunk claims, which the caller has bounded.
 *
 * G1 a page header is read by a reader that allocates nothing for claims. G2 a page unpacks to what it claims or fails,
 * and all pages of a chunk to no more than the limit. G3 a checksum that is there is checked.
 */
import { crc32 } from 'node:zlib';
import { TierfallError } from '../core/errors.ts';
import { unpackPage } from './parquet-compression.ts';
import { type Cursor, ended, readHybrid } from './parquet-encodings.ts';
import { damaged, tooLarge, unsupported } from './parquet-fault.ts';
import { readThrift, type ThriftStruct } from './parquet-thrift.ts';
import { ENCODING, isFixed, readValues, type Values, type ValueType } from './parquet-values.ts';

export interface ChunkShape extends ValueType {
  /** Where the chunk starts in the file. */
  readonly start: number;
  readonly codec: string;
  /** Levels in the chunk: its values and its nulls. */
  readonly values: number;
  /** The highest levels; 0 = none are written. */
  readonly definition: number;
  readonly repetition: number;
  /** What all pages together may unpack to. */
  readonly bytesMax: number;
}

/** Values of one page, or places of its values in the dictionary. */
export type Part = (
  | { readonly kind: 'values'; readonly values: Values }
  | { readonly kind: 'indices'; readonly indices: Int32Array }
) & {
  readonly count: number;
  /** Where the page starts in the file. */
  readonly offset: number;
};

export interface Chunk {
  /** One per value or null; undefined where there is just one level. */
  readonly definitions: Uint8Array | undefined;
  readonly repetitions: Uint8Array | undefined;
  readonly parts: readonly Part[];
  readonly dictionary: Values | undefined;
}

/** Pages without values that are passed over in one chunk. */
const EMPTY_PAGES_MAX = 1_000;

const PAGE = { data: 0, index: 1, dictionary: 2, dataV2: 3 } as const;

function bitWidth(level: number): number {
  return 32 - Math.clz32(level);
}

function countIn(struct: ThriftStruct, id: number, what: string): number {
  const value = struct.get(id);
  if (typeof value === 'number' && value >= 0) return value;
  throw damaged(`${what} is ${typeof value === 'number' ? value : 'missing'}`);
}

function structIn(struct: ThriftStruct, id: number): ThriftStruct {
  const value = struct.get(id);
  if (value instanceof Map) return value;
  throw damaged('a page has no header of its kind');
}

/** Where the page starts that holds value number `place` of the chunk. */
export function offsetOfValue({ parts }: Chunk, place: number): number {
  let before = 0;
  for (const { count, offset } of parts) {
    before += count;
    if (place < before) return offset;
  }
  return parts[0]?.offset ?? 0;
}

export function lengthOf(values: Values): number {
  return values.kind === 'spans' ? values.offsets.length - 1 : values.data.length;
}

class ChunkReader {
  readonly #bytes: Uint8Array;
  readonly #shape: ChunkShape;
  readonly #definitions: Uint8Array | undefined;
  readonly #repetitions: Uint8Array | undefined;
  readonly #parts: Part[] = [];
  #dictionary: Values | undefined;
  #at = 0;
  #pageStart = 0;
  #read = 0;
  /** Bytes that its pages have unpacked to, and their values beyond that. */
  #unpacked = 0;
  #emptyPages = 0;

  constructor(bytes: Uint8Array, shape: ChunkShape) {
    this.#bytes = bytes;
    this.#shape = shape;
    this.#definitions = shape.definition > 0 ? new Uint8Array(shape.values) : undefined;
    this.#repetitions = shape.repetition > 0 ? new Uint8Array(shape.values) : undefined;
  }

  get isDone(): boolean {
    return this.#read === this.#shape.values;
  }

  chunk(): Chunk {
    return {
      definitions: this.#definitions,
      repetitions: this.#repetitions,
      parts: this.#parts,
      dictionary: this.#dictionary,
    };
  }

  readPage(): void {
    this.#pageStart = this.#at;
    const { struct, end } = readThrift(this.#bytes, this.#at);
    const packedBytes = countIn(struct, 3, 'the size of a page');
    if (packedBytes > this.#bytes.length - end) throw damaged(`a page claims ${packedBytes} bytes`);
    const page = this.#bytes.subarray(end, end + packedBytes);
    this.#at = end + packedBytes;
    const checksum = struct.get(4);
    if (typeof checksum === 'number' && crc32(page) !== checksum >>> 0)
      throw damaged('the checksum of a page is wrong');
    const type = struct.get(1);
    if (type === PAGE.data) this.#readData(struct, page);
    else if (type === PAGE.dataV2) this.#readDataV2(struct, page);
    else if (type === PAGE.dictionary) this.#readDictionary(struct, page);
    else if (type !== PAGE.index) throw unsupported(`a page of type ${String(type)}`);
  }

  #unpack(page: Uint8Array, bytes: number): Uint8Array {
    this.#unpacked += bytes;
    if (this.#unpacked > this.#shape.bytesMax) {
      throw tooLarge('bytes of a column chunk', this.#unpacked, this.#shape.bytesMax);
    }
    return unpackPage(this.#shape.codec, page, bytes);
  }

  #readDictionary(header: ThriftStruct, page: Uint8Array): void {
    const of = structIn(header, 7);
    if (this.#dictionary) throw damaged('a column chunk has two dictionaries');
    const bytes = this.#unpack(page, countIn(header, 2, 'the unpacked size of a page'));
    const count = countIn(of, 1, 'the size of a dictionary');
    // Every value but a boolean, which has no dictionary, takes a byte or more.
    if (count > bytes.length) throw damaged(`a dictionary claims ${count} values in ${bytes.length} bytes`);
    this.#dictionary = this.#readValues({ bytes, at: 0 }, ENCODING.plain, count);
    // Values with their lengths before them would be taken for other values of the same length.
    if (
      this.#dictionary.kind === 'spans' &&
      isFixed(this.#shape.type) &&
      this.#dictionary.data.length < bytes.length
    )
      throw damaged(`a dictionary of ${count} values has ${bytes.length} bytes`);
  }

  #readData(header: ThriftStruct, page: Uint8Array): void {
    const of = structIn(header, 5);
    const count = this.#claim(of);
    const bytes = this.#unpack(page, countIn(header, 2, 'the unpacked size of a page'));
    const cursor = { bytes, at: 0 };
    this.#readPrefixedLevels(cursor, this.#repetitions, this.#shape.repetition, of.get(4), count);
    this.#readPrefixedLevels(cursor, this.#definitions, this.#shape.definition, of.get(3), count);
    this.#readPart(cursor, of.get(2), count);
  }

  #readPrefixedLevels(
    cursor: Cursor,
    output: Uint8Array | undefined,
    levelMax: number,
    encoding: unknown,
    count: number,
  ): void {
    if (!output) return;
    if (encoding !== ENCODING.rle) throw unsupported(`encoding ${String(encoding)} of levels`);
    const { bytes, at } = cursor;
    if (bytes.length - at < 4) ended();
    const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
    cursor.at = at + 4 + length;
    this.#readLevels(bytes.subarray(at + 4, at + 4 + length), output, levelMax, count);
  }

  #readLevels(bytes: Uint8Array, output: Uint8Array, levelMax: number, count: number): void {
    const levels = output.subarray(this.#read, this.#read + count);
    readHybrid({ bytes, at: 0 }, bitWidth(levelMax), levels, count);
    for (let index = 0; index < count; index += 1) {
      if ((levels[index] as number) > levelMax) throw damaged(`a level is above ${levelMax}`);
    }
  }

  #readDataV2(header: ThriftStruct, page: Uint8Array): void {
    const of = structIn(header, 8);
    const count = this.#claim(of);
    const definitionBytes = countIn(of, 5, 'the size of levels');
    const repetitionBytes = countIn(of, 6, 'the size of levels');
    const levelBytes = definitionBytes + repetitionBytes;
    if (levelBytes > page.length) throw damaged(`levels claim ${levelBytes} bytes`);
    const bytesClaimed = countIn(header, 2, 'the unpacked size of a page') - levelBytes;
    if (bytesClaimed < 0) throw damaged('a page is smaller than its levels');
    if (this.#repetitions) {
      this.#readLevels(page.subarray(0, repetitionBytes), this.#repetitions, this.#shape.repetition, count);
    }
    if (this.#definitions) {
      this.#readLevels(
        page.subarray(repetitionBytes, levelBytes),
        this.#definitions,
        this.#shape.definition,
        count,
      );
    }
    const packed = page.subarray(levelBytes);
    const isPacked = of.get(7) !== false && packed.length > 0;
    const bytes = isPacked ? this.#unpack(packed, bytesClaimed) : packed;
    this.#readPart({ bytes, at: 0 }, of.get(4), count);
  }

  #claim(of: ThriftStruct): number {
    const count = countIn(of, 1, 'the number of values of a page');
    if (count > this.#shape.values - this.#read) throw damaged('its pages have more values than it claims');
    if (count === 0) this.#emptyPages += 1;
    if (this.#emptyPages > EMPTY_PAGES_MAX) throw damaged('it has pages without values, one after the other');
    return count;
  }

  #readPart(cursor: Cursor, encoding: unknown, levels: number): void {
    const count = this.#countPresent(levels);
    this.#read += levels;
    if (count === 0) return;
    const offset = this.#shape.start + this.#pageStart;
    if (encoding !== ENCODING.plainDictionary && encoding !== ENCODING.dictionary) {
      const values = this.#readValues(cursor, Number(encoding), count);
      this.#parts.push({ kind: 'values', values, count, offset });
      return;
    }
    if (!this.#dictionary) throw damaged('a page needs a dictionary that is not there');
    const width = cursor.bytes[cursor.at] ?? ended();
    cursor.at += 1;
    const indices = new Int32Array(count);
    if (width > 0) readHybrid(cursor, width, indices, count);
    const words = lengthOf(this.#dictionary);
    for (let index = 0; index < count; index += 1) {
      if ((indices[index] as number) >>> 0 >= words)
        throw damaged(`a value is number ${indices[index]} of ${words}`);
    }
    this.#parts.push({ kind: 'indices', indices, count, offset });
  }

  /** Values that repeat beginnings of others take more than their page. */
  #readValues(cursor: Cursor, encoding: number, count: number): Values {
    const { bytesMax } = this.#shape;
    const values = readValues(cursor, encoding, count, this.#shape, bytesMax - this.#unpacked);
    if (values.kind === 'spans') this.#unpacked += Math.max(0, values.data.length - cursor.bytes.length);
    return values;
  }

  #countPresent(levels: number): number {
    const { definition } = this.#shape;
    const definitions = this.#definitions;
    if (!definitions) return levels;
    let count = 0;
    for (let index = this.#read; index < this.#read + levels; index += 1) {
      if (definitions[index] === definition) count += 1;
    }
    return count;
  }
}

/**
 * Reads all pages, giving way between them.
 * @throws InputError PARQUET_DAMAGED, PARQUET_UNSUPPORTED or PARQUET_TOO_LARGE
 */
export async function readChunk(
  bytes: Uint8Array,
  shape: ChunkShape,
  yieldToLoop: () => Promise<void> | void,
): Promise<Chunk> {
  const reader = new ChunkReader(bytes, shape);
  while (!reader.isDone) {
    try {
      reader.readPage();
    } catch (error) {
      if (error instanceof TierfallError) throw error;
      throw damaged(error instanceof Error ? error.message : 'a page cannot be read', error);
    }
    await yieldToLoop();
  }
  return reader.chunk();
}
