/** Parquet files byte by byte, so that they can say what no writer says. */

/** A value of the compact protocol of Thrift: its type, and its bytes. */
type Value = readonly [type: number, bytes: readonly number[]];

function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  for (let left = BigInt.asUintN(64, BigInt(value)); ; left >>= 7n) {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) return bytes;
  }
}

function zigzag(value: number | bigint): number[] {
  const whole = BigInt(value);
  return varint(whole >= 0n ? whole << 1n : (-whole << 1n) - 1n);
}

const i32 = (value: number): Value => [5, zigzag(value)];
const i64 = (value: number | bigint): Value => [6, zigzag(value)];

function bytesOf(text: string): Value {
  const bytes = Buffer.from(text);
  return [8, [...varint(bytes.length), ...bytes]];
}

function listOf(type: number, items: readonly (readonly number[])[]): Value {
  return [9, [0xf0 | type, ...varint(items.length), ...items.flat()]];
}

/** Fields by id. */
function structOf(fields: Readonly<Record<number, Value | undefined>>): number[] {
  const bytes: number[] = [];
  let before = 0;
  for (const [key, value] of Object.entries(fields)) {
    if (!value) continue;
    const id = Number(key);
    bytes.push(((id - before) << 4) | value[0], ...value[1]);
    before = id;
  }
  return [...bytes, 0];
}

const inner = (fields: Parameters<typeof structOf>[0]): Value => [12, structOf(fields)];

/** Physical types by number. */
export const TYPE = { bool: 0, int32: 1, int96: 3, bytes: 6, fixed: 7 } as const;
/** Converted types by number. */
export const MEANING = { text: 0, list: 3, json: 19 } as const;

export interface Element {
  readonly name: string;
  readonly type?: number;
  /** Bytes of a fixed length. */
  readonly width?: number;
  /** 0 required, 1 optional, 2 repeated. */
  readonly repetition?: number;
  readonly children?: number;
  readonly meaning?: number;
}

function elementBytes({ name, type, width, repetition = 0, children, meaning }: Element): number[] {
  return structOf({
    1: type === undefined ? undefined : i32(type),
    2: width === undefined ? undefined : i32(width),
    3: i32(repetition),
    4: bytesOf(name),
    5: children === undefined ? undefined : i32(children),
    6: meaning === undefined ? undefined : i32(meaning),
  });
}

export interface PageOptions {
  readonly values: number;
  readonly encoding?: number;
  /** What it claims to unpack to. */
  readonly unpacked?: number;
}

/** A data page of version 1. */
export function pageBytes(data: Uint8Array, { values, encoding = 0, unpacked }: PageOptions): Uint8Array {
  const of = inner({ 1: i32(values), 2: i32(encoding), 3: i32(3), 4: i32(3) });
  const header = structOf({ 1: i32(0), 2: i32(unpacked ?? data.length), 3: i32(data.length), 5: of });
  return Buffer.concat([Buffer.from(header), data]);
}

/** A page with a dictionary, which may claim any number of words. */
export function dictionaryBytes(data: Uint8Array, words: number): Uint8Array {
  const of = inner({ 1: i32(words), 2: i32(0) });
  const header = structOf({ 1: i32(2), 2: i32(data.length), 3: i32(data.length), 7: of });
  return Buffer.concat([Buffer.from(header), data]);
}

/** Texts as plain values. */
export function plainTexts(texts: readonly (string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = typeof text === 'string' ? Buffer.from(text) : text;
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** `count` times the same level or index, behind its length where `isPrefixed`. */
export function runBytes(count: number, value: number, isPrefixed: boolean): Uint8Array {
  const run = Buffer.from([...varint(BigInt(count) << 1n), value]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(run.length);
  return isPrefixed ? Buffer.concat([length, run]) : run;
}

export interface ColumnBytes {
  readonly type: number;
  readonly pages: Uint8Array;
  /** Values it claims. */
  readonly values: number;
  /** Number of its compression; 0 = none. */
  readonly codec?: number;
}

export interface FileOptions {
  /** The root is put before them. */
  readonly elements: readonly Element[];
  /** Fields of the root. @default all elements */
  readonly rootChildren?: number;
  readonly rows: number;
  readonly columns: readonly ColumnBytes[];
  /** How often the row group is listed. @default 1 */
  readonly groups?: number;
}

/** A file of one row group. */
export function parquetBytes({ elements, rootChildren, rows, columns, groups = 1 }: FileOptions): Uint8Array {
  let at = 4;
  const chunks = columns.map(({ type, pages, values, codec = 0 }) => {
    const meta = inner({
      1: i32(type),
      4: i32(codec),
      5: i64(values),
      6: i64(pages.length),
      7: i64(pages.length),
      9: i64(at),
    });
    at += pages.length;
    return structOf({ 2: i64(4), 3: meta });
  });
  const root = { name: 'root', children: rootChildren ?? elements.length };
  const group = structOf({ 1: listOf(12, chunks), 3: i64(rows) });
  const footer = structOf({
    1: i32(1),
    2: listOf(12, [root, ...elements].map(elementBytes)),
    3: i64(rows * groups),
    4: listOf(
      12,
      Array.from({ length: groups }, () => group),
    ),
  });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  const magic = Buffer.from('PAR1');
  return Buffer.concat([magic, ...columns.map(({ pages }) => pages), Buffer.from(footer), length, magic]);
}
