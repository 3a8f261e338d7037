/** Reads every stored object of a chain, whatever became of it, and checks name, file hash and body hashes. */
import { TierfallError } from '../core/errors.ts';
import type { JournalEntry } from '../journal/journal.ts';
import type { Store } from '../stores/store.ts';
import { chainPrefix, isObjectKey } from './job.ts';
import { inspectObject } from './replay.ts';

export interface VerifiedObjects {
  /** Replay objects. */
  readonly objects: number;
  /** Objects that keep the originals of degraded rows. */
  readonly heals: number;
  readonly faults: readonly { readonly ref: string; readonly fault: string }[];
}

/** @throws StorageError when the store cannot be listed; what is wrong with one object is a fault in the result */
export async function verifyObjects(
  store: Store,
  chain: string,
  decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>,
  onProgress: (done: number) => void = () => {},
): Promise<VerifiedObjects> {
  const faults: { ref: string; fault: string }[] = [];
  const counts = { objects: 0, heals: 0 };
  for (const [prefix, kind] of [
    ['', 'objects'],
    ['heal/', 'heals'],
  ] as const) {
    for await (const { key } of store.list(`${prefix}${chainPrefix(chain)}`)) {
      if (!isObjectKey(key.slice(prefix.length))) continue;
      counts[kind] += 1;
      try {
        await inspectObject(key, { store, decode });
      } catch (error) {
        if (!(error instanceof TierfallError)) throw error;
        faults.push({ ref: key, fault: error.message });
      }
      onProgress(counts.objects + counts.heals);
    }
  }
  return { ...counts, faults };
}
