/** Some rows of an Arrow column as a column of its own, in the same type. Dictionaries are shared, not cut. */
import { type Data, DataType, makeData } from './arrow.ts';
import { packBits } from './arrow-buffers.ts';
import { unsupported } from './arrow-fault.ts';
import { bytesReader } from './arrow-values.ts';

/** Indices of rows, ascending or not. */
type Rows = Int32Array;

function takeValidity(
  { nullBitmap }: Data,
  rows: Rows,
): { readonly nullCount: number; readonly nullBitmap?: Uint8Array } {
  if (!nullBitmap || nullBitmap.length === 0) return { nullCount: 0 };
  const bytes = Uint8Array.from(rows, (row) => ((nullBitmap[row >> 3] ?? 0) >> (row & 7)) & 1);
  const { bits, ones } = packBits(bytes, bytes.length);
  return ones === bytes.length ? { nullCount: 0 } : { nullCount: bytes.length - ones, nullBitmap: bits };
}

function isNull({ nullBitmap }: Data, row: number): boolean {
  return (
    nullBitmap !== undefined && nullBitmap.length > 0 && (((nullBitmap[row >> 3] ?? 0) >> (row & 7)) & 1) === 0
  );
}

/** Elements of `stride` entries each. */
function takeArray(values: Uint8Array, rows: Rows, stride: number): Uint8Array {
  // Every typed array has this constructor; all that matters here is that input and output are the same.
  const output = new (values.constructor as Uint8ArrayConstructor)(rows.length * stride);
  rows.forEach((row, index) => {
    for (let at = 0; at < stride; at += 1) output[index * stride + at] = values[row * stride + at] as number;
  });
  return output;
}

/** Bytes of the rows one after the other; what stands where there is a null is left out. */
function takeSpans(data: Data, rows: Rows): { readonly valueOffsets: Int32Array; readonly data: Uint8Array } {
  const read = bytesReader(data);
  if (!read) throw unsupported(`type ${data.type}`);
  const parts = Array.from(rows, (row) => (isNull(data, row) ? new Uint8Array(0) : read(row)));
  const valueOffsets = new Int32Array(rows.length + 1);
  parts.forEach((part, index) => {
    valueOffsets[index + 1] = (valueOffsets[index] ?? 0) + part.length;
  });
  const bytes = new Uint8Array(valueOffsets[rows.length] ?? 0);
  parts.forEach((part, index) => {
    bytes.set(part, valueOffsets[index]);
  });
  return { valueOffsets, data: bytes };
}

function takeList(data: Data, rows: Rows): { readonly valueOffsets: Int32Array; readonly child: Data } {
  const { valueOffsets: from } = data;
  const valueOffsets = new Int32Array(rows.length + 1);
  const inner: number[] = [];
  rows.forEach((row, index) => {
    const end = isNull(data, row) ? 0 : Number(from[row + 1]);
    for (let at = Number(from[row]); at < end; at += 1) inner.push(at);
    valueOffsets[index + 1] = inner.length;
  });
  return { valueOffsets, child: takeRows(data.children[0] as Data, Int32Array.from(inner)) };
}

/** @throws InputError ARROW_UNSUPPORTED */
export function takeRows(data: Data, rows: Rows): Data {
  const { type } = data;
  const length = rows.length;
  const common = { length, ...takeValidity(data, rows) };
  const make = (more: object): Data => makeData({ type, ...common, ...more } as Parameters<typeof makeData>[0]);
  if (DataType.isNull(type)) return makeData({ type, length });
  if (DataType.isStruct(type)) return make({ children: data.children.map((child) => takeRows(child, rows)) });
  if (DataType.isFixedSizeList(type)) {
    const { listSize } = type;
    const inner = Int32Array.from({ length: length * listSize }, (_, at) => {
      return (rows[Math.floor(at / listSize)] ?? 0) * listSize + (at % listSize);
    });
    return make({ child: takeRows(data.children[0] as Data, inner) });
  }
  if (DataType.isList(type) || DataType.isMap(type)) return make(takeList(data, rows));
  if (DataType.isLargeList(type)) {
    const { valueOffsets, child } = takeList(data, rows);
    return make({ valueOffsets: BigInt64Array.from(valueOffsets, BigInt), child });
  }
  if (DataType.isBool(type)) {
    const bytes = Uint8Array.from(rows, (row) => (data.values[row >> 3] >> (row & 7)) & 1);
    return make({ data: packBits(bytes, length).bits });
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    return make({ views: takeArray(data.values, rows, 16), variadicBuffers: data.variadicBuffers });
  }
  if (DataType.isLargeUtf8(type) || DataType.isLargeBinary(type)) {
    const spans = takeSpans(data, rows);
    return make({ ...spans, valueOffsets: BigInt64Array.from(spans.valueOffsets, BigInt) });
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) return make(takeSpans(data, rows));
  const values = takeArray(data.values, rows, data.stride);
  return DataType.isDictionary(type)
    ? make({ data: values, dictionary: data.dictionary })
    : make({ data: values });
}
