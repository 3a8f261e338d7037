/** LZ4, which Node does not have: blocks as in Parquet, and frames as in Arrow IPC. Checksums are not checked. */

const FRAME_MAGIC = 0x184d2204;
const MATCH_MIN = 4;

function broken(): never {
  throw new RangeError('the LZ4 data is damaged');
}

/**
 * Decodes one block into `output` from `start` on; matches may reach back to the beginning of `output`.
 * @returns the end of what was written
 * @throws RangeError when the block is damaged or does not fit
 */
export function decodeLz4Block(input: Uint8Array, output: Uint8Array, start = 0): number {
  let at = 0;
  let to = start;
  while (at < input.length) {
    const token = input[at] as number;
    at += 1;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        more = input[at] ?? broken();
        literals += more;
        at += 1;
      }
    }
    if (literals > input.length - at || literals > output.length - to) broken();
    output.set(input.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    // The last sequence has no match.
    if (at === input.length) return to;
    const distance = (input[at] ?? broken()) | ((input[at + 1] ?? broken()) << 8);
    at += 2;
    let length = (token & 15) + MATCH_MIN;
    if (length === 15 + MATCH_MIN) {
      let more = 255;
      while (more === 255) {
        more = input[at] ?? broken();
        length += more;
        at += 1;
      }
    }
    if (distance === 0 || distance > to || length > output.length - to) broken();
    // Byte by byte, because a match may overlap what it makes.
    for (const end = to + length; to < end; to += 1) output[to] = output[to - distance] as number;
  }
  return to;
}

/**
 * Decodes one frame of exactly `bytes` bytes.
 * @throws RangeError when the frame is damaged, of another size, or needs a dictionary
 */
export function decodeLz4Frame(input: Uint8Array, bytes: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const flags = view.getUint8(4);
  if (view.getUint32(0, true) !== FRAME_MAGIC || flags >> 6 !== 1 || (flags & 1) === 1) broken();
  const hasBlockChecksum = (flags & 16) !== 0;
  // Magic, flags, block size, content size if any, header checksum.
  let at = 7 + ((flags & 8) === 0 ? 0 : 8);
  const output = new Uint8Array(bytes);
  let to = 0;
  for (;;) {
    const head = view.getUint32(at, true);
    at += 4;
    if (head === 0) break;
    const length = head & 0x7fffffff;
    if (length > input.length - at) broken();
    const block = input.subarray(at, at + length);
    if (head >>> 31 === 1) {
      if (length > bytes - to) broken();
      output.set(block, to);
      to += length;
    } else to = decodeLz4Block(block, output, to);
    at += length + (hasBlockChecksum ? 4 : 0);
  }
  return to === bytes ? output : broken();
}
