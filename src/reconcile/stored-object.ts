/** What an object says of itself to whoever knows its name alone. */
import type { Priority } from '../core/batch.ts';
import { StorageError } from '../core/errors.ts';
import { sha256InTurns } from '../core/keys.ts';
import { placeOf } from './job.ts';
import { countEntryRows, notTheObject, type ReplayDeps } from './replay.ts';

export interface StoredFacts {
  readonly lane: number;
  readonly order: number;
  readonly rows: number;
  /** Of all its bytes. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
  /** The highest of its records; `normal` where nothing says so. */
  readonly priority: Priority;
}

interface Told {
  readonly rows: number | undefined;
  readonly priority: Priority;
}

export interface FactsDeps extends Pick<ReplayDeps, 'decode'> {
  readonly store: Pick<ReplayDeps['store'], 'get'>;
  /** What an object says of itself, some of it perhaps not. It is only asked of bytes that are intact. */
  readonly factsOf?: ((bytes: Uint8Array) => Told) | undefined;
}

/**
 * Reads an object to the last byte, so that what is told of it is true of what is stored; its bodies are not opened where
 * it says itself how many records it has.
 * @throws StorageError as `loadEntries`; `STORAGE_FOREIGN` for a name that is not of the layout
 */
export async function readFacts(ref: string, { store, decode, factsOf }: FactsDeps): Promise<StoredFacts> {
  const place = placeOf(ref);
  if (!place) throw foreign(ref);
  const bytes = await store.get(ref);
  const digest = await sha256InTurns([bytes]);
  if (!digest.startsWith(place.digest)) throw notTheObject(ref, `its SHA-256 is ${digest}`);
  const told = factsOf?.(bytes);
  const rows = told?.rows ?? countEntryRows(await decode(bytes));
  const { lane, order } = place;
  return { lane, order, rows, priority: told?.priority ?? 'normal', sha256: digest, bytes };
}

function foreign(ref: string): StorageError {
  return new StorageError('STORAGE_FOREIGN', `${ref} does not follow the layout of object names`, {
    hint: 'Move it elsewhere, or give it the name it was stored under.',
  });
}
