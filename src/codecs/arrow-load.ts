/**
 * The columns of one record batch, from its nodes and buffers: without a copy where memory is aligned, and only after
 * every length, offset and index was checked against the bytes that are there.
 */
import { type ArrowVector, type Data, DataType, makeData } from './arrow.ts';
import { damaged, unsupported } from './arrow-fault.ts';

export interface BatchNode {
  readonly length: number;
  readonly nullCount: number;
}

export interface BatchParts {
  readonly nodes: readonly BatchNode[];
  readonly buffers: readonly Uint8Array[];
  readonly variadicCounts: readonly number[];
  readonly dictionaries: ReadonlyMap<number, ArrowVector>;
}

type ArrayOf = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView;
};

/** More rows than this have to take bytes: nulls alone are no reason to believe a number. */
const UNBACKED_ROWS_MAX = 1_048_576;
const VIEW_BYTES = 16;
const SCALE_MAX = 152;

function typed(ArrayType: ArrayOf, bytes: Uint8Array, count: number): ArrayBufferView {
  const needed = count * ArrayType.BYTES_PER_ELEMENT;
  if (needed > bytes.length) throw damaged(`a buffer of ${bytes.length} bytes is to hold ${needed}`);
  const isAligned = bytes.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = isAligned ? bytes : Uint8Array.from(bytes.subarray(0, needed));
  return new ArrayType(buffer, byteOffset, count);
}

/** Units come as numbers, of which only some mean something; of times of day, two have 32 bits. */
function isKnownUnit(type: DataType): boolean {
  if (DataType.isTime(type))
    return type.unit >= 0 && type.unit <= 3 && type.bitWidth === (type.unit < 2 ? 32 : 64);
  if (DataType.isTimestamp(type) || DataType.isDuration(type)) return type.unit >= 0 && type.unit <= 3;
  if (DataType.isDate(type)) return type.unit === 0 || type.unit === 1;
  return true;
}

