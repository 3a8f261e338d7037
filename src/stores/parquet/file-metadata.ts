/** Headers of pages and the footer of the file, in the words of the Parquet format. */
import { type ObjectColumn, ROOT } from './object-columns.ts';
import type { Range } from './pages.ts';
import { ThriftWriter } from './thrift-writer.ts';

const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const INT64 = 2;
const BYTE_ARRAY = 6;
const UTF8 = 0;
const TIMESTAMP_MILLIS = 9;
const VERSION = 2;
const CREATED_BY = 'tierfall';
const MAGIC = new TextEncoder().encode('PAR1');

export const ENCODING = { plain: 0, rle: 3, dictionary: 8 } as const;
export const CODEC = { none: 0, zstd: 6 } as const;
export type Codec = keyof typeof CODEC;

/** Sizes of a page, before and after compression. */
export interface PageSizes {
  readonly plain: number;
  readonly packed: number;
}

/** @param values nulls included */
export function dataPageHeader(values: number, encoding: number, { plain, packed }: PageSizes): Uint8Array {
  const thrift = new ThriftWriter();
  return thrift
    .root(() => {
      thrift.i32(1, DATA_PAGE);
      thrift.i32(2, plain);
      thrift.i32(3, packed);
      thrift.struct(5, () => {
        thrift.i32(1, values);
        thrift.i32(2, encoding);
        thrift.i32(3, ENCODING.rle);
        thrift.i32(4, ENCODING.rle);
      });
    })
    .finish();
}

export function dictionaryPageHeader(entries: number, { plain, packed }: PageSizes): Uint8Array {
  const thrift = new ThriftWriter();
  return thrift
    .root(() => {
      thrift.i32(1, DICTIONARY_PAGE);
      thrift.i32(2, plain);
      thrift.i32(3, packed);
      thrift.struct(7, () => {
        thrift.i32(1, entries);
        thrift.i32(2, ENCODING.plain);
      });
    })
    .finish();
}

/** What the footer says about one column of one row group. */
export interface ChunkMetadata {
  readonly column: ObjectColumn;
  readonly codec: Codec;
  readonly encodings: readonly number[];
  readonly values: number;
  readonly nulls: number;
  /** With page headers. */
  readonly plainBytes: number;
  readonly packedBytes: number;
  /** Bytes of its dictionary page with its header; 0 without one. */
  readonly dictionaryBytes: number;
  readonly range: Range | undefined;
}

export interface RowGroupMetadata {
  readonly rows: number;
  /** Where its first page starts in the file. */
  readonly offset: number;
  readonly chunks: readonly ChunkMetadata[];
}

export interface FileMetadata {
  readonly columns: readonly ObjectColumn[];
  readonly groups: readonly RowGroupMetadata[];
  readonly keyValues: readonly (readonly [string, string])[];
}

/** The footer with its length and the magic behind it: the end of a file. */
export function fileFooter({ columns, groups, keyValues }: FileMetadata): Uint8Array {
  const thrift = new ThriftWriter();
  const metadata = thrift
    .root(() => {
      thrift.i32(1, VERSION);
      thrift.structs(2, [undefined, ...columns], (column) =>
        writeSchemaElement(thrift, column, columns.length),
      );
      thrift.i64(
        3,
        groups.reduce((sum, { rows }) => sum + rows, 0),
      );
      thrift.structs(4, groups, (group) => writeRowGroup(thrift, group));
      thrift.structs(5, keyValues, ([key, value]) => {
        thrift.binary(1, key);
        thrift.binary(2, value);
      });
      thrift.binary(6, CREATED_BY);
      // Without it readers must not trust min_value and max_value.
      thrift.structs(7, columns, () => thrift.struct(1, () => {}));
    })
    .finish();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(metadata.length);
  return Buffer.concat([metadata, length, MAGIC]);
}

function writeSchemaElement(thrift: ThriftWriter, column: ObjectColumn | undefined, children: number): void {
  if (!column) {
    thrift.binary(4, ROOT);
    thrift.i32(5, children);
    return;
  }
  const { name, kind, optional } = column;
  thrift.i32(1, physicalType(column));
  thrift.i32(3, optional ? 1 : 0);
  thrift.binary(4, name);
  if (kind === 'text') {
    thrift.i32(6, UTF8);
    thrift.struct(10, () => thrift.struct(1, () => {}));
  } else if (kind === 'timestamp') {
    thrift.i32(6, TIMESTAMP_MILLIS);
    thrift.struct(10, () => thrift.struct(8, () => writeMillisUtc(thrift)));
  }
}

function writeMillisUtc(thrift: ThriftWriter): void {
  thrift.flag(1, true);
  thrift.struct(2, () => thrift.struct(1, () => {}));
}

function physicalType({ kind }: ObjectColumn): number {
  return kind === 'integer' || kind === 'timestamp' ? INT64 : BYTE_ARRAY;
}

function writeRowGroup(thrift: ThriftWriter, { rows, offset, chunks }: RowGroupMetadata): void {
  const sum = (of: (chunk: ChunkMetadata) => number): number =>
    chunks.reduce((total, chunk) => total + of(chunk), 0);
  let at = offset;
  thrift.structs(1, chunks, (chunk) => {
    thrift.i64(2, 0);
    const start = at;
    thrift.struct(3, () => writeChunk(thrift, chunk, start));
    at += chunk.packedBytes;
  });
  thrift.i64(
    2,
    sum(({ plainBytes }) => plainBytes),
  );
  thrift.i64(3, rows);
  thrift.i64(5, offset);
  thrift.i64(
    6,
    sum(({ packedBytes }) => packedBytes),
  );
}

function writeChunk(thrift: ThriftWriter, chunk: ChunkMetadata, start: number): void {
  thrift.i32(1, physicalType(chunk.column));
  thrift.i32s(2, chunk.encodings);
  thrift.texts(3, [chunk.column.name]);
  thrift.i32(4, CODEC[chunk.codec]);
  thrift.i64(5, chunk.values);
  thrift.i64(6, chunk.plainBytes);
  thrift.i64(7, chunk.packedBytes);
  thrift.i64(9, start + chunk.dictionaryBytes);
  if (chunk.dictionaryBytes > 0) thrift.i64(11, start);
  if (chunk.column.kind !== 'bytes') thrift.struct(12, () => writeStatistics(thrift, chunk));
}

/** Only the fields whose order the format defines; the older `min` and `max` are ambiguous for text. */
function writeStatistics(thrift: ThriftWriter, { nulls, range }: ChunkMetadata): void {
  thrift.i64(3, nulls);
  if (!range) return;
  thrift.binary(5, range.max);
  thrift.binary(6, range.min);
  thrift.flag(7, true);
  thrift.flag(8, true);
}
