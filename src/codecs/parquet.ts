/**
 * Reads Parquet files, row group by row group, from anything that can be read at an offset.
 *
 * Q1 nothing a file claims is believed before it is checked against its bytes: a file that is cut, changed or made to harm
 * is refused with an InputError, in time and memory bounded by its size and by `groupBytesMax`. Q2 every value is exact: 64-bit
 * integers and timestamps as bigint, decimals as their digits; what is nested is JSON text. Q3 a value that its column
 * cannot hold costs its own row and no other: the row is left out, and told with its reason.
 */
import type { Column, Columns } from '../core/columns.ts';
import { InputError, TierfallError } from '../core/errors.ts';
import type { Vector } from '../core/vectors.ts';
import { BadRows, type UndecodableRow } from './parquet-bad-rows.ts';
import { damaged, tooLarge, unsupported } from './parquet-fault.ts';
import { type ColumnChunk, type Footer, type RowGroup, readFooter } from './parquet-footer.ts';
import { jsonVector } from './parquet-nested.ts';
import { type Chunk, readChunk } from './parquet-pages.ts';
import { buildTree, columnOf, isFlat, type SchemaNode } from './parquet-tree.ts';
import { vectorOf } from './parquet-vectors.ts';

/** Bytes that can be read at any offset: a file, an object in a store, or an `ArrayBuffer`. */
export interface ByteSource {
  readonly byteLength: number;
  /** The bytes from `start` to before `end`. */
  slice(start: number, end?: number): Promise<ArrayBuffer> | ArrayBuffer;
}

export interface ParquetOptions {
  /** Bytes that the values of one row group may take when they are read. @default 1 GiB */
  readonly groupBytesMax?: number;
  /** Awaited between pages, so that a long row group does not keep everybody else waiting. @default nothing is awaited */
  readonly yieldToLoop?: () => Promise<void> | void;
}

export interface ParquetFile {
  readonly rowCount: number;
  /** One per field of the top level, in the order of the file; a second `x` is called `x_1`, as in CSV. */
  readonly columns: readonly Column[];
  readonly rowGroups: number;
  /**
   * All columns of one row group; rows are numbered from 0 within it, and those that cannot be read are not among them.
   * Calling it twice reads twice.
   * @throws InputError PARQUET_DAMAGED, PARQUET_UNSUPPORTED or PARQUET_TOO_LARGE
   * @throws RangeError when there is no such row group
   */
  readRowGroup(index: number): Promise<RowGroupColumns>;
}

/** The rows of one row group. */
export interface RowGroupColumns extends Columns {
  /**
   * Rows with a value that its column cannot hold, ascending: text that is not UTF-8, JSON that is not JSON, 96-bit
   * timestamps outside of the years 1677 to 2262, decimals of more than 64 bytes.
   */
  readonly undecodable: readonly UndecodableRow[];
}

const MAGIC = 'PAR1';
const ENCRYPTED_MAGIC = 'PARE';
/** Footer length and magic. */
const TRAILER_BYTES = 8;
const FOOTER_BYTES_MAX = 64 * 1024 * 1024;
const GROUP_BYTES_MAX = 1024 * 1024 * 1024;
/** More rows than this have to take bytes: nulls alone are no reason to believe a number. */
const UNBACKED_ROWS_MAX = 1_048_576;
const ROWS_PER_BYTE_MAX = 256;
/** About what a cell takes that is an object or a text of its own. */
const OBJECT_BYTES = 64;

interface Settings {
  readonly groupBytesMax: number;
  readonly yieldToLoop: () => Promise<void> | void;
}

/**
 * Reads the footer.
 *
 * Types: what is marked as text, enum or UUID is `text`; bytes without a mark are `bytes`; decimals are exact; dates,
 * timestamps (with their unit; 96-bit ones count nanoseconds, before 1677 and after 2262 in more than 64 bits) and JSON are
 * what they say; times of day are text such as `13:05:09.250`; lists, maps and structs are `json`. Compressions: Snappy,
 * gzip, Brotli, zstd and LZ4, not LZO.
 * @throws InputError PARQUET_NOT_PARQUET, PARQUET_DAMAGED, PARQUET_UNSUPPORTED (encrypted, columns in other files, LZO) or
 *   PARQUET_TOO_LARGE; what `source.slice` throws is passed on
 */
