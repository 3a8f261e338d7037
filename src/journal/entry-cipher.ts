/**
 * Details and body of an entry, encrypted. The header is bound to them: seq, lengths, key and lock are the
 * additional data of the message, and the seq is its number under the lock (core/key-ring.ts).
 */
import { type KeyRing, keyIdOf, lockBytesOf, missingKey, type Sealer, TAG_BYTES } from '../core/key-ring.ts';
import { STEP_BYTES, type Steps } from './turns.ts';

/** The part of a ring that reading needs. */
export type EntryOpener = Pick<KeyRing, 'opening'>;

/** Encrypts in steps. @returns chunks of the payload, tag included */
export function* sealPayload(
  sealer: Sealer,
  seq: number,
  header: Uint8Array,
  parts: readonly Uint8Array[],
): Steps<Uint8Array[]> {
  const cipher = sealer.start(seq, header);
  const chunks: Uint8Array[] = [];
  for (const part of parts) {
    for (let at = 0; at < part.length; at += STEP_BYTES) {
      if (at > 0) yield;
      chunks.push(cipher.update(part.subarray(at, at + STEP_BYTES)));
    }
  }
  const last = cipher.final();
  if (last.length > 0) chunks.push(last);
  chunks.push(cipher.getAuthTag());
  return chunks;
}

export interface SealedEntry {
  /** The whole entry. */
  readonly bytes: Uint8Array;
  readonly seq: number;
  /** Where what the tag also covers starts. */
  readonly checkedFrom: number;
  readonly lockAt: number;
  readonly headerEnd: number;
}

/**
 * Decrypts in steps.
 * @returns details and body, or undefined when the tag does not fit
 * @throws StorageError with code ENCRYPTION_KEY_MISSING
 */
export function* openPayload(
  { bytes, seq, checkedFrom, lockAt, headerEnd }: SealedEntry,
  opener: EntryOpener | undefined,
): Steps<Buffer | undefined> {
  const end = bytes.length - TAG_BYTES;
  const lock = bytes.subarray(lockAt, lockAt + lockBytesOf(bytes.subarray(lockAt)));
  if (lockAt + lock.length > headerEnd || end < headerEnd) return undefined;
  if (opener === undefined) {
    throw missingKey(
      `it is encrypted under the key ${JSON.stringify(keyIdOf(lock))}, and there is no ring of keys`,
    );
  }
  const decipher = opener.opening(lock, seq, bytes.subarray(checkedFrom, headerEnd), bytes.subarray(end));
  const chunks: Buffer[] = [];
  for (let at = headerEnd; at < end; at += STEP_BYTES) {
    if (at > headerEnd) yield;
    chunks.push(decipher.update(bytes.subarray(at, Math.min(end, at + STEP_BYTES))));
  }
  try {
    chunks.push(decipher.final());
  } catch {
    return undefined;
  }
  return chunks.length === 2 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}
