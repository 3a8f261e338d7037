/**
 * The compact protocol of Thrift, in which Parquet writes its footer and page headers.
 *
 * T1 nothing is allocated for what is claimed but not there: a list has no more elements than bytes are left. T2 nesting is
 * bounded. T3 so is the number of objects, each of which takes many times its bytes. These are what a reader of the footer that trusts it has to be protected from.
 */
import { damaged, tooLarge } from './parquet-fault.ts';

export type ThriftValue = boolean | number | bigint | Uint8Array | readonly ThriftValue[] | ThriftStruct;

/** Values by field id. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

const DEPTH_MAX = 32;
/** Structs, lists and byte arrays; a column chunk has about fifteen of them. */
const OBJECTS_MAX = 2_000_000;
const VARINT_BYTES_MAX = 10;

const TYPE = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
};

class Reader {
  readonly #bytes: Uint8Array;
  at: number;
  #objects = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  struct(depth: number): ThriftStruct {
    this.#countObject();
    if (depth > DEPTH_MAX) throw damaged(`its metadata is nested deeper than ${DEPTH_MAX}`);
    const fields = new Map<number, ThriftValue>();
    let id = 0;
    for (;;) {
      const head = this.#byte();
      const type = head & 15;
      if (type === TYPE.stop) return fields;
      id = head >> 4 === 0 ? Number(this.#zigzag()) : id + (head >> 4);
      fields.set(id, this.#value(type, depth));
    }
  }

  #value(type: number, depth: number): ThriftValue {
    switch (type) {
      case TYPE.true:
        return true;
      case TYPE.false:
        return false;
      case TYPE.byte:
        return (this.#byte() << 24) >> 24;
      case TYPE.i16:
      case TYPE.i32:
        return Number(BigInt.asIntN(32, this.#zigzag()));
      case TYPE.i64:
        return BigInt.asIntN(64, this.#zigzag());
      case TYPE.double:
        return this.#take(8).length;
      case TYPE.binary:
        return this.#take(Number(this.#varint()));
      case TYPE.list:
      case TYPE.set:
        return this.#list(depth);
      case TYPE.struct:
        return this.struct(depth + 1);
      default:
        throw damaged(`its metadata has a value of the unknown type ${type}`);
    }
  }

  #countObject(): void {
    this.#objects += 1;
    if (this.#objects > OBJECTS_MAX) throw tooLarge('objects in the metadata', this.#objects, OBJECTS_MAX);
  }

  #list(depth: number): readonly ThriftValue[] {
    this.#countObject();
    const head = this.#byte();
    const type = head & 15;
    const size = head >> 4 === 15 ? Number(this.#varint()) : head >> 4;
    if (size > this.#bytes.length - this.at) throw damaged(`a list claims ${size} elements`);
    const isBool = type === TYPE.true || type === TYPE.false;
    const values: ThriftValue[] = [];
    for (let index = 0; index < size; index += 1) {
      values.push(isBool ? this.#byte() === TYPE.true : this.#value(type, depth));
    }
    return values;
  }

  #take(length: number): Uint8Array {
    this.#countObject();
    if (length > this.#bytes.length - this.at) throw damaged(`a value claims ${length} bytes`);
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw damaged('its metadata ends too early');
    this.at += 1;
    return byte;
  }

  #varint(): bigint {
    let value = 0n;
    for (let read = 0; read < VARINT_BYTES_MAX; read += 1) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << BigInt(7 * read);
      if (byte < 128) return value;
    }
    throw damaged('its metadata has an integer of more than 64 bits');
  }

  #zigzag(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }
}

/**
 * The struct that starts at `start`, and where it ends. Doubles, which Parquet's metadata has no use for, are skipped.
 * @throws InputError PARQUET_DAMAGED or PARQUET_TOO_LARGE
 */
export function readThrift(
  bytes: Uint8Array,
  start: number,
): { readonly struct: ThriftStruct; readonly end: number } {
  const reader = new Reader(bytes, start);
  return { struct: reader.struct(0), end: reader.at };
}
