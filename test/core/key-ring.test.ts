import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  KeyRing,
  keyIdOf,
  lockBytesOf,
  type NamedKey,
  type Sealer,
  TAG_BYTES,
} from '../../src/core/key-ring.ts';

const HEADER = Buffer.from('header');
const PLAIN = Buffer.from('what nobody else may read');

function namedKey(id: string): NamedKey {
  return { id, key: randomBytes(32) };
}

interface Message {
  readonly lock: Uint8Array;
  readonly number: number;
  readonly sealed: Buffer;
  readonly tag: Uint8Array;
}

function seal(sealer: Sealer, number: number): Message {
  const cipher = sealer.start(number, HEADER);
  const sealed = Buffer.concat([cipher.update(PLAIN), cipher.final()]);
  return { lock: sealer.lock, number, sealed, tag: cipher.getAuthTag() };
}

function open(ring: KeyRing, { lock, number, sealed, tag }: Message, header: Uint8Array = HEADER): Buffer {
  const decipher = ring.opening(lock, number, header, tag);
  return Buffer.concat([decipher.update(sealed), decipher.final()]);
}

describe('a ring of keys', () => {
  it('opens what it sealed, and hides it', () => {
    const ring = new KeyRing([namedKey('a')]);
    const message = seal(ring.sealer(), 7);
    expect(open(ring, message)).toEqual(PLAIN);
    expect(message.sealed.includes(PLAIN.subarray(0, 4))).toBe(false);
    expect([keyIdOf(message.lock), lockBytesOf(message.lock)]).toEqual(['a', message.lock.length]);
  });

  it('seals under the newest key, and opens the old while its key is in the ring (rotation)', () => {
    const ring = new KeyRing([namedKey('2025')]);
    const old = seal(ring.sealer(), 0);
    ring.add(namedKey('2026'));
    const fresh = seal(ring.sealer(), 0);
    expect([ring.currentId, keyIdOf(old.lock), keyIdOf(fresh.lock)]).toEqual(['2026', '2025', '2026']);
    expect([open(ring, old), open(ring, fresh)]).toEqual([PLAIN, PLAIN]);
    ring.remove('2025');
    expect(() => open(ring, old)).toThrow(expect.objectContaining({ code: 'ENCRYPTION_KEY_MISSING' }));
    expect(open(ring, fresh)).toEqual(PLAIN);
  });

  it('tells another key under the same id from damage, by an error that names it', () => {
    const message = seal(new KeyRing([namedKey('a')]).sealer(), 0);
    const other = new KeyRing([namedKey('a')]);
    expect(() => open(other, message)).toThrow(
      expect.objectContaining({ code: 'ENCRYPTION_KEY_MISSING', message: expect.stringContaining('"a"') }),
    );
  });

  it('never uses a nonce twice: numbers only grow, and each sealer has an AES key of its own', () => {
    const ring = new KeyRing([namedKey('a')]);
    const sealer = ring.sealer();
    seal(sealer, 5);
    expect(() => seal(sealer, 5)).toThrow('was used');
    expect(() => seal(sealer, 4)).toThrow('was used');
    expect(seal(ring.sealer(), 5).sealed).not.toEqual(seal(ring.sealer(), 5).sealed);
  });

  it('has another nonce for every number, also beyond 32 bits', () => {
    const sealer = new KeyRing([namedKey('a')]).sealer();
    const numbers = [7, 2 ** 31 + 7, 2 ** 32 + 7, 2 ** 33 + 7, 2 ** 40 + 7, 2 ** 52 + 7];
    // Under one key equal nonces would hide equal bytes in the same way.
    const hidden = numbers.map((number) => seal(sealer, number).sealed.toString('hex'));
    expect(new Set(hidden).size).toBe(numbers.length);
  });

  it('has tags of 16 bytes, and takes no shorter ones', () => {
    const ring = new KeyRing([namedKey('a')]);
    const message = seal(ring.sealer(), 0);
    expect([message.tag.length, TAG_BYTES]).toEqual([16, 16]);
    for (const length of [0, 4, 12, 15]) {
      expect(() => open(ring, { ...message, tag: message.tag.subarray(0, length) })).toThrow();
    }
  });

  it('opens nothing that was changed: message, tag, header, number or salt', () => {
    const ring = new KeyRing([namedKey('a')]);
    const message = seal(ring.sealer(), 3);
    const flipped = (bytes: Uint8Array, at: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    expect(() => open(ring, { ...message, sealed: flipped(message.sealed, 2) })).toThrow();
    expect(() => open(ring, { ...message, tag: flipped(message.tag, 15) })).toThrow();
    expect(() => open(ring, { ...message, number: 4 })).toThrow();
    expect(() => open(ring, { ...message, lock: flipped(message.lock, message.lock.length - 1) })).toThrow();
    expect(() => open(ring, message, Buffer.from('another'))).toThrow();
  });

  it('refuses what is no key, an id twice, no keys, and to forget the current key', () => {
    const config = expect.objectContaining({ name: 'ConfigError' });
    expect(() => new KeyRing([])).toThrow(config);
    expect(() => new KeyRing([{ id: 'a', key: randomBytes(16) }])).toThrow(config);
    expect(() => new KeyRing([{ id: '', key: randomBytes(32) }])).toThrow(config);
    expect(() => new KeyRing([{ id: 'x'.repeat(65), key: randomBytes(32) }])).toThrow(config);
    expect(() => new KeyRing([namedKey('a'), namedKey('a')])).toThrow(config);
    expect(() => new KeyRing([namedKey('a')]).remove('a')).toThrow(config);
  });
});

describe('a message sealed by itself', () => {
  it('opens with the key that its bytes name, also after another key became the current one', () => {
    const first = namedKey('a');
    const ring = new KeyRing([first]);
    const sealed = ring.sealMessage(PLAIN, HEADER);
    ring.add(namedKey('b'));
    const later = ring.sealMessage(PLAIN, HEADER);
    expect(Buffer.from(ring.openMessage(sealed, HEADER))).toEqual(PLAIN);
    expect(Buffer.from(ring.openMessage(later, HEADER))).toEqual(PLAIN);
    expect([keyIdOf(sealed), keyIdOf(later)]).toEqual(['a', 'b']);
    expect(() => new KeyRing([first]).openMessage(later, HEADER)).toThrow(/"b"/);
  });

  it('is the same for the same message, and has another salt for any other', () => {
    const ring = new KeyRing([namedKey('a')]);
    const saltOf = (sealed: Uint8Array): string =>
      Buffer.from(sealed.subarray(lockBytesOf(sealed) - 16, lockBytesOf(sealed))).toString('hex');
    const one = ring.sealMessage(PLAIN, HEADER);
    expect(ring.sealMessage(PLAIN, HEADER)).toEqual(one);
    const others = [
      ring.sealMessage(Buffer.concat([PLAIN, Uint8Array.of(0)]), HEADER),
      ring.sealMessage(PLAIN, Buffer.from('another')),
      // The border between header and message counts.
      ring.sealMessage(PLAIN.subarray(1), Buffer.concat([HEADER, PLAIN.subarray(0, 1)])),
      new KeyRing([namedKey('a')]).sealMessage(PLAIN, HEADER),
    ];
    expect(new Set([one, ...others].map(saltOf)).size).toBe(5);
  });

  it('is not opened when a bit of it, or its header, is another', () => {
    const ring = new KeyRing([namedKey('a')]);
    const sealed = ring.sealMessage(PLAIN, HEADER);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Uint8Array.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => ring.openMessage(changed, HEADER), `byte ${at}`).toThrow();
    }
    for (let end = 0; end < sealed.length; end += 1) {
      expect(() => ring.openMessage(sealed.subarray(0, end), HEADER), `cut at ${end}`).toThrow();
    }
    expect(() => ring.openMessage(sealed, Buffer.from('other'))).toThrow(/not what was sealed/);
  });
});
