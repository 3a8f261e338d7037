/** Bytes that were valid once: flipped, overwritten, cut, moved, repeated, and numbers replaced by extreme ones. */
/** A whole number from 0 to below `limit`. */
export type Below = (limit: number) => number;

const EXTREMES: readonly (readonly number[])[] = [
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0, 0x80],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xfe, 0xff, 0xff, 0xff, 0x0f],
  [...Buffer.from('"\\,{[\n]} =')],
  [...Buffer.from('1e999999999')],
  [0xef, 0xbb, 0xbf],
  [0xed, 0xa0, 0x80],
];

type Mutate = (bytes: Uint8Array, below: Below) => Uint8Array;

const MUTATIONS: readonly Mutate[] = [
  (bytes, below) => {
    const at = below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    return bytes;
  },
  (bytes, below) => {
    bytes[below(bytes.length)] = below(256);
    return bytes;
  },
  (bytes, below) => {
    const extreme = EXTREMES[below(EXTREMES.length)] ?? [];
    bytes.set(extreme.slice(0, bytes.length), below(Math.max(1, bytes.length - extreme.length)));
    return bytes;
  },
  // Binary formats keep what matters most at their end.
  (bytes, below) => {
    const extreme = EXTREMES[below(EXTREMES.length)] ?? [];
    const at = Math.max(0, bytes.length - extreme.length - below(Math.min(bytes.length, 400)));
    bytes.set(extreme.slice(0, bytes.length), at);
    return bytes;
  },
  (bytes, below) => bytes.subarray(0, below(bytes.length + 1)),
  (bytes, below) => bytes.subarray(below(bytes.length)),
  (bytes, below) => {
    const from = below(bytes.length);
    const part = bytes.slice(from, from + below(64));
    bytes.set(part, below(Math.max(1, bytes.length - part.length)));
    return bytes;
  },
  (bytes, below) => {
    const at = below(bytes.length);
    const part = bytes.subarray(at, at + below(64));
    return Buffer.concat([bytes.subarray(0, at), part, part, bytes.subarray(at)]);
  },
];

/** A changed copy of `bytes`; the same for the same numbers. */
export function mutate(bytes: Uint8Array, below: Below): Uint8Array {
  let changed = Uint8Array.from(bytes);
  for (let left = 1 + below(4); left > 0 && changed.length > 0; left -= 1) {
    const change = MUTATIONS[below(MUTATIONS.length)] as Mutate;
    changed = Uint8Array.from(change(changed, below));
  }
  return changed;
}
