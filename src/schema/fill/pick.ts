/**
 * Copies some elements of typed arrays. One function per width, over one type of array each: a loop that is given all
 * types is several times slower.
 */

type Typed =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export function pickBytes(from: Uint8Array, places: Int32Array): Uint8Array {
  const to = new Uint8Array(places.length);
  for (let index = 0; index < places.length; index += 1) to[index] = from[places[index] as number] as number;
  return to;
}

function pickHalves(from: Uint16Array, to: Uint16Array, places: Int32Array): void {
  for (let index = 0; index < places.length; index += 1) to[index] = from[places[index] as number] as number;
}

function pickWords(from: Uint32Array, to: Uint32Array, places: Int32Array): void {
  for (let index = 0; index < places.length; index += 1) to[index] = from[places[index] as number] as number;
}

function pickPairs(from: Uint32Array, to: Uint32Array, places: Int32Array): void {
  for (let index = 0; index < places.length; index += 1) {
    const place = 2 * (places[index] as number);
    to[2 * index] = from[place] as number;
    to[2 * index + 1] = from[place + 1] as number;
  }
}

/** A new array of the same type with the elements at `places`, bit for bit. */
export function pickElements<A extends Typed>(from: A, places: Int32Array): A {
  const Kind = from.constructor as new (lengthOrBuffer: number | ArrayBufferLike) => A;
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: width } = from;
  if (width === 1) {
    return new Kind(pickBytes(new Uint8Array(buffer, byteOffset, byteLength), places).buffer);
  }
  const to = new Kind(places.length);
  if (width === 2) {
    pickHalves(new Uint16Array(buffer, byteOffset, byteLength / 2), new Uint16Array(to.buffer), places);
  } else {
    const pick = width === 4 ? pickWords : pickPairs;
    pick(new Uint32Array(buffer, byteOffset, byteLength / 4), new Uint32Array(to.buffer), places);
  }
  return to;
}
