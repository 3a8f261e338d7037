/**
 * Encryption of data at rest: AES-256-GCM under a ring of named keys. New data is sealed under the current key; old
 * data is opened while its key is in the ring, so keys are changed while everything runs.
 *
 * What is sealed carries its lock: which key, and the salt of this use of it.
 *
 *   0   1  bytes of the key's id n
 *   1   n  the key's id, UTF-8
 *   ·   4  check: tells another key under the same id from damage
 *   ·  16  salt
 *
 * K1 a nonce is used once per AES key, whatever the clock, the chance of a restart or a copied directory: every sealer
 * has an AES key of its own, HKDF-SHA256 of the ring's key with 128 fresh random bits as salt, and under it the nonce
 * is a number that only grows. A message that is sealed by itself has a salt made of it, which only an equal one has. K2 tags are 16 bytes, on both sides. K3 nothing that was opened is handed out before
 * its tag fitted. K4 a key that is not in the ring is an error that names it, never damage.
 */
import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createHmac,
  type DecipherGCM,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { ConfigError, StorageError } from './errors.ts';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const CHECK_BYTES = 4;
const ID_BYTES_MAX = 64;
const INFO = 'tierfall data at rest';
/** AES keys that were derived and are kept, one per process that wrote. */
const DERIVED_MAX = 256;
export const TAG_BYTES = 16;

export interface NamedKey {
  /** 1 to 64 bytes of UTF-8; stored in the clear next to what it encrypts. */
  readonly id: string;
  /** 32 bytes from a good source of chance, such as `crypto.randomBytes(32)`. */
  readonly key: Uint8Array;
}

/** One use of the current key. Everything sealed here is opened by the ring with the lock and the same number. */
export interface Sealer {
  readonly keyId: string;
  /** Stored beside what is sealed. */
  readonly lock: Uint8Array;
  /** Starts a message. @param number above that of the message before @param header bound to the message, not hidden */
  start(number: number, header: Uint8Array): CipherGCM;
}

interface HeldKey {
  readonly key: Uint8Array;
  readonly check: Uint8Array;
}

function nonceOf(number: number): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, Math.floor(number / 2 ** 32));
  view.setUint32(8, number >>> 0);
  return nonce;
}

function hold({ id, key }: NamedKey): HeldKey {
  const idBytes = Buffer.byteLength(id);
  if (idBytes < 1 || idBytes > ID_BYTES_MAX) {
    throw new ConfigError(
      'encryption.keys.id',
      `found ${idBytes} bytes, expected 1 to ${ID_BYTES_MAX}`,
      'Rename the key.',
    );
  }
  if (key.length !== KEY_BYTES) {
    throw new ConfigError(
      'encryption.keys.key',
      `found ${key.length} bytes for ${JSON.stringify(id)}, expected ${KEY_BYTES}`,
      'Make one with crypto.randomBytes(32).',
    );
  }
  const check = createHmac('sha256', key).update(`tierfall key check:${id}`).digest().subarray(0, CHECK_BYTES);
  return { key: Uint8Array.from(key), check };
}

function derive({ key }: HeldKey, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, INFO, KEY_BYTES));
}

/** A salt that only equal messages share, under one key. */
function saltOf({ key }: HeldKey, header: Uint8Array, message: Uint8Array): Uint8Array {
  const lengths = new Uint8Array(8);
  new DataView(lengths.buffer).setFloat64(0, header.length);
  const mac = createHmac('sha256', key).update('tierfall salt').update(lengths).update(header).update(message);
  return mac.digest().subarray(0, SALT_BYTES);
}

function createSealer(id: string, held: HeldKey, salt: Uint8Array = randomBytes(SALT_BYTES)): Sealer {
  const idBytes = Buffer.from(id);
  const lock = Buffer.concat([Uint8Array.of(idBytes.length), idBytes, held.check, salt]);
  const key = derive(held, salt);
  let last = -1;
  return {
    keyId: id,
    lock,
    start: (number, header) => {
      if (!(number > last)) throw new Error(`number ${number} was used under this key already`);
      last = number;
      const cipher = createCipheriv(ALGORITHM, key, nonceOf(number), { authTagLength: TAG_BYTES });
      return cipher.setAAD(header);
    },
  };
}

/** Bytes of the lock at the start of `bytes`; more than there are when it is not whole. */
export function lockBytesOf(bytes: Uint8Array): number {
  return 1 + (bytes[0] ?? 0) + CHECK_BYTES + SALT_BYTES;
}

/** The id of the key that a lock names. */
export function keyIdOf(lock: Uint8Array): string {
  return Buffer.from(lock.subarray(1, 1 + (lock[0] ?? 0))).toString('utf8');
}

export class KeyRing {
  readonly #keys = new Map<string, HeldKey>();
  readonly #derived = new Map<string, Uint8Array>();
  #currentId = '';

