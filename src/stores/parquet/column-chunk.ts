/**
 * One column of one row group, from values to pages.
 *
 * U1 pages reach `push` in the order of the file, each as soon as it is compressed. U2 bodies above 4 MiB are never
 * copied on their way; smaller ones share a slab with others until they are compressed.
 */
import { compress, compressLaidOut, compressNow, SLAB_BYTES } from './compression.ts';
import {
  type ChunkMetadata,
  type Codec,
  dataPageHeader,
  dictionaryPageHeader,
  ENCODING,
} from './file-metadata.ts';
import type { BytesColumn, IntegerColumn, TextColumn } from './object-columns.ts';
import {
  definitionLevels,
  dictionaryPages,
  integerPage,
  layOutBytes,
  plainBytes,
  type Range,
  referenceBytes,
  textPage,
} from './pages.ts';

/** Takes the next bytes of the file. */
export type Push = (bytes: Uint8Array) => void | Promise<void>;

/** Below it a zstd frame saves nothing that is worth the 20 microseconds of its making. */
const WORTH_PACKING_BYTES = 1024;
/** Bytes of body in one page: zstd starts anew with each, and each needs a context of its own; two threads have work. */
const BODY_PAGE_BYTES = 4 * 1024 * 1024;

interface Pages {
  readonly data: Uint8Array;
  readonly encoding: number;
  readonly dictionary?: { readonly bytes: Uint8Array; readonly entries: number };
  readonly range: Range | undefined;
}

/** A chunk whose compression has begun, so that other columns can be encoded meanwhile. */
export interface BegunChunk {
  /** Pushes its pages. */
  write(push: Push): Promise<ChunkMetadata>;
}

/** @param values one per row, null only in an optional column */
export function beginTextChunk(column: TextColumn, values: readonly (string | null)[]): BegunChunk {
  const present = column.optional ? values.filter((value) => value !== null) : (values as readonly string[]);
  const pages = textPages(column, present);
  const data = column.optional ? Buffer.concat([definitionLevels(values), pages.data]) : pages.data;
  return beginSmallChunk(column, values.length, values.length - present.length, { ...pages, data });
}

export function beginIntegerChunk(column: IntegerColumn, values: readonly (number | bigint)[]): BegunChunk {
  const { bytes, range } = integerPage(values);
  return beginSmallChunk(column, values.length, 0, { data: bytes, encoding: ENCODING.plain, range });
}

function textPages(column: TextColumn, values: readonly string[]): Pages {
  const found = column.repeats && values.length > 0 ? dictionaryPages(values) : undefined;
  if (!found) {
    const { bytes, range } = textPage(values);
    return { data: bytes, encoding: ENCODING.plain, range };
  }
  const { dictionary, entries, indices, range } = found;
  return {
    data: indices,
    encoding: ENCODING.dictionary,
    dictionary: { bytes: dictionary, entries },
    range,
  };
}

function beginSmallChunk(
  column: TextColumn | IntegerColumn,
  values: number,
  nulls: number,
  { data, dictionary, encoding, range }: Pages,
): BegunChunk {
  const plain = data.length + (dictionary?.bytes.length ?? 0);
  const codec = plain < WORTH_PACKING_BYTES ? 'none' : 'zstd';
  const packing = codec === 'none' ? Promise.resolve([data]) : compress([data]);
  // Nobody waits for a page while an earlier one fails.
  packing.catch(() => undefined);
  return {
    write: async (push) => {
      const tally = { plainBytes: 0, packedBytes: 0 };
      if (dictionary) {
        const packed = codec === 'none' ? dictionary.bytes : compressNow(dictionary.bytes);
        const sizes = { plain: dictionary.bytes.length, packed: packed.length };
        await pushPage(tally, dictionaryPageHeader(dictionary.entries, sizes), sizes, [packed], push);
      }
      const dictionaryBytes = tally.packedBytes;
      const packed = await packing;
      const sizes = { plain: data.length, packed: lengthOf(packed) };
      await pushPage(tally, dataPageHeader(values, encoding, sizes), sizes, packed, push);
      const encodings = dictionary ? [ENCODING.plain, ENCODING.rle, encoding] : [ENCODING.rle, encoding];
      return { column, codec, encodings, values, nulls, dictionaryBytes, range, ...tally };
    },
  };
}

interface Tally {
  plainBytes: number;
  packedBytes: number;
}

async function pushPage(
  tally: Tally,
  header: Uint8Array,
  { plain, packed }: { readonly plain: number; readonly packed: number },
  pieces: readonly Uint8Array[],
  push: Push,
): Promise<void> {
  tally.plainBytes += header.length + plain;
  tally.packedBytes += header.length + packed;
  await push(header);
  for (const piece of pieces) await push(piece);
}

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** Bodies that share a page. */
interface BodyPage {
  readonly values: readonly Uint8Array[];
  readonly plain: number;
  readonly pieces: Promise<readonly Uint8Array[]>;
}

export function beginBodyChunk(column: BytesColumn, values: readonly Uint8Array[], codec: Codec): BegunChunk {
  const pages = [...bodyRuns(values)].map((run): BodyPage => {
    const plain = plainBytes(run);
    const pieces = codec === 'none' ? Promise.resolve(run.flatMap(referenceBytes)) : packBodies(run, plain);
    pieces.catch(() => undefined);
    return { values: run, plain, pieces };
  });
  return {
    write: async (push) => {
      const tally = { plainBytes: 0, packedBytes: 0 };
      for (const page of pages) {
        const pieces = await page.pieces;
        const sizes = { plain: page.plain, packed: lengthOf(pieces) };
        const header = dataPageHeader(page.values.length, ENCODING.plain, sizes);
        await pushPage(tally, header, sizes, pieces, push);
      }
      const encodings = [ENCODING.rle, ENCODING.plain];
      return {
        column,
        codec,
        encodings,
        values: values.length,
        nulls: 0,
        dictionaryBytes: 0,
        range: undefined,
        ...tally,
      };
    },
  };
}

function* bodyRuns(values: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  let start = 0;
  let bytes = 0;
  let end = 0;
  for (const { length } of values) {
    if (end > start && bytes + length > BODY_PAGE_BYTES) {
      yield values.slice(start, end);
      start = end;
      bytes = 0;
    }
    bytes += length;
    end += 1;
  }
  yield values.slice(start);
}

function packBodies(values: readonly Uint8Array[], plain: number): Promise<readonly Uint8Array[]> {
  if (plain <= SLAB_BYTES) return compressLaidOut(plain, (slab) => layOutBytes(values, slab));
  return compress(values.flatMap(referenceBytes));
}