export async function openParquet(source: ByteSource, options: ParquetOptions = {}): Promise<ParquetFile> {
  const { groupBytesMax = GROUP_BYTES_MAX, yieldToLoop = () => {} } = options;
  const footer = await fetchFooter(source);
  const root = buildTree(footer.schema);
  footer.groups.forEach((group, index) => {
    checkGroup(group, root, index);
  });
  const columns = root.children.map(columnOf);
  return {
    rowCount: footer.rows,
    columns,
    rowGroups: footer.groups.length,
    readRowGroup: async (index) => {
      const group = footer.groups[index];
      if (!group) throw new RangeError(`row group ${index} is outside 0..${footer.groups.length - 1}`);
      return readGroup(source, { group, root, columns }, { groupBytesMax, yieldToLoop });
    },
  };
}

function notParquet(why: string): InputError {
  return new InputError('PARQUET_NOT_PARQUET', `this is not a Parquet file: ${why}`, {
    hint: 'Check that the right file was given, and that it was fetched to its end.',
  });
}

async function fetchFooter(source: ByteSource): Promise<Footer> {
  const size = source.byteLength;
  if (size < MAGIC.length + TRAILER_BYTES) throw notParquet(`it has ${size} bytes`);
  const trailer = await fetchBytes(source, size - TRAILER_BYTES, size);
  const magic = Buffer.from(trailer).toString('latin1', MAGIC.length);
  if (magic === ENCRYPTED_MAGIC) throw unsupported('encryption');
  if (magic !== MAGIC) throw notParquet(`it does not end in ${MAGIC}`);
  const length = new DataView(trailer.buffer, trailer.byteOffset).getUint32(0, true);
  const start = size - TRAILER_BYTES - length;
  if (start < MAGIC.length) throw damaged(`its footer claims ${length} of ${size} bytes`);
  if (length > FOOTER_BYTES_MAX) throw tooLarge('bytes of the footer', length, FOOTER_BYTES_MAX);
  return readFooter(await fetchBytes(source, start, size - TRAILER_BYTES), start);
}

async function fetchBytes(source: ByteSource, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(await source.slice(start, end));
  if (bytes.length < end - start) throw damaged(`bytes ${start} to ${end} are not there`);
  return bytes.subarray(0, end - start);
}

function leafNodes(node: SchemaNode): readonly SchemaNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leafNodes);
}

/** Chunks and leaves are the same, in number, order and type, and flat ones have a value per row. */
function checkGroup({ rows, chunks }: RowGroup, root: SchemaNode, index: number): void {
  const leaves = root.children.flatMap(leafNodes);
  if (leaves.length !== chunks.length) {
    throw damaged(`row group ${index} has ${chunks.length} columns, its schema ${leaves.length}`);
  }
  leaves.forEach((leaf, at) => {
    const { name, type } = leaf.element;
    const chunk = chunks[at];
    if (chunk?.type !== type)
      throw damaged(`column ${JSON.stringify(name)} is ${chunk?.type} in row group ${index}`);
    const hasEnough = leaf.repetition === 0 ? chunk?.values === rows : (chunk?.values ?? 0) >= rows;
    if (!hasEnough)
      throw damaged(`column ${JSON.stringify(name)} has ${chunk?.values} values for ${rows} rows`);
  });
}