/** What stands where a value is null means nothing. */
function isNull(nullBitmap: Uint8Array | undefined, index: number): boolean {
  return nullBitmap !== undefined && (((nullBitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 0;
}

/** Offsets that do not descend, from 0 or more to what there is. */
function checkOffsets(offsets: Int32Array | BigInt64Array, room: number): void {
  let before: number | bigint = 0;
  for (const offset of offsets) {
    if (offset < before) throw damaged('offsets descend');
    before = offset;
  }
  if (before > room) throw damaged(`an offset is ${before} of ${room}`);
}

class Loader {
  readonly #parts: BatchParts;
  /** Rows that all bytes of the batch could hold, at a bit each. */
  readonly #room: number;
  #node = 0;
  #buffer = 0;
  #variadic = 0;

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#room = parts.buffers.reduce((bytes, buffer) => bytes + buffer.length, 0) * 8 + UNBACKED_ROWS_MAX;
  }

  load(type: DataType): Data {
    const node = this.#parts.nodes[this.#node];
    this.#node += 1;
    if (!node || node.length < 0) throw damaged('a column has no length');
    const { length } = node;
    if (DataType.isNull(type)) {
      if (length > UNBACKED_ROWS_MAX) throw damaged(`${length} nulls without a byte`);
      return makeData({ type, length });
    }
    if (length > this.#room) throw damaged(`a column claims ${length} rows`);
    const common = { length, ...this.#validity(node) };
    // The properties depend on the type, which is known only as any type.
    const make = (more: object): Data =>
      makeData({ type, ...common, ...more } as Parameters<typeof makeData>[0]);
    if (DataType.isStruct(type))
      return make({ children: type.children.map(({ type: child }) => this.#child(child, length)) });
    if (DataType.isFixedSizeList(type))
      return make({ child: this.#child(this.#only(type), length * type.listSize) });
    if (DataType.isList(type) || DataType.isMap(type) || DataType.isLargeList(type)) {
      const valueOffsets = this.#offsets(type, length);
      const child = this.load(this.#only(type));
      checkOffsets(valueOffsets, child.length);
      return make({ valueOffsets, child });
    }
    if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return make(this.#views(common));
    if (DataType.isDictionary(type)) return make(this.#indices(type, common));
    if (
      DataType.isUtf8(type) ||
      DataType.isBinary(type) ||
      DataType.isLargeUtf8(type) ||
      DataType.isLargeBinary(type)
    ) {
      const valueOffsets = this.#offsets(type, length);
      const data = this.#next();
      checkOffsets(valueOffsets, data.length);
      return make({ valueOffsets, data });
    }
    return make({ data: this.#fixed(type, length) });
  }

  #next(): Uint8Array {
    const buffer = this.#parts.buffers[this.#buffer];
    if (!buffer) throw damaged('a column has too few buffers');
    this.#buffer += 1;
    return buffer;
  }

  #only(type: DataType): DataType {
    const child = type.children?.[0];
    if (!child) throw damaged('a list has no element');
    return child.type;
  }

  #child(type: DataType, length: number): Data {
    const child = this.load(type);
    if (child.length < length) throw damaged(`a field has ${child.length} values for ${length} rows`);
    return child;
  }

  #validity({ length, nullCount }: BatchNode): {
    readonly nullCount: number;
    readonly nullBitmap?: Uint8Array;
  } {
    const bits = this.#next();
    if (nullCount === 0 || length === 0) return { nullCount: 0 };
    if (nullCount > 0 && bits.length === 0) throw damaged(`${nullCount} nulls are not marked`);
    // -1 says that nobody has counted, and then no bits mean no nulls.
    if (bits.length === 0) return { nullCount: 0 };
    if (bits.length * 8 < length) throw damaged(`${bits.length} bytes are to mark ${length} values`);
    return { nullCount: -1, nullBitmap: bits };
  }

  #offsets(type: DataType, length: number): Int32Array | BigInt64Array {
    const isLarge = DataType.isLargeUtf8(type) || DataType.isLargeBinary(type) || DataType.isLargeList(type);
    const bytes = this.#next();
    // A column without rows may have no offsets at all.
    if (length === 0 && bytes.length === 0) return isLarge ? new BigInt64Array(1) : new Int32Array(1);
    const offsets = typed(isLarge ? BigInt64Array : Int32Array, bytes, length + 1);
    return offsets as Int32Array | BigInt64Array;
  }

  #fixed(type: DataType, length: number): ArrayBufferView {
    if (DataType.isBool(type)) return typed(Uint8Array, this.#next(), Math.ceil(length / 8));
    if (DataType.isFixedSizeBinary(type)) {
      if (!(type.byteWidth >= 0)) throw damaged(`values of ${type.byteWidth} bytes`);
      return typed(Uint8Array, this.#next(), length * type.byteWidth);
    }
    if (DataType.isDecimal(type)) {
      if (![32, 64, 128, 256].includes(type.bitWidth)) throw unsupported(`a decimal of ${type.bitWidth} bits`);
      if (Math.abs(type.scale) > SCALE_MAX) throw damaged(`a decimal has a scale of ${type.scale}`);
      return typed(Uint32Array, this.#next(), (length * type.bitWidth) / 32);
    }
    const isScalar =
      DataType.isInt(type) || DataType.isFloat(type) || DataType.isDate(type) || DataType.isTime(type);
    if (!isScalar && !DataType.isTimestamp(type) && !DataType.isDuration(type))
      throw unsupported(`type ${type}`);
    if (!isKnownUnit(type)) throw damaged(`type ${type} has a unit that nobody knows`);
    const ArrayType: ArrayOf = type.ArrayType;
    return typed(ArrayType, this.#next(), length);
  }

  #views({ length, nullBitmap }: { readonly length: number; readonly nullBitmap?: Uint8Array }): object {
    const views = typed(Uint8Array, this.#next(), length * VIEW_BYTES) as Uint8Array;
    const count = this.#parts.variadicCounts[this.#variadic] ?? 0;
    this.#variadic += 1;
    if (count < 0 || count > this.#parts.buffers.length) throw damaged(`a column claims ${count} buffers`);
    const variadicBuffers = Array.from({ length: count }, () => this.#next());
    const view = new DataView(views.buffer, views.byteOffset, views.byteLength);
    for (let index = 0; index < length; index += 1) {
      const bytes = view.getInt32(index * VIEW_BYTES, true);
      if ((bytes >= 0 && bytes <= 12) || isNull(nullBitmap, index)) continue;
      const buffer = variadicBuffers[view.getInt32(index * VIEW_BYTES + 8, true)];
      const offset = view.getInt32(index * VIEW_BYTES + 12, true);
      if (bytes < 0 || !buffer || offset < 0 || offset + bytes > buffer.length)
        throw damaged('a value leads nowhere');
    }
    return { views, variadicBuffers };
  }

  #indices(
    type: DataType & { readonly id: number; readonly indices: DataType },
    { length, nullBitmap }: { readonly length: number; readonly nullBitmap?: Uint8Array },
  ): object {
    const data = typed(type.indices.ArrayType, this.#next(), length) as Int32Array | BigInt64Array;
    const dictionary = this.#parts.dictionaries.get(type.id);
    if (!dictionary) throw damaged(`dictionary ${type.id} is not there`);
    for (let index = 0; index < length; index += 1) {
      const word = data[index] ?? 0;
      if (!isNull(nullBitmap, index) && (word < 0 || word >= dictionary.length))
        throw damaged(`a value is word ${word} of ${dictionary.length}`);
    }
    return { data, dictionary };
  }
}

/** @throws InputError ARROW_DAMAGED or ARROW_UNSUPPORTED */
export function loadColumns(types: readonly DataType[], parts: BatchParts): Data[] {
  const loader = new Loader(parts);
  return types.map((type) => loader.load(type));
}
