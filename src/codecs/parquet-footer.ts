/** What the footer of a Parquet file says, checked against the size of the file. */
import { damaged, unsupported } from './parquet-fault.ts';
import { readThrift, type ThriftStruct, type ThriftValue } from './parquet-thrift.ts';

export type PhysicalType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'INT96'
  | 'FLOAT'
  | 'DOUBLE'
  | 'BYTE_ARRAY'
  | 'FIXED_LEN_BYTE_ARRAY';

/** What the bytes of a leaf mean, of the older and the newer way to say so. */
export type Meaning =
  | { readonly kind: 'plain' | 'text' | 'json' | 'date' | 'uuid' | 'float16' }
  | { readonly kind: 'decimal'; readonly scale: number }
  | { readonly kind: 'integer'; readonly bitWidth: number; readonly isSigned: boolean }
  | { readonly kind: 'time' | 'timestamp'; readonly unit: 'ms' | 'us' | 'ns'; readonly isUtc: boolean };

export interface SchemaElement {
  readonly name: string;
  readonly repetition: 'required' | 'optional' | 'repeated';
  readonly children: number;
  /** Undefined for groups. */
  readonly type: PhysicalType | undefined;
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly width: number;
  readonly meaning: Meaning;
  /** What a group stands for. */
  readonly group: 'list' | 'map' | 'struct';
}

export interface ColumnChunk {
  readonly type: PhysicalType;
  readonly codec: string;
  readonly values: number;
  /** The bytes of its pages in the file. */
  readonly start: number;
  readonly end: number;
  readonly unpackedBytes: number;
}

export interface RowGroup {
  readonly rows: number;
  readonly chunks: readonly ColumnChunk[];
}

export interface Footer {
  readonly rows: number;
  readonly schema: readonly SchemaElement[];
  readonly groups: readonly RowGroup[];
}

const TYPES = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
] as const satisfies readonly PhysicalType[];
const REPETITIONS = ['required', 'optional', 'repeated'] as const;
const CODECS = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'];
/** Of a decimal; twice what any writer can fill. */
const SCALE_MAX = 152;
const MAGIC_BYTES = 4;
/** Old writers left the header of the dictionary's page out of the size of its chunk; it is no longer than this. */
const HEADER_BYTES = 100;
/** A chunk without values may have no pages, and then says nothing about where they are. */
const NO_PAGES = { values: 0, start: MAGIC_BYTES, end: MAGIC_BYTES, unpackedBytes: 0 };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function numberOf(value: ThriftValue | undefined, what: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw damaged(`${what} is missing`);
  return number;
}

function countOf(value: ThriftValue | undefined, what: string): number {
  const count = numberOf(value, what);
  if (count < 0) throw damaged(`${what} is ${count}`);
  return count;
}

function structOf(value: ThriftValue | undefined, what: string): ThriftStruct {
  if (value instanceof Map) return value;
  throw damaged(`${what} is missing`);
}

function listOf(value: ThriftValue | undefined, what: string): readonly ThriftValue[] {
  if (Array.isArray(value)) return value;
  throw damaged(`${what} is missing`);
}

function nameOf(value: ThriftValue | undefined): string {
  if (!(value instanceof Uint8Array)) throw damaged('a column has no name');
  try {
    return utf8.decode(value);
  } catch (error) {
    throw damaged('the name of a column is not UTF-8', error);
  }
}

function timeOf(kind: 'time' | 'timestamp', value: ThriftStruct): Meaning {
  const unit = structOf(value.get(2), 'the unit of a time');
  const name = unit.has(1) ? 'ms' : unit.has(2) ? 'us' : unit.has(3) ? 'ns' : undefined;
  if (!name) throw unsupported('a unit of time other than ms, us and ns');
  return { kind, unit: name, isUtc: value.get(1) === true };
}

/** The union of field ids in the newer way. @returns undefined when it says nothing about values */
function logicalMeaning(logical: ThriftStruct): Meaning | undefined {
  const [id, value] = [...logical][0] ?? [];
  const of = value instanceof Map ? value : new Map<number, ThriftValue>();
  switch (id) {
    case 1:
    case 4:
      return { kind: 'text' };
    case 5:
      return { kind: 'decimal', scale: countOf(of.get(1) ?? 0, 'the scale of a decimal') };
    case 6:
      return { kind: 'date' };
    case 7:
      return timeOf('time', of);
    case 8:
      return timeOf('timestamp', of);
    case 10:
      return { kind: 'integer', bitWidth: numberOf(of.get(1), 'a bit width'), isSigned: of.get(2) === true };
    case 12:
      return { kind: 'json' };
    case 14:
      return { kind: 'uuid' };
    case 15:
      return { kind: 'float16' };
    default:
      return undefined;
  }
}

/** The older way: one number. */
function convertedMeaning(converted: number, element: ThriftStruct): Meaning {
  if (converted === 0 || converted === 4) return { kind: 'text' };
  if (converted === 5)
    return { kind: 'decimal', scale: countOf(element.get(7) ?? 0, 'the scale of a decimal') };
  if (converted === 6) return { kind: 'date' };
  if (converted === 7 || converted === 8)
    return { kind: 'time', unit: converted === 7 ? 'ms' : 'us', isUtc: true };
  if (converted === 9 || converted === 10) {
    return { kind: 'timestamp', unit: converted === 9 ? 'ms' : 'us', isUtc: true };
  }
  if (converted >= 11 && converted <= 18) {
    return { kind: 'integer', bitWidth: 8 << ((converted - 11) & 3), isSigned: converted >= 15 };
  }
  return { kind: converted === 19 ? 'json' : 'plain' };
}