/** Levels take a byte each, values up to eight or what an object takes; texts and bytes what they unpack to. */
function bytesNeeded(chunk: ColumnChunk, leaf: SchemaNode): number {
  const { meaning } = leaf.element;
  const levels = (leaf.definition > 0 ? 1 : 0) + (leaf.repetition > 0 ? 1 : 0);
  const isText = meaning.kind === 'text' || meaning.kind === 'json';
  const isArray = chunk.type === 'BYTE_ARRAY' ? isText : chunk.type !== 'FIXED_LEN_BYTE_ARRAY';
  const isObject = !isFlat(leaf) || !isArray || meaning.kind === 'decimal' || meaning.kind === 'time';
  return chunk.values * (levels + (isObject ? OBJECT_BYTES : 8)) + chunk.unpackedBytes;
}

/** @throws InputError PARQUET_TOO_LARGE */
function checkSize(group: RowGroup, leaves: readonly SchemaNode[], groupBytesMax: number): void {
  const needed = group.chunks.reduce(
    (sum, chunk, at) => sum + bytesNeeded(chunk, leaves[at] as SchemaNode),
    group.rows * 8,
  );
  if (needed > groupBytesMax) throw tooLarge('bytes of a row group', needed, groupBytesMax);
  const bytes = group.chunks.reduce((sum, { start, end }) => sum + end - start, 0);
  const rowsMax = UNBACKED_ROWS_MAX + bytes * ROWS_PER_BYTE_MAX;
  if (group.rows > rowsMax) throw tooLarge(`rows of a row group of ${bytes} bytes`, group.rows, rowsMax);
}

interface GroupPlan {
  readonly group: RowGroup;
  readonly root: SchemaNode;
  readonly columns: readonly Column[];
}

async function readGroup(
  source: ByteSource,
  { group, root, columns }: GroupPlan,
  settings: Settings,
): Promise<RowGroupColumns> {
  const leaves = root.children.flatMap(leafNodes);
  checkSize(group, leaves, settings.groupBytesMax);
  const bad = new BadRows();
  const vectors: Vector[] = [];
  for (const [at, node] of root.children.entries()) {
    const chunks: Chunk[] = [];
    for (let leaf = node.leaf; leaf < node.leaf + node.leaves; leaf += 1) {
      chunks[leaf] = await fetchChunk(
        source,
        group.chunks[leaf] as ColumnChunk,
        leaves[leaf] as SchemaNode,
        settings,
      );
    }
    vectors.push(
      translated(() => vectorOfNode(node, chunks, { group, column: columns[at] as Column, settings, bad })),
    );
    await settings.yieldToLoop();
  }
  const rows = Array.from({ length: group.rows }, (_, row) => row);
  const whole = { columns, rows, vectors };
  return { ...bad.leaveOut(whole), undecodable: bad.list(whole) };
}

async function fetchChunk(
  source: ByteSource,
  chunk: ColumnChunk,
  { element, definition, repetition }: SchemaNode,
  { groupBytesMax, yieldToLoop }: Settings,
): Promise<Chunk> {
  const bytes = await fetchBytes(source, chunk.start, chunk.end);
  const { type, codec, values } = chunk;
  const { width } = element;
  const shape = {
    type,
    codec,
    values,
    width,
    definition,
    repetition,
    bytesMax: groupBytesMax,
    start: chunk.start,
  };
  return readChunk(bytes, shape, yieldToLoop);
}

interface ColumnPlan {
  readonly group: RowGroup;
  readonly column: Column;
  readonly settings: Settings;
  readonly bad: BadRows;
}

function vectorOfNode(
  node: SchemaNode,
  chunks: readonly Chunk[],
  { group, column, settings, bad }: ColumnPlan,
): Vector {
  const { rows } = group;
  if (isFlat(node)) return vectorOf({ node, chunk: chunks[node.leaf] as Chunk, rows, bad }, column);
  const levels = group.chunks.map(({ values }) => values);
  return jsonVector(node, chunks, { levels, rows, lengthMax: settings.groupBytesMax, bad });
}

/** What a damaged file does to code that expects a whole one is said of the file. */
function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof TierfallError) throw error;
    throw damaged(error instanceof Error ? error.message : 'a column cannot be read', error);
  }
}
