/**
 * Bodies of objects under a ring of keys: each can be opened by itself, in its own row, and the bodies of equal entries are
 * sealed to equal bytes.
 */
import type { KeyRing } from '../core/key-ring.ts';
import type { BodySeal, OpenBody } from './parquet.ts';

/** Binds what is sealed to its use, so that it cannot be passed off as something else. */
const HEADER = Buffer.from('tierfall body 2\n');
/** Of the time before bodies were bound to their rows. */
const HEADER_ALONE = Buffer.from('tierfall body 1');

/** Seals with the key that is current at that moment. */
export function bodySeal(keys: KeyRing): BodySeal {
  return {
    get keyId() {
      return keys.currentId;
    },
    seal: (body, facts) => keys.sealMessage(body, headerOf(facts)),
  };
}

/** Opens with whichever key of the ring the bytes name. */
export function openBody(keys: KeyRing): OpenBody {
  return (_, sealed, facts) => keys.openMessage(sealed, facts === undefined ? HEADER_ALONE : headerOf(facts));
}

function headerOf(facts: Uint8Array): Uint8Array {
  return Buffer.concat([HEADER, facts]);
}
