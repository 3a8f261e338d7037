/**
 * The bytes of one group, as the chunks of one write. Heads and small bodies are encoded into memory that is used
 * again for every group; large bodies are referenced, never copied.
 */
import { crc32 } from 'node:zlib';
import { type Sealer, TAG_BYTES } from '../core/key-ring.ts';
import { CHECKED_FROM, ENTRY_MAGIC, ENTRY_PREFIX_BYTES } from './entry.ts';
import { sealPayload } from './entry-cipher.ts';
import { ENCRYPTED, headerBytesMax, writeDetails, writeFacts } from './entry-header.ts';
import type { Identity } from './identity.ts';
import type { RawEntry } from './journal.ts';
import { crcSteps, doInTurns, doNow, STEP_BYTES, type Steps } from './turns.ts';

const STAGING_BYTES = 256 * 1024;
/** A body up to this size is copied: that costs less than a chunk of its own. */
const COPIED_BYTES_MAX = 8 * 1024;
const MAGIC_WORD = new DataView(ENTRY_MAGIC.buffer).getUint32(0, true);

interface Staging {
  readonly bytes: Buffer;
  readonly view: DataView;
}

function createStaging(size: number): Staging {
  const bytes = Buffer.allocUnsafeSlow(size);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}

/** An entry that was given its seq, with the identity that was made of it. */
export interface Encodable extends Identity {
  readonly entry: RawEntry;
  readonly seq: number;
}

export class GroupBuffer {
  /** Filled one after the other, and from the first one again with the next group. */
  readonly #stagings: Staging[] = [createStaging(STAGING_BYTES)];
  #used = 0;
  #staging = this.#stagings[0] as Staging;
  #from = 0;
  #at = 0;
  #chunks: Uint8Array[] = [];

  /** Everything that was added since the last call. The chunks are valid until something is added again. */
  take(): readonly Uint8Array[] {
    this.#flush();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#used = 0;
    this.#staging = this.#stagings[0] as Staging;
    this.#from = 0;
    this.#at = 0;
    return chunks;
  }

  /** Encodes an entry. @returns its size on the medium; a promise for an entry so large that others need turns */
  add(item: Encodable, sealer: Sealer | undefined): number | Promise<number> {
    const { entry } = item;
    if (sealer !== undefined) {
      const steps = this.#addSealed(item, sealer);
      return entry.body.length <= STEP_BYTES ? doNow(steps) : doInTurns(steps);
    }
    if (entry.body.length > STEP_BYTES) return doInTurns(this.#addLarge(item));
    const { body } = entry;
    const isCopied = body.length <= COPIED_BYTES_MAX;
    const { bytes, view } = this.#room(
      ENTRY_PREFIX_BYTES + headerBytesMax(entry) + (isCopied ? body.length : 0),
    );
    const at = this.#at;
    const headEnd = this.#writeHead(item, body.length);
    if (isCopied) bytes.set(body, headEnd);
    const end = isCopied ? headEnd + body.length : headEnd;
    const checksum = crc32(bytes.subarray(at + CHECKED_FROM, end));
    view.setUint32(at + 8, isCopied ? checksum : crc32(body, checksum), true);
    this.#at = end;
    if (!isCopied) this.#reference(body);
    return headEnd - at + body.length;
  }

  *#addLarge(item: Encodable): Steps<number> {
    const { entry } = item;
    const { body } = entry;
    const { bytes, view } = this.#room(ENTRY_PREFIX_BYTES + headerBytesMax(entry));
    const at = this.#at;
    const headEnd = this.#writeHead(item, body.length);
    this.#at = headEnd;
    view.setUint32(at + 8, yield* crcSteps(body, crc32(bytes.subarray(at + CHECKED_FROM, headEnd))), true);
    this.#reference(body);
    return headEnd - at + body.length;
  }

  *#addSealed(item: Encodable, sealer: Sealer): Steps<number> {
    const { entry, seq } = item;
    const { lock } = sealer;
    const { bytes, view } = this.#room(ENTRY_PREFIX_BYTES + headerBytesMax(entry) + lock.length);
    const at = this.#at;
    const header = at + ENTRY_PREFIX_BYTES;
    const lockAt = writeFacts(bytes, view, header, entry, item);
    bytes[header + 1] = (bytes[header + 1] ?? 0) | ENCRYPTED;
    bytes.set(lock, lockAt);
    const headEnd = lockAt + lock.length;
    const detailsEnd = writeDetails(bytes, headEnd, view, header, entry);
    const payloadBytes = detailsEnd - headEnd + entry.body.length + TAG_BYTES;
    this.#writePrefix(at, seq, headEnd - header, payloadBytes);
    this.#at = headEnd;
    const parts = [bytes.subarray(headEnd, detailsEnd), entry.body];
    const payload = yield* sealPayload(sealer, seq, bytes.subarray(at + CHECKED_FROM, headEnd), parts);
    let checksum = crc32(bytes.subarray(at + CHECKED_FROM, headEnd));
    for (const chunk of payload) checksum = yield* crcSteps(chunk, checksum);
    view.setUint32(at + 8, checksum, true);
    for (const chunk of payload) this.#append(chunk);
    return headEnd - at + payloadBytes;
  }

  /** Prefix and header of an entry in the clear. @returns where they end */
  #writeHead(item: Encodable, bodyBytes: number): number {
    const { entry, seq } = item;
    const { bytes, view } = this.#staging;
    const header = this.#at + ENTRY_PREFIX_BYTES;
    const detailsAt = writeFacts(bytes, view, header, entry, item);
    const end = writeDetails(bytes, detailsAt, view, header, entry);
    this.#writePrefix(this.#at, seq, end - header, bodyBytes);
    return end;
  }

  #writePrefix(at: number, seq: number, headerBytes: number, payloadBytes: number): void {
    const { view } = this.#staging;
    view.setUint32(at, MAGIC_WORD, true);
    view.setUint32(at + 4, ENTRY_PREFIX_BYTES - CHECKED_FROM + headerBytes + payloadBytes, true);
    view.setUint32(at + 12, seq >>> 0, true);
    view.setUint32(at + 16, Math.floor(seq / 2 ** 32), true);
    view.setUint32(at + 20, headerBytes, true);
  }

  #append(chunk: Uint8Array): void {
    if (chunk.length > COPIED_BYTES_MAX) {
      this.#reference(chunk);
      return;
    }
    this.#room(chunk.length);
    this.#staging.bytes.set(chunk, this.#at);
    this.#at += chunk.length;
  }

  #reference(body: Uint8Array): void {
    this.#flush();
    if (body.length > 0) this.#chunks.push(body);
  }

  #flush(): void {
    if (this.#at > this.#from) this.#chunks.push(this.#staging.bytes.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  /** The staging memory, with room for so many bytes. */
  #room(bytes: number): Staging {
    if (this.#at + bytes <= this.#staging.bytes.length) return this.#staging;
    this.#flush();
    this.#from = 0;
    this.#at = 0;
    if (bytes > STAGING_BYTES) {
      this.#staging = createStaging(bytes);
      return this.#staging;
    }
    this.#used += 1;
    const next = this.#stagings[this.#used] ?? createStaging(STAGING_BYTES);
    this.#stagings[this.#used] = next;
    this.#staging = next;
    return next;
  }
}
