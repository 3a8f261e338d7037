/** Bodies of objects under a ring of keys: each can be opened by itself, and equal bodies are sealed to equal bytes. */
import type { KeyRing } from '../core/key-ring.ts';
import type { BodySeal, OpenBody } from './parquet.ts';

/** Binds what is sealed to its use, so that it cannot be passed off as something else. */
const HEADER = Buffer.from('tierfall body 1');

/** Seals with the key that is current at that moment. */
export function bodySeal(keys: KeyRing): BodySeal {
  return {
    get keyId() {
      return keys.currentId;
    },
    seal: (body) => keys.sealMessage(body, HEADER),
  };
}

/** Opens with whichever key of the ring the bytes name. */
export function openBody(keys: KeyRing): OpenBody {
  return (_, sealed) => keys.openMessage(sealed, HEADER);
}
