/**
 * The digest that every object carries, in the 40 bytes before its footer, where other readers do not look.
 *
 *   PAR1 | row groups | "TFDIGEST" + SHA-256 of everything else | footer | footer length (4, LE) | PAR1
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { StorageError } from '../../core/errors.ts';
import { sha256InTurns } from '../../core/keys.ts';

const TAG = new TextEncoder().encode('TFDIGEST');
const BLOCK_BYTES = 40;
/** Footer length and magic. */
export const TRAILER_BYTES = 8;
/** Hashed in one go: half a millisecond. */
const SLICE_BYTES = 1024 * 1024;

export interface EncodedObject {
  readonly chunks: readonly Uint8Array[];
  /** Of the whole file, 64 hex digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Collects a file and hashes it on the way, once: what differs between the two digests is behind the row groups. */
export class SealedFile {
  readonly #chunks: Uint8Array[] = [];
  readonly #hash = createHash('sha256');

  async push(bytes: Uint8Array): Promise<void> {
    this.#chunks.push(bytes);
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      if (at > 0) await nextTurn();
      this.#hash.update(bytes.length <= SLICE_BYTES ? bytes : bytes.subarray(at, at + SLICE_BYTES));
    }
  }

  /** @param footer with its length and the magic */
  finish(footer: Uint8Array): EncodedObject {
    const content = this.#hash.copy().update(footer).digest();
    const block = Buffer.concat([TAG, content]);
    const sha256 = this.#hash.update(block).update(footer).digest('hex');
    const chunks = [...this.#chunks, block, footer];
    return { chunks, sha256, bytes: chunks.reduce((sum, { length }) => sum + length, 0) };
  }
}

/** An object that is not what was stored; it is not handed out. */
export function corrupt(message: string, cause?: unknown): StorageError {
  return new StorageError('STORAGE_CORRUPT', message, {
    hint: 'The object was changed after it was stored: restore it from a copy; it is not delivered as it is.',
    cause,
  });
}

/** Where the footer of a file starts; negative when its length is not plausible. */
export function footerStart(bytes: Uint8Array): number {
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - TRAILER_BYTES, TRAILER_BYTES);
  return bytes.length - TRAILER_BYTES - trailer.getUint32(0, true);
}

/** @throws StorageError `STORAGE_CORRUPT` unless the file is exactly what was sealed */
export async function checkDigest(bytes: Uint8Array): Promise<void> {
  if (bytes.length < TRAILER_BYTES + BLOCK_BYTES) throw corrupt('the object is too short');
  const footerAt = footerStart(bytes);
  const blockAt = footerAt - BLOCK_BYTES;
  if (blockAt < 0) throw corrupt('the object has no digest where one belongs');
  const block = bytes.subarray(blockAt, footerAt);
  const digest = await sha256InTurns([bytes.subarray(0, blockAt), bytes.subarray(footerAt)]);
  if (Buffer.compare(block, Buffer.concat([TAG, Buffer.from(digest, 'hex')])) !== 0) {
    throw corrupt('the object does not match the SHA-256 that it carries');
  }
}