const HOLDERS: Readonly<Record<Meaning['kind'], readonly (PhysicalType | undefined)[]>> = {
  plain: TYPES,
  text: ['BYTE_ARRAY'],
  json: ['BYTE_ARRAY'],
  date: ['INT32'],
  uuid: ['FIXED_LEN_BYTE_ARRAY'],
  float16: ['FIXED_LEN_BYTE_ARRAY'],
  decimal: ['INT32', 'INT64', 'BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY'],
  integer: ['INT32', 'INT64'],
  time: ['INT32', 'INT64'],
  timestamp: ['INT64'],
};
const WIDTHS: Readonly<Partial<Record<Meaning['kind'], number>>> = { uuid: 16, float16: 2 };

/** A meaning that its type cannot hold is none: the value is read as it is stored. */
function meaningOf(
  element: ThriftStruct,
  converted: number,
  type: PhysicalType | undefined,
  width: number,
): Meaning {
  const newer = element.get(10);
  const meaning = (newer instanceof Map && logicalMeaning(newer)) || convertedMeaning(converted, element);
  const needed = WIDTHS[meaning.kind];
  const isHeld = HOLDERS[meaning.kind].includes(type) && (needed === undefined || needed === width);
  if (meaning.kind === 'decimal' && meaning.scale > SCALE_MAX)
    throw damaged(`a decimal has a scale of ${meaning.scale}`);
  return isHeld ? meaning : { kind: 'plain' };
}

function elementOf(value: ThriftValue): SchemaElement {
  const element = structOf(value, 'a schema element');
  const children = countOf(element.get(5) ?? 0, 'a number of children');
  const converted = element.get(6) === undefined ? -1 : numberOf(element.get(6), 'a converted type');
  const logical = element.get(10);
  const newer = logical instanceof Map ? logical : undefined;
  const stored = element.get(1);
  const type = stored === undefined ? undefined : TYPES[numberOf(stored, 'a type')];
  const width = countOf(element.get(2) ?? 0, 'a length');
  const isMap = converted === 1 || converted === 2 || newer?.has(2) === true;
  return {
    name: nameOf(element.get(4)),
    repetition: REPETITIONS[numberOf(element.get(3) ?? 0, 'a repetition')] ?? 'required',
    children,
    type: children > 0 ? undefined : type,
    width,
    meaning: meaningOf(element, converted, type, width),
    group: isMap ? 'map' : converted === 3 || newer?.has(3) === true ? 'list' : 'struct',
  };
}

function chunkOf(value: ThriftValue, dataEnd: number): ColumnChunk {
  const chunk = structOf(value, 'a column chunk');
  if (chunk.has(8) || chunk.has(9)) throw unsupported('encryption');
  if (chunk.has(1)) throw unsupported('a column in another file');
  const meta = structOf(chunk.get(3), 'the metadata of a column chunk');
  const type = TYPES[numberOf(meta.get(1), 'a type')];
  const codec = numberOf(meta.get(4), 'a compression');
  if (!type) throw damaged('a column chunk has no type');
  const values = countOf(meta.get(5), 'a number of values');
  const known = { type, codec: CODECS[codec] ?? `codec ${codec}`, values };
  if (values === 0) return { ...known, ...NO_PAGES };
  const dataAt = countOf(meta.get(9), 'the offset of a page');
  const dictionaryAt = countOf(meta.get(11) ?? 0, 'the offset of a dictionary');
  // Some writers leave the dictionary's offset at 0, some have put it behind the data that needs it.
  const start = dictionaryAt >= MAGIC_BYTES && dictionaryAt < dataAt ? dictionaryAt : dataAt;
  const end = start + countOf(meta.get(7), 'the size of a column chunk');
  if (start < MAGIC_BYTES || end > dataEnd) throw damaged(`a column chunk claims bytes ${start} to ${end}`);
  return {
    ...known,
    start,
    end: Math.min(dataEnd, end + HEADER_BYTES),
    unpackedBytes: countOf(meta.get(6), 'the unpacked size of a column chunk'),
  };
}

/**
 * @param bytes the footer alone, without its length and the magic behind it
 * @param dataEnd where the footer starts in the file: no page reaches beyond
 * @throws InputError PARQUET_DAMAGED or PARQUET_UNSUPPORTED
 */
export function readFooter(bytes: Uint8Array, dataEnd: number): Footer {
  const { struct } = readThrift(bytes, 0);
  const groups = listOf(struct.get(4), 'the list of row groups').map((value) => {
    const group = structOf(value, 'a row group');
    return {
      rows: countOf(group.get(3), 'a number of rows'),
      chunks: listOf(group.get(1), 'the columns of a row group').map((chunk) => chunkOf(chunk, dataEnd)),
    };
  });
  const rows = countOf(struct.get(3), 'the number of rows');
  const sum = groups.reduce((total, group) => total + group.rows, 0);
  if (rows !== sum) throw damaged(`it claims ${rows} rows, its row groups ${sum}`);
  return { rows, schema: listOf(struct.get(2), 'the schema').map(elementOf), groups };
}
