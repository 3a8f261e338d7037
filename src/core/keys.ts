/**
 * Idempotency keys: 128 bits of SHA-256, as 32 hex digits. 64 bits would collide at internet scale, and a
 * collision is a lost batch.
 */
import { createHash, hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

const KEY_HEX_DIGITS = 32;
/** Hashed in half a millisecond to two. */
const SLICE_BYTES = 1024 * 1024;

/** Key of a batch: over the stream and the caller's id, or the body when there is no id. */
export function batchKey(stream: string, id: string | undefined, body: Uint8Array): string {
  // A length prefix keeps ("ab","c") and ("a","bc") apart; the tag keeps an id apart from an equal body.
  const digest = createHash('sha256').update(`${stream.length}:${stream}${id === undefined ? 'body' : 'id'}:`);
  return digest
    .update(id ?? body)
    .digest('hex')
    .slice(0, KEY_HEX_DIGITS);
}

/** Key of a record without declared key fields: its batch and its row. */
export function rowKey(batch: string, row: number): string {
  return `${batch}-${row}`;
}

/** Key of a record by its declared key fields, in schema order; null differs from the text "null". */
export function fieldsKey(values: readonly unknown[]): string {
  const text = values.map((value) => `${value === null ? 'n' : typeof value}:${String(value)}`);
  return hash('sha256', JSON.stringify(text), 'hex').slice(0, KEY_HEX_DIGITS);
}

/** Full SHA-256 of some bytes, 64 hex digits. */
export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

/** The same of parts one after the other, of any size: others are let in after every MiB. */
export async function sha256InTurns(parts: readonly Uint8Array[]): Promise<string> {
  const [only] = parts;
  if (parts.length === 1 && only && only.length <= SLICE_BYTES) return sha256(only);
  const digest = createHash('sha256');
  for (const part of parts) {
    for (let at = 0; at < part.length; at += SLICE_BYTES) {
      if (at > 0) await nextTurn();
      digest.update(part.subarray(at, at + SLICE_BYTES));
    }
  }
  return digest.digest('hex');
}