  /** @param keys the last one is the current one @throws ConfigError for a key that is none, or an id given twice */
  constructor(keys: readonly NamedKey[]) {
    if (keys.length === 0) throw new ConfigError('encryption.keys', 'found none, expected one', 'Add a key.');
    for (const key of keys) this.add(key);
  }

  /** The key under which new data is sealed. */
  get currentId(): string {
    return this.#currentId;
  }

  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** Adds a key and makes it the current one. @throws ConfigError when its id is taken, or it is no key */
  add(key: NamedKey): void {
    if (this.#keys.has(key.id)) {
      throw new ConfigError(
        'encryption.keys.id',
        `found ${JSON.stringify(key.id)} twice`,
        'Give each key its own id.',
      );
    }
    this.#keys.set(key.id, hold(key));
    this.#currentId = key.id;
  }

  /** Forgets a key: what it sealed cannot be opened any more. @throws ConfigError for the current key */
  remove(id: string): void {
    if (id === this.#currentId) {
      throw new ConfigError(
        'encryption.keys',
        `${JSON.stringify(id)} is the current key`,
        'Add its successor first.',
      );
    }
    this.#keys.delete(id);
    this.#derived.clear();
  }

  /** A fresh use of the current key. */
  sealer(): Sealer {
    return createSealer(this.#currentId, this.#held(this.#currentId));
  }

  /**
   * Seals one message by itself, under the current key: lock, tag and what is hidden. The same message gives the same bytes,
   * as those who store by content need it, and only then is a nonce used again. Whoever has the bytes can tell that two
   * messages are equal.
   * @param header bound to the message, not hidden and not stored
   */
  sealMessage(message: Uint8Array, header: Uint8Array): Uint8Array {
    const held = this.#held(this.#currentId);
    const sealer = createSealer(this.#currentId, held, saltOf(held, header, message));
    const cipher = sealer.start(0, header);
    const hidden = [cipher.update(message), cipher.final()];
    return Buffer.concat([sealer.lock, cipher.getAuthTag(), ...hidden]);
  }

  /**
   * The other direction.
   * @throws StorageError ENCRYPTION_KEY_MISSING without the key; STORAGE_CORRUPT when it is not what was sealed
   */
  openMessage(sealed: Uint8Array, header: Uint8Array): Uint8Array {
    const tagAt = lockBytesOf(sealed);
    const from = tagAt + TAG_BYTES;
    if (sealed.length < from) throw notSealed();
    const decipher = this.opening(sealed.subarray(0, tagAt), 0, header, sealed.subarray(tagAt, from));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(from)), decipher.final()]);
    } catch (cause) {
      throw notSealed(cause);
    }
  }

  /**
   * Starts to open a message; what `update` gives may be used only after `final` did not throw.
   * @throws StorageError with code ENCRYPTION_KEY_MISSING when the ring does not hold the key of this lock
   */
  opening(lock: Uint8Array, number: number, header: Uint8Array, tag: Uint8Array): DecipherGCM {
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv(ALGORITHM, this.#keyOf(lock), nonceOf(number), options);
    return decipher.setAAD(header).setAuthTag(tag);
  }

  #keyOf(lock: Uint8Array): Uint8Array {
    const name = Buffer.from(lock.buffer, lock.byteOffset, lock.byteLength).toString('latin1');
    const known = this.#derived.get(name);
    if (known !== undefined) return known;
    const id = keyIdOf(lock);
    const held = this.#held(id);
    const checkAt = lock.length - SALT_BYTES - CHECK_BYTES;
    if (Buffer.compare(held.check, lock.subarray(checkAt, checkAt + CHECK_BYTES)) !== 0) {
      throw missingKey(`the key ${JSON.stringify(id)} of the ring is another one than it was sealed under`);
    }
    if (this.#derived.size >= DERIVED_MAX) this.#derived.clear();
    const key = derive(held, lock.subarray(lock.length - SALT_BYTES));
    this.#derived.set(name, key);
    return key;
  }

  #held(id: string): HeldKey {
    const held = this.#keys.get(id);
    if (held !== undefined) return held;
    throw missingKey(`it is sealed under the key ${JSON.stringify(id)}; the ring holds ${this.ids.join(', ')}`);
  }
}

function notSealed(cause?: unknown): StorageError {
  return new StorageError('STORAGE_CORRUPT', 'encrypted bytes are not what was sealed', {
    hint: 'Nothing of them is handed out. Restore them from a copy.',
    cause,
  });
}

/** Data is encrypted and cannot be opened with the keys at hand. */
export function missingKey(words: string): StorageError {
  return new StorageError('ENCRYPTION_KEY_MISSING', words, {
    hint: 'Add that key to the ring; nothing was changed or lost.',
  });
}
