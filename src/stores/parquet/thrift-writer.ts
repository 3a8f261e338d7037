/**
 * Writes Thrift's compact protocol: what the headers of pages and the footer of a Parquet file are made of.
 * A field starts with its distance from the field before it and its type; integers are zigzag varints.
 */
const I16 = 4;
const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;
const TRUE = 1;
const FALSE = 2;
/** A varint of 64 bits. */
const VARINT_BYTES_MAX = 10;
const NEAR_MAX = 15;

export class ThriftWriter {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 0;
  /** The last field of each struct that is open. */
  readonly #last: number[] = [];
  #field = 0;

  /** What was written, as bytes of their own. */
  finish(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, 0, this.#length);
  }

  i16(field: number, value: number): void {
    this.#integer(field, I16, value);
  }

  i32(field: number, value: number): void {
    this.#integer(field, I32, value);
  }

  i64(field: number, value: number): void {
    this.#integer(field, I64, value);
  }

  flag(field: number, value: boolean): void {
    this.#head(field, value ? TRUE : FALSE);
  }

  binary(field: number, value: Uint8Array | string): void {
    this.#head(field, BINARY);
    this.#blob(typeof value === 'string' ? Buffer.from(value) : value);
  }

  struct(field: number, write: () => void): void {
    this.#head(field, STRUCT);
    this.#nested(write);
  }

  structs<T>(field: number, values: readonly T[], write: (value: T) => void): void {
    this.#list(field, STRUCT, values.length);
    for (const value of values) this.#nested(() => write(value));
  }

  i32s(field: number, values: readonly number[]): void {
    this.#list(field, I32, values.length);
    for (const value of values) this.#zigzag(value);
  }

  texts(field: number, values: readonly string[]): void {
    this.#list(field, BINARY, values.length);
    for (const value of values) this.#blob(Buffer.from(value));
  }

  /** The outermost struct. */
  root(write: () => void): this {
    this.#nested(write);
    return this;
  }

  #nested(write: () => void): void {
    this.#last.push(this.#field);
    this.#field = 0;
    write();
    this.#byte(0);
    this.#field = this.#last.pop() ?? 0;
  }

  #head(field: number, type: number): void {
    const distance = field - this.#field;
    this.#field = field;
    if (distance > 0 && distance <= NEAR_MAX) return this.#byte((distance << 4) | type);
    this.#byte(type);
    this.#zigzag(field);
  }

  #list(field: number, type: number, length: number): void {
    this.#head(field, LIST);
    if (length < NEAR_MAX) return this.#byte((length << 4) | type);
    this.#byte((NEAR_MAX << 4) | type);
    this.#varint(length);
  }

  #integer(field: number, type: number, value: number): void {
    this.#head(field, type);
    this.#zigzag(value);
  }

  /** For safe integers: shifts of numbers would cut them to 32 bits. */
  #zigzag(value: number): void {
    if (value >= 0 && value < 2 ** 30) this.#varint(value * 2);
    else this.#bigVarint(value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value));
  }

  #varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let left = value;
    for (; left >= 0x80; left >>>= 7) this.#bytes[this.#length++] = (left & 0x7f) | 0x80;
    this.#bytes[this.#length++] = left;
  }

  #bigVarint(value: bigint): void {
    this.#reserve(VARINT_BYTES_MAX);
    let left = value;
    for (; left >= 0x80n; left >>= 7n) this.#bytes[this.#length++] = Number(left & 0x7fn) | 0x80;
    this.#bytes[this.#length++] = Number(left);
  }

  #blob(bytes: Uint8Array): void {
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
